"""What is read after each cycle of requests."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import nan

from asapbench.series import Column, Layout

COLUMNS = (
    Column("at", "s", "d"),
    Column("requests", "1", "d"),  # answered so far, or operations done
    Column("rss", "B", "d"),
    Column("uss", "B", "d"),
    Column("heap", "B", "d"),  # in use by malloc, mapped blocks among it
    Column("blocks", "1", "d"),  # of Python objects
    Column("collected", "1", "d"),  # objects so far that only the garbage collector could free
    Column("cost", "s", "d"),  # CPU time of this reading
    Column("kept", "1", "B"),  # 0: warm-up; the last of these is where the growth counts from
)


@dataclass(frozen=True)
class Reading:
    """What a settled process holds; NaN for what cannot be known of it."""

    rss: float
    uss: float
    heap: float = nan
    blocks: float = nan
    collected: float = nan
    cost: float = nan

    @property
    def values(self) -> tuple[float, ...]:
        """In the order of the columns."""
        return astuple(self)


def layout(subject: str) -> Layout:
    """The table of the cycles of `server`, or of a component."""
    return Layout("cycles", COLUMNS, {"subject": subject})
