"""A stress run: what is offered and answered now, and the degradation curve as it grows."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.live.gauge import Gauge, gauge
from asapbench.live.seen import Seen

HEAD = "STEP"
COLUMNS = (
    ("users", "offered", "achieved", "p50", "p95", "p99", "errors", "in flight", "CPU", "memory"),
    ("users", "offered", "achieved", "p50", "p95", "p99", "errors", "CPU"),
    ("users", "offered", "achieved", "p50", "p95", "p99", "errors"),
    ("users", "offered", "achieved", "p95", "p99", "errors"),
    ("users", "achieved", "p95", "errors"),
    ("users", "achieved", "p95"),
    ("achieved",),
)


def gauges(seen: Seen) -> Iterator[Gauge]:
    yield gauge(seen, "users", "users")
    if seen.number("offered"):
        yield gauge(seen, "offered", "offered")
    # against the server that does nothing there is no ladder yet
    achieved, p95 = (
        ("achieved", "p95") if seen.number("achieved") else ("throughput", "latency.p95")
    )
    yield gauge(seen, "achieved", achieved, drawn=True)
    yield gauge(seen, "p95", p95, "latency.p95", drawn=True)
