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
_CLEARLY_LESS = 0.8  # of the growth before
_LINE = 2  # what a straight line takes of the degrees of freedom
_LAST = (1, 2, 3)  # steps at the end, in which growth may just have stopped
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
    left says what it came down to, and nothing bounds it from below. Nor where it stopped in the
    last steps: a cache may be full since then. What got less before may do so still, below what is
    told from noise: so it counts by what it is at the end. `least_spread` is the standard deviation
    that the meter's own resolution leaves, whatever few readings happen to show.
    """
    rest = steps
    while len(rest) >= 2 * MIN_KEPT and declines(rest, confidence, least_spread):
        rest = rest[len(rest) // 2 :]
    if len(rest) < MIN_KEPT:
        return None
    fading = declines(rest, confidence, least_spread)
    if fading:
        rest = rest[len(rest) // 2 :]
    growth = mean(rest, confidence, least_spread, trend=fading)
    dropped = len(steps) - len(rest)
    low = min(growth.low, _low_at_end(rest, confidence, least_spread)) if dropped else growth.low
    if fading or stops(rest, confidence, least_spread):
        return replace(growth, low=min(low, 0.0), declines=True, dropped=dropped)
    return replace(growth, low=low, dropped=dropped)


def mean(
    steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0, *, trend: bool = False
) -> Growth:
    """The mean of steps with Student's t bounds, wider where neighbours are alike.

    Neighbours that are opposite, as those of readings that scatter about a level are, would allow
    narrower bounds; that is not made use of. Steps that have a `trend` scatter about a line: that
    they become less is no doubt of what they were on average.
    """
    n, centre = len(steps), float(np.mean(steps))
    noise, freedom = _noise(steps, trend=trend)
    error = max(_spread(steps, trend=trend), least_spread) * float(np.sqrt(_clustering(noise) / n))
    reach = float(special.stdtrit(freedom, confidence)) * error
    seen = reach + float(special.stdtrit(freedom, _SEEN)) * error
    return Growth(centre, centre - reach, centre + reach, n, seen)


def reach(spread: float, steps: int, confidence: float) -> float:
    """How far a bound lies off the mean of independent steps with this standard deviation."""
    return float(special.stdtrit(steps - 1, confidence)) * spread / float(np.sqrt(steps))


def _low_at_end(steps: Array, confidence: float, least_spread: float) -> float:
    """The lower bound of a straight line through the steps where it ends."""
    n = len(steps)
    at_end = float(_line(steps)[-1])
    error = max(_spread(steps, trend=True), least_spread) * float(
        np.sqrt(1 / n + 3 * (n - 1) / (n * (n + 1)))
    )
    return at_end - float(special.stdtrit(n - _LINE, confidence)) * error


def _line(steps: Array) -> Array:
    """The straight line through them, at each of them."""
    at = np.arange(len(steps), dtype=np.float64)
    return np.asarray(np.polynomial.Polynomial.fit(at, steps, 1)(at))


def _noise(steps: Array, *, trend: bool = False) -> tuple[Array, int]:
    """How far each is off the mean, or off a straight line; and the degrees of freedom left."""
    if not trend:
        return np.asarray(steps - np.mean(steps)), len(steps) - 1
    return np.asarray(steps - _line(steps)), len(steps) - _LINE


def _spread(steps: Array, *, trend: bool = False) -> float:
    noise, freedom = _noise(steps, trend=trend)
    return float(np.sqrt(np.sum(noise**2) / freedom))


def declines(steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0) -> bool:
    """Whether there was growth, and the second half of it is clearly less than the first.

    Welch's test of the second half against four fifths of the first, each around its own trend:
    growth that gets less all the time would else hide behind its own change.
    """
    first, second = np.array_split(steps, 2)
    if len(first) <= _LINE or mean(first, confidence, least_spread, trend=True).low <= 0:
        return False
    parts = [
        max(_spread(half, trend=True), least_spread) ** 2 * factor**2 / len(half)
        for half, factor in ((first, _CLEARLY_LESS), (second, 1.0))
    ]
    gap = _CLEARLY_LESS * float(np.mean(first)) - float(np.mean(second))
    variance = sum(parts)
    if not variance:
        return gap > 0
    weights = (
        part**2 / (len(half) - _LINE) for part, half in zip(parts, (first, second), strict=True)
    )
    freedom = variance**2 / sum(weights)
    return bool(gap > float(special.stdtrit(freedom, confidence)) * variance**0.5)


def stops(steps: Array, confidence: float = CONFIDENCE, least_spread: float = 0.0) -> bool:
    """Whether there was growth, and the last one, two or three steps are clearly less than it.

    A cache that was full just now, with too few steps since then for halves to differ. These few
    say nothing of how they scatter: they are taken to do so as those before.
    """
    return any(
        _ended(steps[:-last], float(np.mean(steps[-last:])), last, confidence, least_spread)
        for last in _LAST
    )


def _ended(before: Array, after: float, last: int, confidence: float, least_spread: float) -> bool:
    if len(before) < 2 or (was := mean(before, confidence, least_spread)).low <= 0:
        return False
    spread = max(_spread(before), least_spread)
    error = spread * float(np.sqrt(1 / last + _CLEARLY_LESS**2 / len(before)))
    reach = float(special.stdtrit(len(before) - 1, confidence)) * error
    return after < _CLEARLY_LESS * was.value - reach


def _clustering(off: Array) -> float:
    """How much more the mean varies than that of independent steps (lag one, if positive)."""
    squares = float(np.sum(off * off))
    if not squares:
        return 1.0
    alike = min(max(float(np.sum(off[1:] * off[:-1])) / squares, 0.0), _MOST_ALIKE)
    return (1 + alike) / (1 - alike)
