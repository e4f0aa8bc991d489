"""The breaking point of simulated queues of known capacity: how often the interval holds it."""

from __future__ import annotations

from prove import capacities, showing
from prove.capacities import HARDER, HOLDS, PROMISED, Capacity
from prove.showing import Seen

TITLE = "The breaking point in simulated time"


def prove(seed: int) -> tuple[Seen, list[str]]:
    """What was seen, and which cases of those that are promised for missed."""
    shown: Seen = {}
    promised = {case: _seen(case, seed, shown) for case in PROMISED}
    harder = {case: _seen(case, seed, shown) for case in HARDER}
    share = capacities.share(promised.values())
    showing.show("all that are promised together", f"{share:.1%} hold it", shown)
    broken = [
        f"{case.title}: the capacity is missed, or the interval too wide"
        for case, seen in (promised | harder).items()
        if case.missed_by(seen)
    ]
    if share < HOLDS:
        broken.append(f"only {share:.1%} of all intervals that are promised hold the capacity")
    return shown, broken


def _seen(case: Capacity, seed: int, shown: Seen) -> capacities.Seen:
    seen = case.seen(seed)
    showing.show(case.title, str(seen), shown)
    return seen
