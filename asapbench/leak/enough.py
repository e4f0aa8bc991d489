"""How many requests a cycle needs, so that its readings can tell a limit from no growth."""

from __future__ import annotations

from math import ceil

from asapbench.leak.growth import reach
from asapbench.leak.subject import resolution


def enough(limit: float, cycles: int, confidence: float, share: float = 1.0) -> int:
    """Requests a cycle for a limit in bytes a request, above 0.

    With so many the interval of a process that does not grow reaches no further than a `share` of
    the limit, after so many cycles, as far as that is the meter's doing.
    """
    return ceil(reach(resolution(1.0), cycles, confidence) / (share * limit))
