"""What a climbed ladder comes to: metrics, notes, gates and the details of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from asapbench.errors import UsageError
from asapbench.floor import floor_metrics
from asapbench.ladder.evidence import rungs_of
from asapbench.ladder.of_steps import OF_A_STEP, step_metrics
from asapbench.ladder.plateau import find_plateau
from asapbench.ladder.remarks import remarks, remedy
from asapbench.ladder.rung import JUDGED, Rung, users_for
from asapbench.ladder.scaling import Scaling, fit
from asapbench.ladder.search import Finding, find
from asapbench.ladder.shock import recovery_of, spike_of
from asapbench.model import Analysis, Gate, Labels, Metric, Run, Target, metric_key
from asapbench.units import show

RECOMMENDED = 0.8  # of what can be sustained
CONFIDENCE = 0.975  # of each bound

_OF_THE_RUN = {
    "max_sustainable_rps": "req/s",
    "recommended_rps": "req/s",
    "breaking_rps": "req/s",
    "breaking_users": "count",
    "recovery_time": "s",
    "knee_users": "count",
}


def metric_units(steps: int) -> dict[str, str]:
    """The metrics that a ladder of so many steps can give; without a label: of the last good."""
    labels: list[Labels] = [{}, *({"step": str(number)} for number in range(1, steps + 1))]
    of_steps = {
        metric_key(name, label): unit for label in labels for name, unit in OF_A_STEP.items()
    }
    return _OF_THE_RUN | of_steps


def check_marks(targets: Iterable[Target]) -> None:
    """Refuse a threshold on what steps are not judged by: it would never mark any."""
    for target in targets:
        if target.marks and target.metric.strip() not in JUDGED:
            raise UsageError(
                f"--targets: {target.metric}: marks = {target.marks!r} would mark no step; steps "
                f"are judged by {', '.join(JUDGED)}"
            )


def analysis(run: Run) -> Analysis:
    """All that a run shows; of a run without a step, nothing."""
    rungs = rungs_of(run)
    if not rungs:
        return Analysis(metrics=())
    closed = run.story.plan.get("user_class") == "stress"
    finding = find_plateau(rungs) if closed else find(rungs)
    model = _model(rungs) if closed else None
    shaken = finding.bad is not None or rungs[-1].role == "spike"
    recovery = recovery_of(run, rungs) if shaken else None
    details = {
        "profile": run.story.plan.get("profile"),
        "user_class": run.story.plan.get("user_class"),
        "steps": [_step(rung) for rung in rungs],
        "sustainable": _sustainable(finding, rungs),
        "breaking_point": _breaking_point(finding, rungs),
        "conclusion": _conclusion(finding, rungs),
        "recovery": recovery,
        "model": model and model.model_dump(mode="json"),
        "spike": spike_of(rungs),
        "thresholds": [t.model_dump(mode="json") for t in run.story.targets if t.marks],
    }
    metrics = (
        *_run_metrics(finding, rungs, recovery, model),
        *step_metrics(run, rungs, finding.good),
        *floor_metrics(run),
    )
    notes = tuple(remarks(run.story, finding, rungs, recovery))
    return Analysis(metrics=metrics, notes=notes, gates=tuple(_gates(finding)), details=details)


def so_far(rungs: Sequence[Rung], *, closed: bool) -> tuple[Metric, ...]:
    """The metrics of the run as its first steps show them, without what takes fitting."""
    finding = find_plateau(rungs) if closed else find(rungs)
    return tuple(_run_metrics(finding, rungs, None, None))


def _model(rungs: Sequence[Rung]) -> Scaling | None:
    """The law of all steps that show the server: that it did less is what tells of coherency."""
    seen = [rung for rung in rungs if not rung.doubt and (rung.fell or not rung.broken)]
    return fit([rung.users for rung in seen], [rung.achieved for rung in seen])


def _step(rung: Rung) -> dict[str, Any]:
    left_out = {"level", "low", "high", "capacity", "capacity_error", "final"}
    return rung.model_dump(mode="json", exclude=left_out)


def _sustainable(finding: Finding, rungs: Sequence[Rung]) -> dict[str, Any]:
    return {
        "low": finding.low,
        "high": finding.high,
        "users": _users(finding.good, rungs) if finding.good else None,
        "recommended": RECOMMENDED * finding.low,
    }


def _users(rung: Rung, rungs: Sequence[Rung]) -> int:
    """How many users offer so much if each offers what the plan says: in the search more share it.

    The first step of any profile is a whole number of them.
    """
    return users_for(rung.level, rungs[0].level / rungs[0].users)


def _breaking_point(finding: Finding, rungs: Sequence[Rung]) -> dict[str, Any] | None:
    bad = finding.bad
    if bad is None:
        return None
    return {
        "step": bad.step,
        "users": _users(bad, rungs),
        "rps": bad.achieved if bad.offered is None else bad.offered,
        "reason": "; ".join(bad.reasons),
        "exhausted": bad.exhausted,
    }


def _conclusion(finding: Finding, rungs: Sequence[Rung]) -> str:
    """One sentence on what the ladder showed."""
    if finding.limited:
        return _limited(finding, finding.limited)
    least = f"sustains at least {show(finding.low, 'req/s')}"
    if finding.high is None:
        most = max(rung.users for rung in rungs)
        return f"{least}: no break up to {most:,} users"
    if not finding.low:
        return f"breaks below {show(finding.high, 'req/s')}: no step was sustained"
    return f"sustains {_range(finding.low, finding.high)}"


def _limited(finding: Finding, rung: Rung) -> str:
    by = "generator-limited" if "generator" in rung.doubt else "machine-limited"
    least = f"sustains at least {show(finding.low, 'req/s')}"
    return f"{by}, {least if finding.good else 'no step was sustained'}"


def _range(low: float, high: float) -> str:
    return f"{show(low, 'req/s').removesuffix(' req/s')}–{show(high, 'req/s')}"


def _value(finding: Finding) -> float:
    return finding.low if finding.high is None else (finding.low + finding.high) / 2


def _run_metrics(
    finding: Finding,
    rungs: Sequence[Rung],
    recovery: Mapping[str, Any] | None,
    model: Scaling | None,
) -> Iterator[Metric]:
    value, n = _value(finding), len(rungs)
    high = float("inf") if finding.high is None else finding.high
    yield Metric(
        name="max_sustainable_rps",
        unit="req/s",
        value=value,
        low=finding.low,
        high=high,
        n=n,
        confidence=CONFIDENCE,
    )
    # of what is sure to be sustained: the interval of a spike is wide
    yield Metric(name="recommended_rps", unit="req/s", value=RECOMMENDED * finding.low, n=n)
    point = _breaking_point(finding, rungs)
    if point:
        yield Metric(name="breaking_rps", unit="req/s", value=point["rps"], n=n)
        yield Metric(name="breaking_users", unit="count", value=point["users"], n=n)
    if recovery and recovery["seconds"] is not None:
        yield Metric(name="recovery_time", unit="s", value=recovery["seconds"], n=1)
    if model and model.knee_users.value is not None:
        knee = model.knee_users
        high = float("inf") if knee.high is None else knee.high
        yield Metric(
            name="knee_users",
            unit="count",
            value=model.knee_users.value,
            low=knee.low,
            high=high,
            n=n,
            confidence=CONFIDENCE,
        )


def _gates(finding: Finding) -> Iterator[Gate]:
    if finding.limited:
        yield Gate(
            name="generator-limited",
            unit="count",
            value=1.0,
            limit=0.0,
            text=f"{_limited(finding, finding.limited)}: {finding.limited.doubt}",
            hint=remedy(finding.limited),
        )
