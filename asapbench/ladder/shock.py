"""How a server gets over a load that was too much: the time to recover, and what a spike did."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from asapbench.ladder.evidence import STEPS, steps_of
from asapbench.ladder.observe import Step
from asapbench.ladder.recovery import recovered
from asapbench.ladder.rung import Rung, State, rules_of
from asapbench.model import Run, Window
from asapbench.samples import requests_in

_FEW = 2.0  # requests that may lack an answer without that saying anything


def recovered_in(run: Run, step: Step, window: Window, worst: State) -> float | None:
    """Seconds until a server is as well as that again; None where it is not."""
    rules = rules_of(run.story.targets)
    gap = inf if worst == "broken" else _gap(step)
    return recovered(requests_in(run, window), rules, worst, gap)


def _gap(step: Step) -> float:
    """Seconds in which there may be nothing to answer; bursts are quiet less than half the time."""
    return (_FEW / step.rate if step.rate else 0.0) + (step.cycle or 0.0) / 2


def recovery_of(run: Run, rungs: Sequence[Rung]) -> dict[str, Any] | None:
    """How long it took, and back at which load; None where nothing was to be recovered from.

    It is measured where the load drops from a step that broke, or from a spike. Of several the
    first that was not seen to end counts.
    """
    windows = {window.name: window for window in run.story.windows}
    broken = {rung.step for rung in rungs if rung.broken or rung.role == "spike"}
    found = [
        _recovery(run, step, at, window.end, _worst(rungs, step))
        for step, at in zip(steps_of(run), _times(run), strict=True)
        if step.role == "recovery" and step.number in broken
        if (window := windows.get(f"recovery-{step.number}")) is not None
    ]
    return next((one for one in found if one["seconds"] is None), found[0] if found else None)


def _recovery(run: Run, step: Step, at: float, end: float, worst: State) -> dict[str, Any]:
    whole = Window(name="recovery", start=at, end=end)
    seconds = recovered_in(run, step, whole, worst)
    return {"seconds": seconds, "users": step.users, "rps": step.rate, "waited": end - at}


def _worst(rungs: Sequence[Rung], step: Step) -> State:
    """The state in which this load was sustained, or that nearest to it; healthy if none was."""
    good = [rung for rung in rungs if not rung.broken]
    nearest = min(good, key=lambda rung: abs(rung.level - step.level), default=None)
    return nearest.state if nearest else "healthy"


def _times(run: Run) -> list[float]:
    return [float(at) for table in run.tables(STEPS.name) for at in table.columns["at"]]


def spike_of(rungs: Sequence[Rung]) -> dict[str, Any] | None:
    """How far latency rose; None where there was no spike."""
    # the last attempt at it: that from which the spike rose
    quiet = next((rung for rung in reversed(rungs) if rung.role == "quiet"), None)
    spike = next((rung for rung in rungs if rung.role == "spike"), None)
    if quiet is None or spike is None:
        return None
    rise = spike.p95 / quiet.p95 if spike.p95 and quiet.p95 else None
    return {"quiet_p95": quiet.p95, "spike_p95": spike.p95, "spike_p99": spike.p99, "rise": rise}
