"""Estimates: what the bounds promise, checked by drawing from populations whose truth is known.

Each bound promises to hold in 99 % of draws. With fixed seeds the counts below never change; the
tolerance is four standard deviations of such a count.
"""

from collections.abc import Callable
from math import inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from asapbench import stats
from asapbench.stats import Array, Estimate

DRAWS = 2000
MOST_MISSES = 0.01 * DRAWS + 4 * sqrt(0.01 * 0.99 * DRAWS)

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


def misses(draw: Callable[[], Estimate | None], truth: float) -> tuple[int, int]:
    """How often the lower bound lies above the truth, and the upper bound below it."""
    found = [estimate for estimate in (draw() for _ in range(DRAWS)) if estimate is not None]
    assert len(found) == DRAWS
    return sum(e.low > truth for e in found), sum(e.high < truth for e in found)


@pytest.mark.parametrize(("q", "n"), [(0.5, 50), (0.95, 130), (0.95, 2000), (0.99, 662)])
def test_each_bound_of_a_percentile_holds_in_99_of_100_draws(q: float, n: int) -> None:
    random = np.random.default_rng(1)
    low, high = misses(
        lambda: stats.percentile(np.sort(random.exponential(size=n)), q), -log(1 - q)
    )
    assert max(low, high) <= MOST_MISSES


def test_each_bound_of_a_proportion_holds_in_99_of_100_draws() -> None:
    random = np.random.default_rng(2)
    low, high = misses(lambda: stats.proportion(int(random.binomial(5000, 0.002)), 5000), 0.002)
    assert max(low, high) <= MOST_MISSES


def test_each_bound_of_a_mean_holds_in_99_of_100_draws() -> None:
    random = np.random.default_rng(3)
    low, high = misses(lambda: stats.mean(random.normal(7.0, 2.0, size=5)), 7.0)
    assert max(low, high) <= MOST_MISSES
    assert min(low, high) > 0  # else the bounds would be wider than they need be


@pytest.mark.parametrize("seconds", [5.0, 30.0, 200.0])
def test_each_bound_of_a_rate_holds_in_99_of_100_draws(seconds: float) -> None:
    random = np.random.default_rng(4)

    def draw() -> Estimate:
        arrivals = random.uniform(10.0, 10.0 + seconds, size=random.poisson(80 * seconds))
        return stats.rate(arrivals, 10.0, 10.0 + seconds)

    low, high = misses(draw, 80.0)
    assert max(low, high) <= MOST_MISSES


@pytest.mark.parametrize(("q", "least"), [(0.95, 130), (0.99, 662), (0.999, 6636)])
def test_a_percentile_is_given_from_its_least_sample_size_on(q: float, least: int) -> None:
    assert stats.percentile(np.arange(least - 1.0), q) is None
    assert stats.percentile(np.arange(float(least)), q) is not None


@pytest.mark.parametrize("q", [0.01, 0.05, 0.5])
def test_a_low_percentile_needs_as_many_samples_as_its_mirror_image(q: float) -> None:
    sizes = range(1, 700)
    first = next(n for n in sizes if stats.percentile(np.arange(float(n)), q))
    assert first == next(n for n in sizes if stats.percentile(np.arange(float(n)), 1 - q))


@pytest.mark.parametrize(
    ("over", "passes", "fails"),
    [(1412, True, False), (1413, False, False), (1588, False, False), (1589, False, True)],
)
def test_of_30000_samples_1412_may_exceed_a_p95_limit_and_1589_miss_it(
    over: int, passes: bool, fails: bool
) -> None:
    limit = 0.005
    sample = np.concatenate([np.full(30_000 - over, limit), np.full(over, 0.006)])
    estimate = stats.percentile(sample, 0.95)
    assert estimate is not None
    assert (estimate.high <= limit, estimate.low > limit) == (passes, fails)


def test_a_percentile_is_a_sample_and_never_between_two() -> None:
    estimate = stats.percentile(np.arange(1.0, 2001.0), 0.95)
    assert estimate is not None
    assert estimate.value == 1900.0


@given(values, st.sampled_from([0.05, 0.5, 0.9, 0.95]))
def test_the_bounds_of_a_percentile_are_samples_around_it(sample: list[float], q: float) -> None:
    estimate = stats.percentile(np.sort(np.array(sample)), q)
    if estimate is not None:
        assert estimate.low <= estimate.value <= estimate.high
        assert {estimate.low, estimate.value, estimate.high} <= set(sample)
        assert estimate.n == len(sample)


def test_a_percentile_of_equal_samples_is_certain() -> None:
    assert stats.percentile(np.full(500, 0.25), 0.95) == Estimate(0.25, 0.25, 0.25, 500)


@pytest.mark.parametrize("sample", [[], [1.0], [1.0, 2.0]])
def test_a_percentile_of_next_to_nothing_is_not_given(sample: list[float]) -> None:
    assert stats.percentile(np.array(sample, float), 0.5) is None


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportion_has_the_bounds_of_clopper_and_pearson(sample: tuple[int, int]) -> None:
    hits, n = sample
    exact = binomtest(hits, n).proportion_ci(confidence_level=0.98, method="exact")
    estimate = stats.proportion(hits, n)
    assert [estimate.low, estimate.high] == pytest.approx([exact.low, exact.high])
    assert (estimate.value, estimate.n) == (hits / n, n)


def test_no_error_in_n_requests_still_leaves_an_upper_bound() -> None:
    assert stats.proportion(0, 60_000).low == 0.0
    assert stats.proportion(0, 60_000).high == pytest.approx(-log(0.01) / 60_000, rel=1e-3)
    assert stats.proportion(7, 7).high == 1.0


def test_one_value_has_a_mean_but_no_bounds() -> None:
    assert stats.mean(np.array([3.0])) == Estimate(3.0, -inf, inf, 1)


def test_the_mean_of_equal_values_is_certain() -> None:
    assert stats.mean(np.full(10, 0.5)) == Estimate(0.5, 0.5, 0.5, 10)


def test_an_even_grid_of_events_has_a_rate_without_doubt() -> None:
    grid: Array = 5.0 + (np.arange(60_000) + 0.5) / 1000
    assert stats.rate(grid, 5.0, 65.0) == Estimate(1000.0, 1000.0, 1000.0, 60_000)


def test_a_rate_counts_only_what_lies_between_its_times() -> None:
    assert stats.rate(np.array([0.5, 1.5, 2.5, 99.0]), 1.0, 11.0).n == 2


def test_a_rate_is_never_below_zero() -> None:
    assert stats.rate(np.array([3.0]), 0.0, 10.0).low == 0.0


def test_no_event_is_a_rate_of_zero() -> None:
    estimate = stats.rate(np.empty(0), 0.0, 10.0)
    assert (estimate.value, estimate.low, estimate.n) == (0.0, 0.0, 0)


def test_a_short_time_is_cut_into_blocks_enough_to_tell_their_spread() -> None:
    arrivals = np.random.default_rng(5).uniform(0.0, 1.0, size=1000)
    estimate = stats.rate(arrivals, 0.0, 1.0)
    assert 800 < estimate.low < 1000 < estimate.high < 1200


def test_a_server_that_stalls_for_a_second_makes_its_rate_less_certain() -> None:
    steady: Array = (np.arange(10_000) + 0.5) / 1000
    stalled = steady[(steady < 4.0) | (steady >= 5.0)]
    assert stats.rate(stalled, 0.0, 10.0).low < 800 < stats.rate(steady, 0.0, 10.0).low
