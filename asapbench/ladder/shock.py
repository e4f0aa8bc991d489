"""How a server gets over a load that was too much: the time to recover, and what a spike did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asapbench.ladder.evidence import STEPS, steps_of
from asapbench.ladder.recovery import recovered
from asapbench.ladder.rung import Rung, rules_of
from asapbench.model import Run, Window
from asapbench.samples import requests_in


def recovery_of(run: Run, rungs: Sequence[Rung]) -> dict[str, Any] | None:
    """How long it took, and back at which load; None where nothing was to be recovered from.

    It is measured where the load drops from a step that broke, or from a spike.
    """
    windows = {window.name: window for window in run.story.windows}
    broken = {rung.step for rung in rungs if rung.broken or rung.role == "spike"}
    for step, at in zip(steps_of(run), _times(run), strict=True):
        window = windows.get(f"recovery-{step.number}")
        if step.role != "recovery" or step.number not in broken or window is None:
            continue
        whole = Window(name=window.name, start=at, end=window.end)
        seconds = recovered(requests_in(run, whole), rules_of(run.story.targets))
        return {
            "seconds": seconds,
            "users": step.users,
            "rps": step.rate,
            "waited": window.end - at,
        }
    return None


def _times(run: Run) -> list[float]:
    return [float(at) for table in run.tables(STEPS.name) for at in table.columns["at"]]


def spike_of(rungs: Sequence[Rung]) -> dict[str, Any] | None:
    """How far latency rose; None where there was no spike."""
    quiet = next((rung for rung in rungs if rung.role == "quiet"), None)
    spike = next((rung for rung in rungs if rung.role == "spike"), None)
    if quiet is None or spike is None:
        return None
    rise = spike.p95 / quiet.p95 if spike.p95 and quiet.p95 else None
    return {"quiet_p95": quiet.p95, "spike_p95": spike.p95, "spike_p99": spike.p99, "rise": rise}
