"""Numbers in, numbers out: estimates with bounds. Nothing here knows what is measured.

Every bound holds by itself with the confidence given (one-sided), since a verdict asks one
question: does the value lie on this side of the limit? Samples that come with their times may
depend on each other; docs/explanation-confidence.md says how the bounds allow for it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special  # not scipy.stats: two seconds of CPU to import

Array = npt.NDArray[np.float64]
Positions = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

CONFIDENCE = 0.99

BLOCKS = 64  # in order of time; judged one by one, in pairs and in fours
_LEVELS = (BLOCKS, BLOCKS // 2, BLOCKS // 4)
_MOST_CORRELATION = 0.9  # of neighbouring blocks: beyond it the run is one event, seen once
_LEAST_FREEDOM = 1.0  # where all is in one block
_LARGEST_BURST = 4  # times all hits that were seen
_CANDIDATES = 32
_FAR = 0.1  # of the samples that may lie above a quantile: with fewer than that it is far off
_LEAST_ABOVE = 2.0  # samples that a part of the run holds above its own quantile on average
_MOST_NEEDED = 10**9  # samples
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Estimate:
    """A value, its lower and upper bound, and how many samples it rests on.

    A bound is infinite where the samples can give none.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Sample:
    """Values in ascending order and the block of time that each is from; None: independent."""

    values: Array
    blocks: Positions | None = None

    def __len__(self) -> int:
        return len(self.values)


def sample(values: Array, at: Array | None = None) -> Sample:
    """Values with the times they are from; without times they count as independent."""
    if at is None:
        return Sample(np.sort(values))
    order = np.argsort(values)
    return Sample(values[order], _blocks(at)[order])


def percentile(sample: Sample, q: float, confidence: float = CONFIDENCE) -> Estimate | None:
    """The q-quantile (0 < q < 1) with bounds from order statistics, no distribution assumed.

    Hahn and Meeker, Statistical Intervals, §5.2: the number of independent samples below the true
    quantile is binomial. None where two samples cannot be expected on each side of it: at 99 % that
    is fewer than 130 samples for p95, 662 for p99, 6,636 for p99.9.
    """
    n = len(sample)
    if not _enough(n, q, confidence):
        return None
    ranks = _Ranks(sample, q, confidence)
    return Estimate(float(sample.values[ranks.point]), ranks.low(), ranks.high(), n)


def needed(q: float, confidence: float = CONFIDENCE) -> int:
    """The least number of samples of which `percentile` gives the q-quantile."""
    return bisect_left(range(_MOST_NEEDED), True, key=lambda n: _enough(n, q, confidence))


def _enough(n: int, q: float, confidence: float) -> bool:
    """Whether two samples can be expected on each side of a quantile."""
    return n >= 2 and bool(special.bdtr(n - 2, n, max(q, 1 - q)) >= confidence)


def mean(sample: Sample, confidence: float = CONFIDENCE, least: int = 2) -> Estimate:
    """The mean with Student's t bounds, further out on the side of the longer tail (Johnson 1978).

    Infinite bounds for fewer than `least` samples, of which two are the fewest.
    """
    found, error = _student(sample, confidence)
    if found.n < least:
        return Estimate(found.value, -np.inf, np.inf, found.n)
    off = (sample.values - found.value) / (np.std(sample.values) or 1.0)
    tail = float(np.mean(off**3) / np.sqrt(found.n)) * _of_skewness(confidence) * error
    return replace(found, low=found.low + min(0.0, tail), high=found.high + max(0.0, tail))


def _student(sample: Sample, confidence: float) -> tuple[Estimate, float]:
    """The mean with plain Student's t bounds, and its standard error; infinite for one value."""
    n, centre = len(sample), float(np.mean(sample.values))
    if n < 2:
        return Estimate(centre, -np.inf, np.inf, n), 0.0
    spread = float(np.std(sample.values, ddof=1))
    clustering = 1.0
    if sample.blocks is not None and spread:
        off = (sample.values - centre) / spread
        sums = np.bincount(sample.blocks, off, BLOCKS).astype(float)
        clustering = max(1.0, float(_clustering(sums, n, confidence)))
    error = float(spread * np.sqrt(clustering / n))
    reach = float(special.stdtrit(n - 1, confidence)) * error
    return Estimate(centre, centre - reach, centre + reach, n), error


