"""Growth per request from readings between cycles, with its interval.

A trend line through the readings calls a wandering but healthy process a leak: readings depend on
those before them. So the growth *between* readings is what is averaged; it depends on its
neighbours little, and where it does, that widens the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from asapbench.stats import CONFIDENCE, Array

MIN_KEPT = 8  # cycles from which on there is a growth
_MOST_ALIKE = 0.9  # of neighbours
_CLEARLY_LESS = 0.8  # of the half before
_SEEN = 0.95  # chance to see the smallest leak that is promised to be seen


@dataclass(frozen=True)
class Growth:
    """Per request: mean, one-sided bounds, cycles it rests on, and the smallest that is seen.

    `declines` says that it was still getting less at the end: then it bounds nothing from below.
    `dropped` are the first cycles left out because growth was clearly less after them.
    """

    value: float
    low: float
    high: float
    n: int
    seen: float
    declines: bool = False
    dropped: int = 0

    def times(self, rate: float) -> Growth:
        """The same per second at a rate of requests, or in another unit."""
        scaled = {name: getattr(self, name) * rate for name in ("value", "low", "high", "seen")}
        return replace(self, **scaled)


def steps(requests: Array, held: Array) -> Array:
    """Growth per request from each reading to the next; nothing where a reading is missing."""
    if len(held) < 2 or np.isnan(held).any():
        return np.empty(0)
    return np.asarray(np.diff(held) / np.diff(requests))


def settled(
    steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0
) -> Growth | None:
    """The growth once it has settled: early halves are dropped while growth gets clearly less.

    A cache that fills and a warm-up that takes longer than thought end so; a leak goes on. None
    with fewer than eight steps; where it is still getting less, the later half of those that are
    left says what it came down to, and nothing bounds it from below. `least_spread` is the standard
    deviation that the meter's own resolution leaves, whatever few readings happen to show.
    """
    rest = steps
    while len(rest) >= 2 * MIN_KEPT and declines(rest, confidence, least_spread):
        rest = rest[len(rest) // 2 :]
    if len(rest) < MIN_KEPT:
        return None
    fading = declines(rest, confidence, least_spread)
    if fading:
        rest = rest[len(rest) // 2 :]
    growth = mean(rest, confidence, least_spread)
    low = min(growth.low, 0.0) if fading else growth.low
    return replace(growth, low=low, declines=fading, dropped=len(steps) - len(rest))


def mean(steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0) -> Growth:
    """The mean of steps with Student's t bounds, wider where neighbours are alike.

    Neighbours that are opposite, as those of readings that scatter about a level are, would allow
    narrower bounds; that is not made use of.
    """
    n, centre = len(steps), float(np.mean(steps))
    error = max(_spread(steps), least_spread) * float(np.sqrt(_clustering(steps) / n))
    reach = float(special.stdtrit(n - 1, confidence)) * error
    seen = reach + float(special.stdtrit(n - 1, _SEEN)) * error
    return Growth(centre, centre - reach, centre + reach, n, seen)


def declines(steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0) -> bool:
    """Whether there was growth, and the second half of it is clearly less than the first.

    Welch's test of the second half against four fifths of the first.
    """
    first, second = np.array_split(steps, 2)
    if len(first) < 2 or mean(first, confidence, least_spread).low <= 0:
        return False
    parts = [
        max(_spread(half), least_spread) ** 2 * factor**2 / len(half)
        for half, factor in ((first, _CLEARLY_LESS), (second, 1.0))
    ]
    gap = _CLEARLY_LESS * float(np.mean(first)) - float(np.mean(second))
    variance = sum(parts)
    if not variance:
        return gap > 0
    weights = (part**2 / (len(half) - 1) for part, half in zip(parts, (first, second), strict=True))
    freedom = variance**2 / sum(weights)
    return bool(gap > float(special.stdtrit(freedom, confidence)) * variance**0.5)


def _spread(steps: Array) -> float:
    return float(np.std(steps, ddof=1)) if len(steps) > 1 else np.inf


def _clustering(steps: Array) -> float:
    """How much more the mean varies than that of independent steps (lag one, if positive)."""
    off = steps - np.mean(steps)
    squares = float(np.sum(off * off))
    if not squares:
        return 1.0
    alike = min(max(float(np.sum(off[1:] * off[:-1])) / squares, 0.0), _MOST_ALIKE)
    return (1 + alike) / (1 - alike)
