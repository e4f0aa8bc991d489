"""Estimates: what the bounds promise, checked by drawing from populations whose truth is known.

Each bound promises to hold in 99 % of draws. With fixed seeds the counts below never change; the
tolerance is four standard deviations of such a count.
"""

from collections.abc import Callable
from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import binomtest, norm

from asapbench import stats
from asapbench.stats import Array, Estimate, Sample

DRAWS = 2000
FEW = 300  # where a draw takes long; `make prove` draws thousands
MOST_MISSES = 0.01 * DRAWS + 4 * sqrt(0.01 * 0.99 * DRAWS)

Draw = Callable[[np.random.Generator], Array]

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300)


def misses(
    draw: Callable[[], Estimate | None], truth: float, draws: int = DRAWS
) -> tuple[int, int]:
    """How often the lower bound lies above the truth, and the upper bound below it."""
    found = [estimate for estimate in (draw() for _ in range(draws)) if estimate is not None]
    assert len(found) == draws
    return sum(e.low > truth for e in found), sum(e.high < truth for e in found)


def grid(n: int) -> Sample:
    return stats.sample(np.arange(float(n)))


def correlated(n: int, over: float) -> Draw:
    """A first-order autoregression with a correlation time of so many samples."""
    keep = float(np.exp(-1 / over))

    def draw(random: np.random.Generator) -> Array:
        noise = random.standard_normal(n)
        noise[1:] *= np.sqrt(1 - keep**2)
        return np.asarray(lfilter([1.0], [1.0, -keep], noise))

    return draw


def paused(n: int, length: float) -> Draw:
    """A twentieth of all samples lies in pauses, whose length is exponential."""

    def draw(random: np.random.Generator) -> Array:
        cycles = 2 * int(n / length / 20) + 60
        gaps = random.exponential(19 * length, cycles)
        if random.random() < 0.05:
            gaps[0] = 0.0
        edges = np.cumsum(np.column_stack([gaps, random.exponential(length, cycles)]).ravel())
        inside = np.searchsorted(edges, np.arange(n)) % 2 == 1
        return np.asarray(random.random(n) + inside)

    return draw


@pytest.mark.parametrize(("q", "n"), [(0.5, 50), (0.95, 130), (0.95, 2000), (0.99, 662)])
def test_each_bound_of_a_percentile_holds_in_99_of_100_draws(q: float, n: int) -> None:
    random = np.random.default_rng(1)
    low, high = misses(
        lambda: stats.percentile(stats.sample(random.exponential(size=n)), q), -log(1 - q)
    )
    assert max(low, high) <= MOST_MISSES


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (correlated(3000, 0.1), norm.ppf(0.95)),
        (correlated(3000, 10), norm.ppf(0.95)),
        (correlated(3000, 50), norm.ppf(0.95)),
        (correlated(3000, 1000), norm.ppf(0.95)),
        (paused(3000, 10), 1.0),
    ],
    ids=["independent", "over 10", "over 50", "over a third of the run", "pauses"],
)
def test_each_bound_of_a_percentile_holds_however_long_samples_are_alike(
    draw: Draw, truth: float
) -> None:
    random = np.random.default_rng(6)
    at = np.arange(3000.0)
    low, high = misses(lambda: stats.percentile(stats.sample(draw(random), at), 0.95), truth, FEW)
    assert max(low, high) <= 0.01 * FEW


def test_bounds_that_take_correlated_samples_for_independent_do_not_hold() -> None:
    random, draw = np.random.default_rng(6), correlated(3000, 10)
    low, high = misses(
        lambda: stats.percentile(stats.sample(draw(random)), 0.95), norm.ppf(0.95), FEW
    )
    assert min(low, high) > 0.1 * FEW


def test_each_bound_of_a_mean_holds_where_samples_are_alike() -> None:
    random, draw, at = np.random.default_rng(7), correlated(3000, 20), np.arange(3000.0)
    low, high = misses(lambda: stats.mean(stats.sample(draw(random), at)), 0.0, FEW)
    assert max(low, high) <= 0.01 * FEW