def _of_skewness(confidence: float) -> float:
    """By how much of its skewness a bound of a mean is off, in standard errors (Johnson 1978)."""
    return float(2 * special.ndtri(confidence) ** 2 + 1) / 6


def geometric_mean(values: Array, confidence: float = CONFIDENCE) -> Estimate:
    """The geometric mean of positive values: Student's t bounds of the mean of their logarithms.

    A long tail of values is a short one of logarithms.
    """
    found, _ = _student(sample(np.log(values)), confidence)
    low, high = (float(np.exp(bound)) for bound in (found.low, found.high))
    return Estimate(float(np.exp(found.value)), low, high, found.n)


def proportion(hits: Mask, at: Array | None = None, confidence: float = CONFIDENCE) -> Estimate:
    """The share of hits with exact bounds (Clopper and Pearson 1934), at the times of all tries.

    Where hits come in bursts the bounds are those of fewer, independent tries (Korn and Graubard
    1998). However they come, a share a hundred times the true one is seen in 1 % of runs at most
    (Markov's inequality).
    """
    n, count = len(hits), int(hits.sum())
    clustering = 1.0
    if at is not None:
        blocks = _blocks(at)
        in_blocks, tries = (np.bincount(b, minlength=BLOCKS) for b in (blocks[hits], blocks))
        clustering = max(1.0, float(_clustering_of_hits(in_blocks, tries, confidence)))
    some, others = count / clustering, (n - count) / clustering
    low = special.betaincinv(some, others + 1, 1 - confidence) if count else 0.0
    high = special.betaincinv(some + 1, others, confidence) if count < n else 1.0
    return Estimate(count / n, max(float(low), (1 - confidence) * count / n), float(high), n)


def rate(times: Array, start: float, end: float, confidence: float = CONFIDENCE) -> Estimate:
    """Events per second between two times: Poisson bounds (Garwood 1936), scaled.

    The scale is how much more, or less, the counts of blocks vary than those of a Poisson process.
    """
    counts, _ = np.histogram(times, bins=BLOCKS, range=(start, end))
    n = int(counts.sum())
    clustering = 1.0
    if n:
        clustering = max(1 / n, float(_clustering(counts - n / BLOCKS, n, confidence)))
    unit = clustering / (end - start)
    low = unit * special.gammaincinv(n / clustering, 1 - confidence) if n else 0.0
    high = unit * special.gammaincinv(n / clustering + 1, confidence)
    return Estimate(n / (end - start), float(low), float(high), n)


def confidence_per_look(number: int, confidence: float = CONFIDENCE) -> float:
    """What each of several looks at one run must hold so that all together hold `confidence`.

    Bonferroni: the chances to be wrong at one of them add up at most.
    """
    return 1 - (1 - confidence) / number


def change_point(values: Sequence[float], confidence: float = CONFIDENCE) -> int | None:
    """The index of the first value after the level changed; None where that may be chance.

    Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28, 1979.
    """
    n = len(values)
    if n < 2:
        return None
    ranks = _ranks(values)
    # 2 * sum of the first t ranks, against what it is on average
    off = np.abs(2 * np.cumsum(ranks)[:-1] - np.arange(1, n) * (n + 1))
    chance = 2 * np.exp(-6 * off.max() ** 2 / (n**3 + n**2))
    return int(off.argmax()) + 1 if chance < 1 - confidence else None


def _ranks(values: Sequence[float]) -> Array:
    """The rank of each from 1 on; equals share the mean of theirs."""
    _, place, equals = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(equals) - (equals - 1) / 2)[place])


def known(number: float) -> float | None:
    """The number; None for NaN, which stands for what could not be read."""
    return None if np.isnan(number) else float(number)


