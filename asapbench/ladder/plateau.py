"""What a closed-loop ladder shows: throughput rises with the users until the server is full."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from asapbench.ladder.rung import Rung
from asapbench.ladder.search import Finding, find

SATURATED = 0.25  # of what throughput would gain if it rose with the users


def find_plateau(history: Sequence[Rung]) -> Finding:
    """The highest throughput of all steps that were sustained.

    It is also the most that there is where more users gained little, or broke the server; unless
    that was where the generator was at its end.
    """
    broken = find(history)
    good = [rung for rung in history if not rung.broken]
    if not good:
        return broken
    best = max(good, key=lambda rung: rung.achieved)
    full = broken.bad is not None or _saturated(good)
    limited = broken.limited or (best if full and best.doubt else None)
    high = best.high if full and limited is None else None
    return Finding(best.low, high, best, broken.bad if limited is None else None, limited)


def _saturated(rungs: Sequence[Rung]) -> bool:
    by_users = sorted(rungs, key=lambda rung: rung.users)
    return any(
        more.achieved / one.achieved - 1 < SATURATED * (more.users / one.users - 1)
        for one, more in pairwise(by_users)
        if more.users > one.users and one.achieved
    )
