"""Any other command: all numbers of its ticks."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.live.gauge import Gauge, gauge
from asapbench.live.seen import Seen

HEAD = ""
COLUMNS: tuple[tuple[str, ...], ...] = ()


def gauges(seen: Seen) -> Iterator[Gauge]:
    for name, _, _ in seen.tick.numbers:
        yield gauge(seen, name, name, name, drawn=True)
