"""What kind of growth it is: stable, saturating, fragmentation, monitor or leak."""

from __future__ import annotations

from typing import Literal

from asapbench.leak.growth import Growth
from asapbench.units import UNITS

Kind = Literal["stable", "saturating", "fragmentation", "monitor", "leak", "undecided"]

MONITOR = 10 * UNITS["MB/h"][1]
LEAK = 50 * UNITS["MB/h"][1]

_CLEARLY_MORE = 0.1  # objects a request
_BLOCK = 512.0  # bytes; larger objects are malloc's, whose heap shows them


def kind_of(uss: Growth, blocks: Growth | None, heap: Growth | None, rate: float) -> Kind:
    """Name the growth of a process, in bytes a request, at `rate` requests a second.

    USS says how much; blocks of Python objects and malloc's heap say whether something is kept, or
    whether pages are only used worse and worse. Where they cannot be read nothing is fragmentation.
    """
    per_second = uss.times(rate)
    if uss.declines or (uss.dropped and per_second.value < MONITOR):
        return "saturating"
    worth_a_word = is_worth_a_word(per_second)
    if worth_a_word and _kept(blocks, heap) < uss.value / 2:
        return "fragmentation"
    if per_second.low > LEAK:
        return "leak"
    if worth_a_word and per_second.high < LEAK:
        return "monitor"
    return "stable" if per_second.high < LEAK else "undecided"


def is_worth_a_word(per_second: Growth) -> bool:
    """Whether growth is told from none and is so much that it has to be watched."""
    return per_second.low > 0 and per_second.value >= MONITOR


def _kept(blocks: Growth | None, heap: Growth | None) -> float:
    """The most bytes a request that is kept in objects and on the heap.

    Without limit where objects clearly get more: a few large ones may lie anywhere.
    """
    if blocks is None or heap is None or blocks.low > _CLEARLY_MORE:
        return float("inf")
    return max(0.0, blocks.high) * _BLOCK + max(0.0, heap.high)