class _Ranks:
    """The bounds of one percentile, each found by turning a test of the share above a value."""

    def __init__(self, sample: Sample, q: float, confidence: float) -> None:
        self.n, self.q, self.confidence = len(sample), q, confidence
        self.sample = sample
        self.tries = self._counts(0, self.n)
        self.point = int(np.ceil(q * self.n)) - 1
        self.least = 1.0
        point = np.array([self.point])
        around = np.concatenate([self._above(point, "left"), self._above(point, "right")])
        self.least = float(self._clustering(around).max())

    def low(self) -> float:
        """The largest sample up to which too many lie above for it to be above the quantile."""

        def too_many(ranks: Positions) -> Mask:
            above = self._above(ranks, "left")
            clustering = self._clustering(above)
            below = (self.n - above) / clustering
            return self._unlikely(special.betainc(above / clustering, below + 1, 1 - self.q))

        above = np.geomspace(self.n - self.point, self.n, _CANDIDATES).astype(np.intp)
        return self._bound(_last(too_many, np.unique(self.n - above)), -np.inf)

    def high(self) -> float:
        """The smallest sample from which on too few lie above for it to be below the quantile."""

        def too_few(ranks: Positions) -> Mask:
            above = self._above(ranks, "right")
            clustering = self._clustering(above)
            below = (self.n - above) / clustering
            return self._unlikely(special.betainc(below, above / clustering + 1, self.q))

        above = np.geomspace(1, self.n - self.point, _CANDIDATES).astype(np.intp)
        rank = _last(too_few, np.unique(self.n - above)[::-1])
        return min(self._bound(rank, np.inf), self._beyond_all_parts())

    def _beyond_all_parts(self) -> float:
        """A value far above what the quantile was in any part of the run; infinite: none.

        Where the quantile drifts, few of the samples count as independent and the test of ranks
        finds no bound. But a value that hardly a sample exceeds, and that is as many times the
        largest quantile of a part of the run as that is the smallest, is not that of the whole.
        """
        worst, best = self._extreme_parts()
        value = worst * worst / best if best > 0 else np.inf
        above = np.array([self.n - np.searchsorted(self.sample.values, value, "right")])
        if above[0] > _FAR * (1 - self.q) * self.n:
            return np.inf
        clustering = np.maximum(1.0, self._found(above))
        below = (self.n - above) / clustering
        chance = special.betainc(below, above / clustering + 1, self.q)
        return float(value) if self._unlikely(chance)[0] else np.inf

    def _extreme_parts(self) -> tuple[float, float]:
        """The largest and the smallest quantile of the parts of the run, where these are large."""
        parts = _LEVELS[-1]
        if self.sample.blocks is None or self.n * (1 - self.q) < _LEAST_ABOVE * parts:
            return np.inf, 0.0
        part = self.sample.blocks * parts // BLOCKS
        own = [_quantile(self.sample.values[part == index], self.q) for index in range(parts)]
        return max(own), min(own)

    def _bound(self, rank: int | None, otherwise: float) -> float:
        return otherwise if rank is None else float(self.sample.values[rank])

    def _unlikely(self, chance: Array) -> Mask:
        return np.asarray(chance <= 1 - self.confidence)

    def _above(self, ranks: Positions, side: Literal["left", "right"]) -> Positions:
        """How many samples lie above those of the ranks; with "left", they themselves count too."""
        values = self.sample.values
        return self.n - np.searchsorted(values, values[ranks], side)

    def _clustering(self, above: Positions) -> Array:
        return np.maximum(self._found(above), self.least)

    def _found(self, above: Positions) -> Array:
        if self.sample.blocks is None:
            return np.ones(len(above))
        return _clustering_of_hits(self._in_blocks(above), self.tries, self.confidence)

    def _in_blocks(self, above: Positions) -> Positions:
        """For each number of uppermost samples how many of them each block holds."""
        sizes, given = np.unique(above, return_inverse=True)
        steps = [self._counts(self.n - size, self.n - less) for less, size in pairwise([0, *sizes])]
        return np.cumsum(steps, axis=0)[given]

    def _counts(self, first: int, last: int) -> Positions:
        blocks = self.sample.blocks
        return np.bincount([] if blocks is None else blocks[first:last], minlength=BLOCKS)


