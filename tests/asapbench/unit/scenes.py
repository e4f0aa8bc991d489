"""Reports of all kinds, for the tests of every renderer."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from asapbench.errors import EXIT_OF, Exit
from asapbench.model import Measurement, Metric, Note, Report, Run, Story, Target
from asapbench.targets import judge, outcome_of

MakeStory = Callable[..., Story]


@dataclass(frozen=True)
class Made:
    """How to make the tables that only some benches have."""

    rounds: Callable[..., Run]
    cycles: Callable[..., Measurement]


MIXED = ("asap", "manifest", "metrics")
TARGETS = (
    Target(metric="throughput", limit=">= 800 req/s", why="80 % of the 1000 req/s target"),
    Target(metric="latency.p95", limit="<= 5 ms", why="95th percentile response time"),
    Target(metric="error_rate", limit="<= 0.1 %", why="answers that are wrong, late or missing"),
)


def times(name: str, scale: float, labels: dict[str, str]) -> Iterable[Metric]:
    readings = {"p50": 1.84, "p90": 2.91, "p95": 3.45, "p99": 5.31, "p99.9": 9.68}
    for percentile, reading in readings.items():
        value = reading * scale / 1000
        yield Metric(
            name=f"{name}.{percentile}",
            unit="s",
            value=value,
            low=value * 0.98,
            high=value * 1.02,
            n=60_000,
            confidence=0.99,
            labels=labels,
        )
    yield Metric(name=f"{name}.max", unit="s", value=0.0231 * scale, n=60_000, labels=labels)


def rates(share: float, failures: int, labels: dict[str, str]) -> Iterable[Metric]:
    rate, failed = 1000.0 * share, failures / 60_000 / share
    common: dict[str, Any] = {"n": int(60_000 * share), "confidence": 0.99, "labels": labels}
    yield Metric(
        name="throughput", unit="req/s", value=rate, low=rate - 0.2, high=rate + 0.2, **common
    )
    yield Metric(
        name="error_rate", unit="ratio", value=failed, low=failed / 3, high=failed * 2.3, **common
    )


def resources() -> Iterable[Metric]:
    yield Metric(name="server.cpu", unit="cores", value=0.41, n=120)
    yield Metric(name="server.rss", unit="B", value=61_800_000, n=120)
    yield Metric(name="generator.cpu", unit="cores", value=0.22, n=120)
    yield Metric(name="generator.rss", unit="B", value=58_200_000, n=120)


def split(scale: float, labels: dict[str, str]) -> Iterable[Metric]:
    """Where the time goes, as milliseconds at p50 and p95."""
    parts = {"waiting": (0, 0), "network": (0.21, 0.52), "server": (1.2, 2.4), "reading": (0.1, 1)}
    for part, readings in parts.items():
        for percentile, reading in zip(("p50", "p95"), readings, strict=True):
            value = reading * scale / 1000
            yield Metric(name=f"split.{part}.{percentile}", unit="s", value=value, labels=labels)


def metrics(endpoints: Iterable[str], scale: float, failures: int) -> Iterable[Metric]:
    shares = {"": 1.0, "asap": 10 / 13, "manifest": 2 / 13, "metrics": 1 / 13}
    for name in ("", *endpoints):
        labels = {"endpoint": name} if name else {}
        share = shares[name]
        for time, of_latency in (("latency", 1.0), ("service_time", 0.9), ("lag", 0.1)):
            yield from times(time, scale * of_latency, labels)
        yield from rates(share, failures if name in {"", "asap"} else 0, labels)
        yield from split(scale, labels)
    yield from resources()


def report_of(
    make_story: MakeStory,
    *,
    scale: float = 1.0,
    failures: int = 5,
    endpoints: tuple[str, ...] = MIXED,
    details: dict[str, Any] | None = None,
    notes: tuple[Note, ...] = (),
    invalid: str = "",
    targets: tuple[Target, ...] = TARGETS,
    exit_code: Exit | None = None,
    empty: bool = False,
    **story: Any,
) -> Report:
    """A report of a load run, judged by its numbers."""
    found = () if empty else tuple(metrics(endpoints, scale, failures))
    verdicts = judge(targets, found, invalid)
    outcome = outcome_of(verdicts)
    counts: dict[str, Any] = {
        "requests": 60_000,
        "failures": failures,
        "open": 0,
        "measured": 60.0,
    }
    counts |= {"bottleneck": "none"}
    own = {} if empty else {"endpoints": endpoints, **counts, "errors": [], "seconds": []}
    return Report(
        story=make_story(**story),
        metrics=found,
        verdicts=verdicts,
        notes=notes,
        details=own | (details or {}),
        outcome=outcome,
        exit_code=EXIT_OF[outcome] if exit_code is None else exit_code,
    )


ERRORS = [
    {
        "endpoint": "asap",
        "kind": "rpc_error",
        "code": -32602,
        "count": 204,
        "first": "JSON-RPC error -32602: Invalid params: payload.skill_id 'echo' is not a skill "
        "of this agent; it has 'translate', 'summarise'",
    },
    {"endpoint": "asap", "kind": "timeout", "code": 0, "count": 3, "first": ""},
    {
        "endpoint": "manifest",
        "kind": "http_5xx",
        "code": 503,
        "count": 1,
        "first": "HTTP status 503: [/busy] :fire: [red]try later[/red]",
    },
]
NOTES = (
    Note(
        code="shared-cores",
        text="the server and the generator had to share the same CPUs",
        hint="give this machine two or more cores, or measure a server elsewhere (--host)",
    ),
    Note(code="busy-machine", text="the load average was 3.1 on 4 CPUs before the start"),
)
DIED = (
    "the server ended with exit code 1:\n"
    "  Traceback (most recent call last):\n"
    '    File "agent.py", line 7, in handle\n'
    "  MemoryError"
)
NOT_VALID: tuple[dict[str, Any], ...] = (
    {"invalid": "starved"},
    {"ended": "server-died", "why": DIED, "targets": ()},
)
SCENES: dict[str, dict[str, Any]] = {
    "pass": {},
    "fail": {"scale": 2.0, "failures": 208, "details": {"errors": ERRORS, "open": 12}},
    "inconclusive": {"scale": 5.0 / 3.45},
    "invalid": {"invalid": DIED, "ended": "server-died", "why": DIED},
    "interrupted": {
        "ended": "interrupted",
        "why": "interrupted by the user",
        "exit_code": Exit.INTERRUPTED,
    },
    "nothing": {
        "empty": True,
        "ended": "interrupted",
        "why": "interrupted by the user",
        "exit_code": Exit.INTERRUPTED,
    },
    "notes": {"notes": NOTES},
    "sustained": {"endpoints": ("asap",), "plan": {"user_class": "sustained"}},
}


def in_time(seconds: int = 30, endpoints: tuple[str, ...] = MIXED) -> dict[str, Any]:
    """What a load run tells second by second, and the shape of its latency; one slow second."""

    def swing(second: int) -> float:
        slow = 20.0 if second == seconds // 2 else 1.0
        return slow * (1 + 0.1 * math.sin(second / 3))

    percentiles = {"p50": 1.84, "p90": 2.91, "p95": 3.45, "p99": 5.31}
    rows = [
        {"second": s, "requests": 1000 - s % 7, "failures": 12 if s == seconds // 2 else 0}
        | {f"latency.{name}": ms / 1000 * swing(s) for name, ms in percentiles.items()}
        for s in range(1, seconds + 1)
    ]
    used = {"server": 0.41, "generator": 0.22, "asapbench": 0.03}
    processes = [
        {"process": name, "second": s, "rss": 6e7 + 1e4 * s, "cpu": cpu * (1 + s % 5 / 20)}
        | {"waited": cpu / 50, "switches": 900.0, "preempted": 12.0}
        for name, cpu in used.items()
        for s in range(1, seconds + 1)
    ]
    shares = [1 - 10 ** (-k / 12) for k in range(59)] + [1.0]
    curve = {"q": shares, "values": [0.001 * (1 + k / 6) ** 1.2 for k in range(60)]}
    edges = [0.0004 * 1.05**k for k in range(101)]
    counts = [round(9000 * math.exp(-(((k - 30) / 12) ** 2))) for k in range(100)]
    return {
        "seconds": rows,
        "processes": processes,
        "stolen": [{"second": s, "stolen": 0.0} for s in range(1, seconds + 1)],
        "percentiles": [{"endpoint": name, **curve} for name in (*endpoints, "all")],
        "histogram": {"edges": edges, "counts": dict.fromkeys(endpoints, counts)},
    }
