"""Whether a queue grows: the sign of a load beyond capacity that is seen first.

At a load that is a share r above capacity the wait grows by r seconds each second, whatever the
percentiles say so far: at 2 % after 4 s it is 80 ms, and the rate of answers is only 2 % short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asapbench.stats import Array

BLOCKS = 12
SURE = 1.96  # standard errors
_FEWEST = 10  # requests in a block
_EFFICIENCY = 1.2533  # standard error of a median, in that of a mean


@dataclass(frozen=True)
class Growth:
    """Seconds of wait gained in a second, and the standard error of that.

    `slope` passes over what happens once; `mean`, that of the whole window, does not. `trend` is
    how sure it is that later waits are longer, in standard errors (Mann-Kendall).
    """

    slope: float
    error: float
    mean: float
    mean_error: float
    trend: float

    @property
    def sure(self) -> bool:
        """Whether it is more than chance: a few requests show some growth of any queue."""
        return self.trend > SURE or self.slope > SURE * self.error


def growth(planned: Array, latency: Array, blocks: int = BLOCKS) -> Growth | None:
    """The growth of the wait over the times for which requests were planned (seconds).

    The median of the changes between neighbouring blocks, each told by its median: a pause that
    comes once moves one of these changes, not the median of all. None for too few requests.
    """
    blocks = min(blocks, len(planned) // _FEWEST)
    if blocks < 4:
        return None
    order = np.argsort(planned, kind="stable")
    parts = np.array_split(order, blocks)
    at = np.array([float(np.mean(planned[part])) for part in parts])
    wait = np.array([float(np.median(latency[part])) for part in parts])
    return _slope(at, wait)


def _slope(at: Array, wait: Array) -> Growth | None:
    slopes = np.diff(wait) / np.diff(at)
    middle = float(np.median(slopes))
    spread = 1.4826 * float(np.median(np.abs(slopes - middle)))
    root = float(np.sqrt(len(slopes)))
    mean, mean_error = float(np.mean(slopes)), float(np.std(slopes, ddof=1)) / root
    return Growth(middle, _EFFICIENCY * spread / root, mean, mean_error, _trend(wait))


def _trend(wait: Array) -> float:
    """By how many pairs more rise than fall; what its chance is without a trend is known."""
    number = len(wait)
    rising = float(np.sum(np.triu(np.sign(wait[None, :] - wait[:, None]))))
    error = np.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    return (rising - 1) / float(error)