def test_each_bound_of_a_proportion_holds_where_hits_come_in_bursts() -> None:
    random, draw, at = np.random.default_rng(8), paused(10_000, 10), np.arange(10_000.0)
    low, high = misses(lambda: stats.proportion(draw(random) > 1, at), 0.05, FEW)
    assert max(low, high) <= 0.01 * FEW


def test_each_bound_of_a_rate_holds_where_events_come_in_bursts() -> None:
    random, draw, at = np.random.default_rng(9), paused(10_000, 10), np.arange(10_000.0)
    low, high = misses(lambda: stats.rate(at[draw(random) > 1], 0.0, 10_000.0), 0.05, FEW)
    assert max(low, high) <= 0.01 * FEW


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_independent_samples_lose_little_by_the_doubt(q: float) -> None:
    random, at = np.random.default_rng(10), np.arange(30_000.0)
    ratios = []
    for _ in range(20):
        values = random.exponential(size=30_000)
        wary, plain = (stats.percentile(stats.sample(values, t), q) for t in (at, None))
        assert wary is not None
        assert plain is not None
        ratios.append((wary.high - wary.low) / (plain.high - plain.low))
    assert min(ratios) >= 1.0
    assert np.median(ratios) < 1.4


def test_a_stall_seen_once_leaves_the_value_but_no_bound_near_it() -> None:
    at = np.arange(10_000.0)
    values = np.where((at >= 4000) & (at < 5000), 1.0, 0.001) + at * 1e-9
    estimate = stats.percentile(stats.sample(values, at), 0.95)
    assert estimate is not None
    assert estimate.value > 1.0
    assert estimate.low < 0.01
    assert estimate.high > 100


def test_where_the_level_drifts_a_limit_far_beyond_all_that_was_seen_is_still_decided() -> None:
    random, at = np.random.default_rng(12), np.arange(20_000.0)
    level = np.exp(0.3 * np.sin(at / 2000))
    estimate = stats.percentile(stats.sample(level * random.lognormal(0, 0.3, 20_000), at), 0.95)
    assert estimate is not None
    assert estimate.value < estimate.high < 5 * estimate.value


def test_parts_of_a_run_that_are_too_short_for_a_quantile_of_their_own_are_not_asked() -> None:
    at = np.arange(600.0)
    values = np.where((at >= 200) & (at < 300), 1.0, 0.001) + at * 1e-9
    estimate = stats.percentile(stats.sample(values, at), 0.95)
    assert estimate is not None
    assert estimate.high == inf


def test_the_order_in_which_samples_are_given_changes_nothing() -> None:
    random, at = np.random.default_rng(11), np.arange(5000.0)
    values, mixed = correlated(5000, 20)(random), random.permutation(5000)
    straight, shuffled = stats.sample(values, at), stats.sample(values[mixed], at[mixed])
    assert stats.percentile(straight, 0.95) == stats.percentile(shuffled, 0.95)


@pytest.mark.parametrize("looks", [1, 3, 6])
def test_all_looks_together_are_wrong_no_more_often_than_one(looks: int) -> None:
    each = stats.confidence_per_look(looks)
    assert looks * (1 - each) == pytest.approx(1 - stats.CONFIDENCE)


def test_looking_often_does_not_make_a_false_pass_more_likely() -> None:
    random, at, looks = np.random.default_rng(12), np.arange(1000.0), (250, 500, 1000)
    confidence = stats.confidence_per_look(len(looks))
    wrong = 0
    for _ in range(FEW):
        values = random.random(1000)
        found = (
            stats.percentile(stats.sample(values[:n], at[:n]), 0.95, confidence) for n in looks
        )
        wrong += any(estimate is not None and estimate.high < 0.95 for estimate in found)
    assert wrong <= 0.01 * FEW


def test_each_bound_of_a_proportion_holds_in_99_of_100_draws() -> None:
    random = np.random.default_rng(2)
    low, high = misses(lambda: stats.proportion(random.random(5000) < 0.002), 0.002)
    assert max(low, high) <= MOST_MISSES


def test_each_bound_of_a_mean_holds_in_99_of_100_draws() -> None:
    random = np.random.default_rng(3)
    low, high = misses(lambda: stats.mean(stats.sample(random.normal(7.0, 2.0, size=5))), 7.0)
    assert max(low, high) <= MOST_MISSES
    assert min(low, high) > 0  # else the bounds would be wider than they need be


