"""How fast the machine is at this moment.

Another guest of the host on the other thread of the same core makes it half as fast again, for
tenths of a second or for seconds, and no counter tells of it. Work that is always the same does.
"""

from __future__ import annotations

from time import perf_counter

_TIMES = 5
_STEPS = 500


def pace() -> float:
    """Seconds of the same small work, some fifty microseconds of it."""
    start = perf_counter()
    for _ in range(_TIMES):
        total = 0
        for number in range(_STEPS):
            total += number
    return perf_counter() - start
