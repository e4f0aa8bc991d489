"""A load run: users, rate and latency against their limits, failures."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.live.gauge import Gauge, gauge
from asapbench.live.seen import Seen

HEAD = ""
COLUMNS: tuple[tuple[str, ...], ...] = ()


def gauges(seen: Seen) -> Iterator[Gauge]:
    yield gauge(seen, "users", "users")
    yield gauge(seen, "throughput", "throughput", "throughput", drawn=True)
    yield gauge(seen, "p95", "latency.p95", "latency.p95", drawn=True)
    yield gauge(seen, "failures", "failures")