def two_point(random: np.random.Generator, n: int) -> Array:
    """One answer in a hundred takes a second, the others a millisecond."""
    return np.where(random.random(n) < 0.01, 1.0, 0.001)


def lognormal(random: np.random.Generator, n: int) -> Array:
    return random.lognormal(size=n)


def exponential(random: np.random.Generator, n: int) -> Array:
    return random.exponential(size=n)


TAILS = [(exponential, 1.0), (lognormal, exp(0.5)), (two_point, 0.01099)]
LOOKS = stats.confidence_per_look(6)


@pytest.mark.parametrize(("times", "truth"), TAILS)
@pytest.mark.parametrize("confidence", [stats.CONFIDENCE, LOOKS])
def test_each_bound_of_a_mean_holds_however_long_the_tail(
    times: Callable[[np.random.Generator, int], Array], truth: float, confidence: float
) -> None:
    random, n = np.random.default_rng(3), stats.needed(0.99, confidence)
    at = np.arange(float(n))
    low, high = misses(lambda: stats.mean(stats.sample(times(random, n), at), confidence, n), truth)
    assert max(low, high) <= 0.01 * DRAWS


def test_bounds_of_a_mean_that_take_a_long_tail_for_none_do_not_hold() -> None:
    random, n = np.random.default_rng(3), 662
    plain = 0
    for _ in range(DRAWS):
        values = two_point(random, n)
        plain += values.mean() + norm.ppf(0.99) * values.std(ddof=1) / sqrt(n) < 0.01099
    assert plain > MOST_MISSES


def test_a_mean_has_no_bounds_below_the_samples_that_it_is_said_to_need() -> None:
    few, enough = stats.mean(grid(661), least=662), stats.mean(grid(662), least=662)
    assert (few.low, few.value, few.high) == (-inf, 330.0, inf)
    assert enough.low < enough.value < enough.high < inf


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
    assert stats.percentile(grid(least - 1), q) is None
    assert stats.percentile(grid(least), q) is not None
    assert stats.needed(q) == least


@pytest.mark.parametrize("q", [0.01, 0.05, 0.5])
def test_a_low_percentile_needs_as_many_samples_as_its_mirror_image(q: float) -> None:
    sizes = range(1, 700)
    first = next(n for n in sizes if stats.percentile(grid(n), q))
    assert first == next(n for n in sizes if stats.percentile(grid(n), 1 - q))


