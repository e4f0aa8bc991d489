"""How many requests a cycle needs, so that its readings can tell a limit from no growth."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from asapbench.leak.growth import reach
from asapbench.leak.subject import resolution
from asapbench.stats import confidence_per_look


def enough(limit: float | None, looks: Sequence[int], share: float) -> int:
    """Requests a cycle for a limit in bytes a request, above 0; none are needed without one.

    With so many the interval of a process that does not grow reaches no further than a `share` of
    the limit at the last of the looks (in cycles), as far as that is the meter's doing.
    """
    if limit is None:
        return 0
    error = reach(resolution(1.0), looks[-1], confidence_per_look(len(looks)))
    return ceil(error / (share * limit))
