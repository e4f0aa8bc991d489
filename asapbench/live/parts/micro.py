"""A micro run: the round, and how many benchmarks are still undecided."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.live.gauge import Gauge, gauge
from asapbench.live.seen import Seen

HEAD = ""
COLUMNS: tuple[tuple[str, ...], ...] = ()


def gauges(seen: Seen) -> Iterator[Gauge]:
    yield gauge(seen, "round", "round")
    yield gauge(seen, "undecided", "undecided")