@pytest.mark.parametrize(
    ("over", "passes", "fails"),
    [(1412, True, False), (1413, False, False), (1588, False, False), (1589, False, True)],
)
def test_of_30000_samples_1412_may_exceed_a_p95_limit_and_1589_miss_it(
    over: int, passes: bool, fails: bool
) -> None:
    limit, values = 0.005, np.full(30_000, 0.005)
    values[np.arange(over) * 30_000 // over] = 0.006
    for sample in (stats.sample(values), stats.sample(values, np.arange(30_000.0))):
        estimate = stats.percentile(sample, 0.95)
        assert estimate is not None
        assert (estimate.high <= limit, estimate.low > limit) == (passes, fails)


def test_a_percentile_is_a_sample_and_never_between_two() -> None:
    estimate = stats.percentile(stats.sample(np.arange(1.0, 2001.0)), 0.95)
    assert estimate is not None
    assert estimate.value == 1900.0


@given(values, st.sampled_from([0.05, 0.5, 0.9, 0.95]))
def test_the_bounds_of_a_percentile_are_samples_around_it(sample: list[float], q: float) -> None:
    estimate = stats.percentile(stats.sample(np.array(sample)), q)
    if estimate is not None:
        assert estimate.low <= estimate.value <= estimate.high
        assert {estimate.low, estimate.value, estimate.high} <= set(sample)
        assert estimate.n == len(sample)


def test_a_percentile_of_equal_samples_is_certain() -> None:
    assert stats.percentile(stats.sample(np.full(500, 0.25), np.arange(500.0)), 0.95) == Estimate(
        0.25, 0.25, 0.25, 500
    )


@pytest.mark.parametrize("sample", [[], [1.0], [1.0, 2.0]])
def test_a_percentile_of_next_to_nothing_is_not_given(sample: list[float]) -> None:
    assert stats.percentile(stats.sample(np.array(sample, float)), 0.5) is None


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportion_has_the_bounds_of_clopper_and_pearson(sample: tuple[int, int]) -> None:
    hits, n = sample
    exact = binomtest(hits, n).proportion_ci(confidence_level=0.98, method="exact")
    estimate = stats.proportion(np.arange(n) < hits)
    assert [estimate.low, estimate.high] == pytest.approx([exact.low, exact.high])
    assert (estimate.value, estimate.n) == (hits / n, n)


def test_no_error_in_n_requests_still_leaves_an_upper_bound() -> None:
    none = np.zeros(60_000, bool)
    for estimate in (stats.proportion(none), stats.proportion(none, np.arange(60_000.0))):
        assert estimate.low == 0.0
        assert estimate.high == pytest.approx(-log(0.01) / 60_000, rel=1e-3)
    assert stats.proportion(np.ones(7, bool)).high == 1.0


def test_errors_in_one_burst_leave_more_doubt_than_as_many_spread_out() -> None:
    at = np.arange(60_000.0)
    burst, spread = at < 5, at % 12_000 == 0
    assert stats.proportion(burst, at).high > 5 * stats.proportion(spread, at).high
    assert stats.proportion(spread, at).high == pytest.approx(
        stats.proportion(spread).high, rel=0.1
    )


def test_one_value_has_a_mean_but_no_bounds() -> None:
    assert stats.mean(stats.sample(np.array([3.0]))) == Estimate(3.0, -inf, inf, 1)


def test_the_mean_of_equal_values_is_certain() -> None:
    sample = stats.sample(np.full(100, 0.5), np.arange(100.0))
    assert stats.mean(sample) == Estimate(0.5, 0.5, 0.5, 100)


def test_an_even_grid_of_events_has_a_rate_with_next_to_no_doubt() -> None:
    events: Array = 5.0 + (np.arange(60_000) + 0.5) / 1000
    estimate = stats.rate(events, 5.0, 65.0)
    assert (estimate.value, estimate.n) == (1000.0, 60_000)
    assert 999.8 < estimate.low < 1000.0 < estimate.high < 1000.2


def test_a_rate_counts_only_what_lies_between_its_times() -> None:
    assert stats.rate(np.array([0.5, 1.5, 2.5, 99.0]), 1.0, 11.0).n == 2


def test_a_rate_is_never_below_zero() -> None:
    assert 0.0 < stats.rate(np.array([3.0]), 0.0, 10.0).low < 0.01


def test_no_event_is_a_rate_of_zero() -> None:
    estimate = stats.rate(np.empty(0), 0.0, 10.0)
    assert (estimate.value, estimate.low, estimate.n) == (0.0, 0.0, 0)
    assert estimate.high == pytest.approx(-log(0.01) / 10)


def test_a_handful_of_events_has_the_bounds_of_poisson() -> None:
    estimate = stats.rate(np.array([1.0, 4.0, 9.0]), 0.0, 10.0)
    assert [estimate.low, estimate.high] == pytest.approx([0.0436, 1.0045], rel=0.05)


def test_a_short_time_is_enough_to_tell_the_spread_of_a_rate() -> None:
    arrivals = np.random.default_rng(5).uniform(0.0, 1.0, size=1000)
    estimate = stats.rate(arrivals, 0.0, 1.0)
    assert 800 < estimate.low < 1000 < estimate.high < 1200


def test_a_server_that_stalls_for_a_second_makes_its_rate_less_certain() -> None:
    steady: Array = (np.arange(10_000) + 0.5) / 1000
    stalled = steady[(steady < 4.0) | (steady >= 5.0)]
    assert stats.rate(stalled, 0.0, 10.0).low < 800 < stats.rate(steady, 0.0, 10.0).low


def test_an_outage_seen_once_is_proof_of_a_share_of_errors_a_hundred_times_less() -> None:
    at = np.arange(60_000.0)
    outage = stats.proportion(at >= 40_000, at)
    assert outage.low >= 0.01 * outage.value
    assert outage.low > 0.001
