"""What the instrument itself takes, measured against a server that does nothing.

A latency below three times the floor, or a rate above two thirds of what the generator reaches
there, could be the generator's as well as the server's: such limits are refused as not measurable.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable

from asapbench import samples, stats
from asapbench.model import Metric, Run, Target, Tick, Window
from asapbench.offer import Load
from asapbench.stats import Array
from asapbench.targets import parse_limit
from asapbench.traffic import Traffic
from asapbench.units import show

LATENCY_ROOM = 3.0
RATE_ROOM = 2 / 3
SECONDS, TOP_SECONDS, WARM_UP = 2.0, 1.0, 0.5
_RAMP = 2000.0  # users/s: nothing has to be spared here
_PART = "floor-"


def measure_floor(traffic: Traffic, users: int, rate: float) -> Generator[Tick]:
    """Offer as much as there is, then the planned rate; not one that is out of reach."""
    yield from traffic.ramp(Load(users=users, spawn_rate=_RAMP, rate=None))
    yield from traffic.hold("floor warm-up", WARM_UP)
    before = traffic.answers
    yield from traffic.hold("floor top", TOP_SECONDS)
    if rate <= (traffic.answers - before) / TOP_SECONDS * RATE_ROOM:
        yield from traffic.ramp(Load(users=users, spawn_rate=_RAMP, rate=rate))
        yield from traffic.hold("floor", SECONDS)


def floor_metrics(run: Run) -> tuple[Metric, ...]:
    """`floor.p50`, `floor.mean` … and `floor.throughput`, the best of the attempts at each."""
    found: dict[str, Metric] = {}
    for name, part in run.parts.items():
        if name.startswith(_PART):
            for metric in _attempt(part):
                found[metric.name] = _better(metric, found.get(metric.name, metric))
    return tuple(found.values())


def below_floor(run: Run) -> str:
    """Why a row of the table, or the planned rate, cannot be measured here; empty where it can."""
    floor = {metric.name: metric.value for metric in floor_metrics(run)}
    refused = (_rate(run, floor), *(_limit(target, floor) for target in run.story.targets))
    return next(filter(None, refused), "")


def _rate(run: Run, floor: dict[str, float]) -> str:
    top, rate = floor.get("floor.throughput"), run.story.plan.get("rps", 0.0)
    closed = run.story.plan.get("user_class") == "sustained"  # it offers no rate
    if top is None or closed or rate <= top * RATE_ROOM:
        return ""
    return _too_much(f"--rps {rate:g}", top)


def _limit(target: Target, floor: dict[str, float]) -> str:
    limit = parse_limit(target.limit)
    upper = limit.sign in {"<", "<="}
    kind, _, percentile = target.metric.partition("{")[0].partition(".")
    if kind == "throughput" and not upper:
        top = floor.get("floor.throughput", math.inf)
        too_much = limit.value > top * RATE_ROOM
        return _too_much(f"--targets: {target.metric} {target.limit}", top) if too_much else ""
    timed = kind in {"latency", "service_time"} and upper
    known = _at_least(percentile, floor) if timed else ""
    least = floor.get(f"floor.{known}", -math.inf)
    if limit.value >= least * LATENCY_ROOM:
        return ""
    return (
        f"--targets: {target.metric} {target.limit} cannot be told from the generator's own "
        f"{known} of {show(least, 's')} here: a limit from {show(least * LATENCY_ROOM, 's')} "
        "can; raise it, or measure with a quieter or faster machine"
    )


def _at_least(summary: str, floor: dict[str, float]) -> str:
    """What of the floor this one cannot be below: itself, or the next percentile that is known.

    A slow plan has too few requests in the time of the floor for its high percentiles.
    """
    names = tuple(samples.PERCENTILES)
    lower = names[: names.index(summary) + 1] if summary in names else (summary,)
    return next((name for name in reversed(lower) if f"floor.{name}" in floor), "")


def _too_much(what: str, top: float) -> str:
    return (
        f"{what} cannot be measured here: the generator reaches {show(top, 'req/s')} against a "
        f"server that does nothing, and two thirds of that, {show(top * RATE_ROOM, 'req/s')}, can "
        "be relied on"
    )


def _attempt(part: Run) -> Iterable[Metric]:
    windows = {window.name: window for window in part.story.windows}
    if "floor" in windows:
        latency = samples.requests_in(part, windows["floor"]).latency()
        for name, value in _summaries(latency):
            yield Metric(name=f"floor.{name}", unit="s", value=value, n=len(latency))
    if "floor top" in windows:
        yield _top(part, windows["floor top"])


def _summaries(latency: Array) -> Iterable[tuple[str, float]]:
    for percentile, q in samples.PERCENTILES.items():
        estimate = stats.percentile(stats.sample(latency), q)
        if estimate:
            yield percentile, estimate.value
    if len(latency):
        yield from (("min", float(latency[0])), ("mean", float(latency.mean())))
        yield "max", float(latency[-1])


def _top(part: Run, window: Window) -> Metric:
    served = int(samples.requests_in(part, window).served.sum())
    rate = served / (window.end - window.start)
    return Metric(name="floor.throughput", unit="req/s", value=rate, n=served)


def _better(one: Metric, other: Metric) -> Metric:
    choose = max if one.name == "floor.throughput" else min
    return choose(one, other, key=lambda metric: metric.value)
