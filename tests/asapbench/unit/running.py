"""Runs of each command as a watcher sees them, tick by tick."""

from collections.abc import Callable, Iterator
from typing import Any

from asapbench.live.seen import Seen, after
from asapbench.model import Metric, Note, Story, Target, Tick
from asapbench.targets import read_table

MakeStory = Callable[..., Story]
Numbers = tuple[tuple[str, float, str], ...]

NOTE = Note(
    code="more-processes-than-cores",
    text="4 generator processes share 2 cores, which is more than they can make use of at once",
    hint="--processes: give 2",
)
FAILURE = {
    "endpoint": "asap",
    "outcome": "HTTP_5XX",
    "code": 500,
    "text": "500 Internal \x1b[31mServer\x1b[0m Error",
}


def watched(ticks: Iterator[Tick], make_story: MakeStory, command: str, **changes: Any) -> Seen:
    """What is seen after these ticks, one a second."""
    story = make_story(command=command, **{"targets": read_table(command, None), **changes})
    seen = Seen(title=f"asapbench {command}")
    for second, tick in enumerate(ticks):
        seen = after(seen, tick, story, float(second))
    return seen


def load(make_story: MakeStory, **changes: Any) -> Seen:
    """The p95 rises over its limit; answers fail."""
    broken = {"notes": (NOTE,), "failures": (FAILURE,)}
    return watched(_load(), make_story, "load", **{**broken, **changes})


def _load() -> Iterator[Tick]:
    for second in range(45):
        yield Tick(
            phase="measured",
            elapsed=float(second),
            progress=second / 60,
            numbers=(
                ("users", 100.0, "count"),
                ("throughput", 1000.0 - 6 * second, "req/s"),
                ("latency.p95", 0.001 + 0.0001 * second, "s"),
                ("failures", float(second // 20), "count"),
            ),
            so_far=(
                Metric(name="throughput", unit="req/s", value=868.0, n=39_000),
                Metric(name="latency.p95", unit="s", value=0.00512, n=39_000),
                Metric(name="error_rate", unit="ratio", value=2 / 39_000, n=39_000),
            ),
        )


def stress(make_story: MakeStory, **changes: Any) -> Seen:
    """Four steps are done, the fifth is at work."""
    return watched(_stress(), make_story, "stress", **changes)


def _stress() -> Iterator[Tick]:
    for step in range(1, 6):
        for second in range(4):
            yield Tick(
                phase=f"step {step}",
                elapsed=float(second),
                progress=second / 4,
                numbers=_step(step),
                so_far=_sustained(step - 1),
            )
        if step < 5:
            yield _done(step)


def _step(step: int) -> Numbers:
    return (
        ("users", 50.0 * step, "count"),
        ("offered", 500.0 * step, "req/s"),
        ("achieved", 500.0 * step, "req/s"),
        ("p95", 0.0012 * 3**step, "s"),
    )


def _done(step: int) -> Tick:
    more = (
        ("p50", 0.0008 * step, "s"),
        ("p99", 0.0023 * 3**step, "s"),
        ("errors", 0.0, "ratio"),
        ("in flight", 0.4 * step, "count"),
        ("CPU", 0.2 * step, "cores"),
        ("memory", 6e7, "B"),
    )
    return Tick(
        phase=f"step {step}",
        doing="degraded" if step == 4 else "healthy",
        elapsed=0.0,
        progress=1.0,
        numbers=(*_step(step), *more),
        kept=True,
    )


def _sustained(steps: int) -> tuple[Metric, ...]:
    if not steps:
        return ()
    low = 500.0 * steps
    return (
        Metric(name="max_sustainable_rps", unit="req/s", value=low, low=low, high=float("inf")),
    )


def memory(make_story: MakeStory, **changes: Any) -> Seen:
    """The parts are judged; of the server eleven cycles are done, three of them warm-up."""
    return watched(_memory(), make_story, "memory", **changes)


def _memory() -> Iterator[Tick]:
    yield Tick(
        phase="components",
        elapsed=9.0,
        progress=0.7,
        numbers=(("cycles", 19.0, "count"),),
        undecided=("client_send", "server_request"),
        so_far=tuple(map(_part, ("envelope_creation", "serialization", "client_send"))),
    )
    trend = tuple(61e6 + 21_000.0 * cycle for cycle in range(1, 12))
    for cycle in range(1, 12):
        yield Tick(
            phase=f"cycle {cycle}",
            doing="warm-up" if cycle < 4 else "",
            elapsed=2.0 * cycle,
            progress=1.0,
            numbers=_held(cycle),
            kept=True,
        )
        yield Tick(
            phase="measured",
            elapsed=2.0 * cycle,
            progress=(cycle + 0.4) / 19,
            numbers=_held(cycle),
            trend=trend[:cycle],
            so_far=() if cycle < 11 else (_growth(0.011, {}),),
        )


def _part(name: str) -> Metric:
    return _growth(0.014 if name == "client_send" else 0.0001, {"component": name})


def _growth(value: float, labels: dict[str, str]) -> Metric:
    unit = 1e6
    return Metric(
        name="growth_rate",
        unit="B/s",
        value=value * unit,
        low=value * unit * 0.9,
        high=value * unit * 1.2,
        n=8,
        labels=labels,
    )


def _held(cycle: int) -> Numbers:
    return (
        ("rss", 68.3e6 + 21_000.0 * cycle, "B"),
        ("uss", 61.0e6 + 21_000.0 * cycle, "B"),
        ("heap", 24.2e6 + 19_000.0 * cycle, "B"),
        ("blocks", 301_000.0 + 90 * cycle, "count"),
        ("requests", 1000.0 * cycle, "count"),
    )


def micro(make_story: MakeStory, **changes: Any) -> Seen:
    """After the seventh round some are decided."""
    targets = (
        *(Target(metric=_key(*each), limit="< 50 µs") for each in _ENTRIES),
        Target(metric="payload_scaling", limit="<= 1.15"),
    )
    return watched(_micro(), make_story, "micro", **{"targets": targets, **changes})


_ENTRIES = (
    ("envelope_creation", "request"),
    ("envelope_creation", "response"),
    ("json_serialization", "small"),
    ("json_serialization", "large"),
    ("entity_creation", "agent_manifest_with_skills"),
)
_TIMES = (0.0000312, 0.0000298, 0.0000104, 0.0000531, 0.0000497)


def _key(group: str, name: str) -> str:
    return f'{group}{{benchmark="{name}"}}'


def _micro() -> Iterator[Tick]:
    metrics = tuple(
        Metric(
            name=group,
            unit="s",
            value=time,
            low=time * 0.98,
            high=time * 1.03,
            n=7,
            labels={"benchmark": name},
        )
        for (group, name), time in zip(_ENTRIES, _TIMES, strict=True)
    )
    yield Tick(
        phase="measuring",
        elapsed=11.0,
        progress=0.24,
        numbers=(("round", 7.0, "count"), ("undecided", 3.0, "count")),
        doing="entity_creation/agent_manifest_with_skills",
        undecided=(
            "entity_creation/agent_manifest_with_skills",
            "json_serialization/large",
            "payload_scaling/asap_request_1mb",
        ),
        so_far=metrics,
    )


SCENES: dict[str, Callable[..., Seen]] = {
    "load": load,
    "stress": stress,
    "memory": memory,
    "micro": micro,
}
