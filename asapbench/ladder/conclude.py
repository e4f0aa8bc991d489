"""What a climbed ladder comes to: metrics, notes, gates and the details of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asapbench.floor import floor_metrics
from asapbench.ladder.evidence import rungs_of
from asapbench.ladder.plateau import find_plateau
from asapbench.ladder.rung import Rung
from asapbench.ladder.scaling import Scaling, fit
from asapbench.ladder.search import Finding, find
from asapbench.ladder.shock import recovery_of, spike_of
from asapbench.model import Analysis, Gate, Labels, Metric, Note, Run, Target, metric_key
from asapbench.targets import read_table
from asapbench.units import show

RECOMMENDED = 0.8  # of what can be sustained
CONFIDENCE = 0.975  # of each bound
LITTLE = 0.10

# metric → (what of a rung it is, unit)
_OF_A_STEP = {
    "offered": ("offered", "req/s"),
    "throughput": ("achieved", "req/s"),
    "delivered": ("delivered", "ratio"),
    "queue_growth": ("growth", "ratio"),
    "error_rate": ("error_rate", "ratio"),
    "latency.p50": ("p50", "s"),
    "latency.p95": ("p95", "s"),
    "latency.p99": ("p99", "s"),
    "in_flight": ("in_flight", "count"),
    "server.cpu": ("server_cpu", "cores"),
    "server.rss": ("server_rss", "B"),
}
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
        metric_key(name, label): unit for label in labels for name, (_, unit) in _OF_A_STEP.items()
    }
    return _OF_THE_RUN | of_steps


def with_marks(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """A table with the shipped thresholds of a step, where it has none of its own."""
    if any(target.marks for target in targets):
        return targets
    return (*targets, *(target for target in read_table("stress", None) if target.marks))


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
        "sustainable": _sustainable(finding),
        "breaking_point": _breaking_point(finding),
        "conclusion": _conclusion(finding, rungs),
        "recovery": recovery,
        "model": model and model.model_dump(mode="json"),
        "spike": spike_of(rungs),
        "thresholds": [t.model_dump(mode="json") for t in run.story.targets if t.marks],
    }
    metrics = (
        *_run_metrics(finding, rungs, recovery, model),
        *_step_metrics(rungs, finding.good),
        *floor_metrics(run),
    )
    notes = tuple(_notes(finding, rungs, recovery))
    return Analysis(metrics=metrics, notes=notes, gates=tuple(_gates(finding)), details=details)


def so_far(rungs: Sequence[Rung], *, closed: bool) -> tuple[Metric, ...]:
    """The metrics of the run as its first steps show them, without what takes fitting."""
    finding = find_plateau(rungs) if closed else find(rungs)
    return tuple(_run_metrics(finding, rungs, None, None))


def _model(rungs: Sequence[Rung]) -> Scaling | None:
    good = [rung for rung in rungs if not rung.broken]
    return fit([rung.users for rung in good], [rung.achieved for rung in good])


def _step(rung: Rung) -> dict[str, Any]:
    left_out = {"level", "low", "high", "capacity", "capacity_error", "final"}
    return rung.model_dump(mode="json", exclude=left_out)


def _sustainable(finding: Finding) -> dict[str, Any]:
    return {
        "low": finding.low,
        "high": finding.high,
        "users": finding.good.users if finding.good else None,
        "recommended": RECOMMENDED * finding.low,
    }


def _breaking_point(finding: Finding) -> dict[str, Any] | None:
    bad = finding.bad
    if bad is None:
        return None
    return {
        "step": bad.step,
        "users": bad.users,
        "rps": bad.achieved if bad.offered is None else bad.offered,
        "reason": "; ".join(bad.reasons),
        "exhausted": bad.exhausted,
    }


def _conclusion(finding: Finding, rungs: Sequence[Rung]) -> str:
    """One sentence on what the ladder showed."""
    least = f"sustains at least {show(finding.low, 'req/s')}"
    if finding.limited:
        return f"{_limited_by(finding.limited)}, {least}"
    if finding.high is None:
        most = max(rung.users for rung in rungs)
        return f"{least}: no break up to {most:,} users"
    if not finding.low:
        return f"breaks below {show(finding.high, 'req/s')}: no step was sustained"
    return f"sustains {_range(finding.low, finding.high)}"


def _limited_by(rung: Rung) -> str:
    return "generator-limited" if "generator" in rung.doubt else "machine-limited"


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
    point = _breaking_point(finding)
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


def _step_metrics(rungs: Sequence[Rung], good: Rung | None) -> Iterator[Metric]:
    labelled: list[tuple[Rung, Labels]] = [(rung, {"step": str(rung.step)}) for rung in rungs]
    for rung, labels in ([(good, {})] if good else []) + labelled:
        for name, (source, unit) in _OF_A_STEP.items():
            value = getattr(rung, source)
            if value is not None:
                yield Metric(name=name, unit=unit, value=value, n=1, labels=labels)


def _notes(
    finding: Finding, rungs: Sequence[Rung], recovery: Mapping[str, Any] | None
) -> Iterator[Note]:
    if finding.high is None and not finding.limited:
        yield Note(
            code="no-break",
            text="nothing broke, so this is a lower bound",
            hint="--until-break goes on until it does, or give more --max-users",
        )
    if recovery and recovery["seconds"] is None:
        yield Note(
            code="not-recovered",
            text=f"back at {recovery['users']} users the server was not healthy again within "
            f"{show(recovery['waited'], 's')}",
            hint="look for what it keeps of requests that nobody waits for any more",
        )
    open_ = [rung.step for rung in rungs if not rung.broken and (rung.little or 0) > LITTLE]
    if open_:
        yield Note(
            code="little",
            text="Little's law (in flight = rate times time) does not close within "
            f"{show(LITTLE, 'ratio')} in step {', '.join(map(str, open_))}",
            hint="the load was not steady, or the generator was kept from counting at even times",
        )


def _gates(finding: Finding) -> Iterator[Gate]:
    if finding.limited:
        yield Gate(
            name="generator-limited",
            unit="count",
            value=1.0,
            limit=0.0,
            text=f"{_limited_by(finding.limited)}, sustains at least "
            f"{show(finding.low, 'req/s')}: {finding.limited.doubt}",
            hint="more --processes, fewer --max-users, or a machine with more or quieter cores",
        )
