"""A memory run: what the server holds, reading after reading, and how many requests it had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from asapbench.live.gauge import Gauge, gauge
from asapbench.live.seen import Seen

HEAD = "CYCLE"
COLUMNS = (("requests", "rss", "uss", "heap", "blocks"), ("requests", "uss", "blocks"), ("uss",))


def gauges(seen: Seen) -> Iterator[Gauge]:
    if seen.number("uss"):
        # a reading a cycle, not one a second
        yield replace(gauge(seen, "USS", "uss"), readings=seen.tick.trend, zoomed=True)
    for name, number in (("RSS", "rss"), ("heap", "heap"), ("objects", "blocks")):
        if seen.number(number):
            yield gauge(seen, name, number)
    for name in ("requests", "cycles"):
        if seen.number(name):
            yield gauge(seen, name, name)
