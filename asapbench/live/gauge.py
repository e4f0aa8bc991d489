"""A number that is shown while it is measured, and how it went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from asapbench.live.align import aligned
from asapbench.live.seen import Border, Seen
from asapbench.live.trend import trend
from asapbench.sparkline import sparkline
from asapbench.units import show

_LEAST, _MOST = 8, 60  # bars
_GAP = 2
_VALUE = 12  # characters, so that the drawings stay where they are


@dataclass(frozen=True)
class Gauge:
    """A row: what, how much, the readings to draw, and the limit that is in force for them.

    They are drawn from nothing up; `zoomed` from the least of them to the most.
    """

    name: str
    value: str
    readings: Sequence[float] = ()
    border: Border | None = None
    zoomed: bool = False

    @property
    def limit(self) -> str:
        """The limit in words."""
        return self.border.text if self.border else ""

    def drawing(self, width: int) -> Text:
        """The readings as bars."""
        if self.zoomed:
            return Text(sparkline(self.readings, width), "cyan")
        return trend(self.readings, width, self.border)


def gauge(seen: Seen, name: str, number: str, metric: str = "", *, drawn: bool = False) -> Gauge:
    """The row of a number of the tick; a dash where there is none now."""
    found = seen.number(number)
    value = show(*found) if found else "–"
    readings = seen.readings.get(number, ()) if drawn else ()
    return Gauge(name, value, readings, seen.border(metric) if metric else None)


def gauges(rows: Sequence[Gauge], width: int) -> list[Text]:
    """The rows as lines: the drawings as wide as there is room, the limits where there is any."""
    values = max(_VALUE, _longest(row.value for row in rows))
    taken = _longest(row.name for row in rows) + values + 2 * _GAP
    beside = _longest(row.limit for row in rows) + _GAP
    with_limits = width - taken - beside >= _LEAST
    bars = max(0, min(_MOST, width - taken - beside * with_limits))
    return aligned([_cells(row, bars, with_limits=with_limits) for row in rows], "lrll")


def _cells(row: Gauge, bars: int, *, with_limits: bool) -> tuple[Text, ...]:
    limit = Text(row.limit if with_limits else "", "dim")
    value = Text(f"{row.value:>{_VALUE}}", "bold")
    return Text(row.name), value, row.drawing(bars) if bars else Text(), limit


def _longest(words: Iterable[str]) -> int:
    return max(map(len, words), default=0)