def _quantile(ascending: Array, q: float) -> float:
    return float(ascending[int(np.ceil(q * len(ascending))) - 1])


def _last(rejects: Callable[[Positions], Mask], ranks: Positions) -> int | None:
    """The last rank, from the outermost inwards, up to which all candidates are rejected.

    The gap behind it is filled with new candidates until there is none.
    """
    while True:
        kept = np.flatnonzero(~rejects(ranks))
        if not len(kept):
            return int(ranks[-1])
        if kept[0] == 0:
            return None
        good, bad = int(ranks[kept[0] - 1]), int(ranks[kept[0]])
        if abs(good - bad) == 1:
            return good
        step = np.sign(bad - good) * max(1, abs(bad - good) // _CANDIDATES)
        ranks = np.append(np.arange(good, bad, step), bad)


def _blocks(at: Array) -> Positions:
    """For each time the block it is in; blocks follow each other and hold equally many."""
    blocks = np.empty(len(at), np.intp)
    blocks[np.argsort(at, kind="stable")] = np.arange(len(at)) * BLOCKS // len(at)
    return blocks


def _clustering_of_hits(
    hits: npt.NDArray[np.integer], tries: npt.NDArray[np.integer], confidence: float
) -> Array:
    n, count = tries.sum(), hits.sum(axis=-1, keepdims=True)
    share = count / n
    binomial = (count * (1 - share))[..., 0]
    found = _clustering(hits - share * tries, binomial, confidence)
    return np.asarray(np.minimum(found, _LARGEST_BURST * count[..., 0]))


def _clustering(off: Array, variance: npt.ArrayLike, confidence: float) -> Array:
    """How much more a sum over blocks varies than `variance`, which it would were all independent.

    `off` holds what each block is off its expectation. The largest of the estimates from single
    blocks, pairs and fours, each allowing for neighbours that are alike (Tafazzoli and Wilson
    2011), for the few blocks, or the few that matter, that it rests on (Satterthwaite 1946), and
    for skewness beyond that of independent events (Johnson 1978): a run that happened to see few
    bursts also makes them look small.
    """
    estimates = [_at_level(off, level, variance, confidence) for level in _LEVELS]
    return np.asarray(np.max(estimates, axis=0))


def _at_level(off: Array, level: int, variance: npt.ArrayLike, confidence: float) -> Array:
    off = off.reshape(*off.shape[:-1], level, -1).sum(axis=-1)
    squares = (off * off).sum(axis=-1)
    alike = (off[..., 1:] * off[..., :-1]).sum(axis=-1) / _positive(squares)
    alike = np.clip(alike, 0, _MOST_CORRELATION)
    ratio = level / (level - 1) * squares / _positive(variance) * (1 + alike) / (1 - alike)
    shares = off / np.sqrt(_positive(squares))[..., None]
    skewness = (shares * shares * shares).sum(axis=-1)
    skewness -= np.sqrt(_positive(ratio / _positive(variance)))
    # Satterthwaite's is 2 / ...: in a run that saw few bursts the fourth moment is itself too small
    freedom = 0.5 / _positive((shares * shares * shares * shares).sum(axis=-1) - 1 / level)
    freedom = np.clip(freedom, _LEAST_FREEDOM, level - 1)
    normal = special.ndtri(confidence)
    caution = special.stdtrit(freedom, confidence) / normal
    caution *= 1 + np.maximum(skewness, 0) * _of_skewness(confidence) / normal
    return np.asarray(ratio + np.maximum(ratio - 1, 0) * (caution**2 - 1))


def _positive(values: npt.ArrayLike) -> Array:
    return np.asarray(np.maximum(values, _TINY))
