"""Numbers in, numbers out: estimates with bounds. Nothing here knows what is measured.

Every bound holds by itself with the confidence given (one-sided), since a verdict asks one
question: does the value lie on this side of the limit?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats as distributions

Array = npt.NDArray[np.float64]

CONFIDENCE = 0.99


@dataclass(frozen=True)
class Estimate:
    """A value, its lower and upper bound, and how many samples it rests on."""

    value: float
    low: float
    high: float
    n: int


def percentile(sorted_values: Array, q: float, confidence: float = CONFIDENCE) -> Estimate | None:
    """The q-quantile (0 < q < 1) with bounds from order statistics, no distribution assumed.

    Hahn and Meeker, Statistical Intervals, §5.2: the number of samples below the true quantile is
    binomial. None where two samples cannot be expected on each side of it: at 99 % that is fewer
    than 130 samples for p95, 662 for p99, 6,636 for p99.9.
    """
    n = len(sorted_values)
    if n == 0 or distributions.binom.cdf(n - 2, n, max(q, 1 - q)) < confidence:
        return None
    below = int(distributions.binom.ppf(1 - confidence, n, q))
    above = int(distributions.binom.ppf(confidence, n, q)) + 1
    return Estimate(
        float(sorted_values[int(np.ceil(q * n)) - 1]),
        float(sorted_values[below - 1]),
        float(sorted_values[above - 1]),
        n,
    )


def mean(values: Array, confidence: float = CONFIDENCE) -> Estimate:
    """The mean of independent values with Student's t bounds; infinite bounds for one value."""
    n = len(values)
    centre = float(np.mean(values))
    if n < 2:
        return Estimate(centre, -np.inf, np.inf, n)
    reach = float(distributions.t.ppf(confidence, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Estimate(centre, centre - reach, centre + reach, n)


def proportion(hits: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share with exact bounds (Clopper and Pearson 1934)."""
    low = distributions.beta.ppf(1 - confidence, hits, n - hits + 1) if hits else 0.0
    high = distributions.beta.ppf(confidence, hits + 1, n - hits) if hits < n else 1.0
    return Estimate(hits / n, float(low), float(high), n)


def rate(times: Array, start: float, end: float, confidence: float = CONFIDENCE) -> Estimate:
    """Events per second between two times, with bounds from the counts of equal blocks.

    Blocks are about a second, at least five and at most sixty of them, so that what lasts a
    second or less does not make neighbouring blocks alike.
    """
    blocks = int(min(60, max(5, end - start)))
    counts, _ = np.histogram(times, bins=blocks, range=(start, end))
    per_second = mean(counts * (blocks / (end - start)), confidence)
    return Estimate(per_second.value, max(0.0, per_second.low), per_second.high, int(counts.sum()))
