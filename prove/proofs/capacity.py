"""The breaking point of simulated queues of known capacity: how often the interval holds it."""

from __future__ import annotations

from prove.capacities import HARDER, PROMISED, WIDEST, Capacity, too_seldom
from prove.showing import Seen, show

TITLE = "The breaking point in simulated time"


def prove(seed: int) -> tuple[Seen, list[str]]:
    """What was seen, and which cases of those that are promised for missed."""
    seen: Seen = {}
    missed = [case.title for case in PROMISED if not _found(case, seed, seen)]
    for case in HARDER:
        _found(case, seed, seen)
    return seen, [f"{title}: the capacity is missed, or the interval too wide" for title in missed]


def _found(case: Capacity, seed: int, seen: Seen) -> bool:
    held, median, widest = case.seen(seed)
    told = (
        f"the interval holds it in {held} of {case.runs}; its width is {median:.1%}, "
        f"at the 95th percentile {widest:.1%}"
    )
    show(case.title, told, seen)
    return widest <= WIDEST and not too_seldom(held, case.runs)
