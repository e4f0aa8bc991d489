"""What a closed-loop ladder shows: throughput rises with the users until the server is full."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from asapbench.ladder.rung import Rung
from asapbench.ladder.search import Finding, Ladder, Next, find, next_load

SATURATED = 0.25  # of what throughput would gain if it rose with the users
SEEN = 2  # times that throughput rose too little: once may be a disturbance


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
    full = broken.bad is not None or _is_full(_gained_little(good))
    limited = broken.limited or (best if full and best.doubt else None)
    high = best.high if full and limited is None else None
    bad = broken.bad if limited is None else None
    return Finding(best.low, high, best, bad, limited, broken.unclear)


def _is_full(little: Sequence[Rung]) -> bool:
    """A spike is offered once, and jumps so far that no disturbance takes all that it gains."""
    return len(little) >= SEEN or any(rung.role == "spike" for rung in little)


def next_users(history: Sequence[Rung], ladder: Ladder) -> Next | None:
    """As `next_load`; a step that alone says that the server is full is then offered once more."""
    load = next_load(history, ladder)
    if load is not None or find(history).bad is not None:
        return load
    little = _gained_little([rung for rung in history if not rung.broken])
    if len(little) != 1 or sum(rung.level == little[0].level for rung in history) > 1:
        return None
    return Next(little[0].level, "repeat")


def _gained_little(good: Sequence[Rung]) -> list[Rung]:
    """Every attempt at the numbers of users that gained little over fewer.

    Of several attempts at one number the best counts. Below the best of all steps nothing tells:
    there more users did get more done.
    """
    tops = {rung.users: rung for rung in sorted(good, key=lambda rung: rung.achieved)}
    steps = sorted(tops.values(), key=lambda rung: rung.users)
    best = max(steps, key=lambda rung: rung.achieved, default=None)
    little = {
        more.users
        for one, more in pairwise(steps)
        if best and more.users >= best.users and one.achieved
        if more.achieved / one.achieved - 1 < SATURATED * (more.users / one.users - 1)
    }
    return [rung for rung in good if rung.users in little]
