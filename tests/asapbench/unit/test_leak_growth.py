"""Growth per request, and what kind it is, from readings that are made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.leak.growth import MIN_KEPT, Growth, declines, mean, settled, steps, stops
from asapbench.leak.kind import LEAK, MONITOR, kind_of
from prove.leak_traces import FALSE_LEAKS, HEALTHY, fails, false_leaks
from prove.traces import REQUESTS, Array, in_pages, steady, wandering

RATE = 100.0
PER_REQUEST = LEAK / RATE  # bytes a request that are just a leak


def growth_of(level: Array, cycle: float = REQUESTS) -> Growth:
    requests = np.asarray(cycle * np.arange(len(level)), np.float64)
    found = settled(steps(requests, level))
    assert found is not None
    return found


def growth(value: float, reach: float = 0.0, **more: bool | int) -> Growth:
    known = {"n": 8, "seen": 2 * reach, **more}
    return Growth(value, value - reach, value + reach, **known)  # type: ignore[arg-type]


def test_steady_growth_is_read_exactly() -> None:
    found = growth_of(steady(8, 200))
    assert (found.low, found.value, found.high) == pytest.approx((200, 200, 200))
    assert not found.declines


def test_fewer_than_eight_cycles_give_no_growth() -> None:
    assert settled(np.ones(MIN_KEPT - 1)) is None


def test_a_reading_that_is_missing_gives_no_steps() -> None:
    assert len(steps(np.arange(3.0), np.array([1.0, np.nan, 3.0]))) == 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=15))
def test_the_value_lies_within_its_bounds(values: list[float]) -> None:
    found = settled(np.array(values))
    assert found is not None
    assert found.low <= found.value <= found.high
    assert found.seen >= 0


def test_the_interval_is_that_of_student() -> None:
    found = mean(np.array([1.0, -1.0] * 4))  # neighbours are opposite: no allowance for them
    assert found.high == pytest.approx(2.998 * (8 / 7) ** 0.5 / 8**0.5, rel=1e-3)


def test_neighbours_that_are_alike_widen_the_interval() -> None:
    apart, together = mean(np.array([1.0, 0.0] * 8)), mean(np.repeat([1.0, 0.0], 8))
    assert together.high - together.value > 2 * (apart.high - apart.value)


def test_the_resolution_of_the_meter_is_in_the_interval() -> None:
    found = settled(np.zeros(8), least_spread=5.0)
    assert found is not None
    assert found.high > 5.0


def test_growth_that_gets_less_is_seen_to_decline() -> None:
    assert declines(np.array([100.0, 90, 80, 70, 20, 15, 12, 10]))


def test_steady_growth_does_not_decline() -> None:
    assert not declines(np.array([200.0, 201, 199, 200, 200, 198, 202, 200]))


def test_a_decline_bounds_growth_by_its_later_half_and_by_nothing_from_below() -> None:
    found = settled(np.array([400.0, 390, 380, 370, 40, 38, 36, 34]))
    assert found is not None
    assert found.declines
    assert found.value == pytest.approx(37)
    assert found.low <= 0


def test_growth_that_gets_less_by_little_each_time_is_seen_to_decline() -> None:
    assert declines(165 * np.exp(-0.15 * np.arange(8)))


def test_a_cache_that_fills_is_known_to_before_it_is_full() -> None:
    entries, entry, cycle = 20_000, 550, 3000
    requests = 15_000 + cycle * np.arange(17)
    found = growth_of(entries * entry * (1 - np.exp(-requests / entries)), cycle)
    assert found.declines
    assert found.high < PER_REQUEST
    assert found.low <= 0


@pytest.mark.parametrize("flat", [1, 2, 3])
def test_growth_that_stopped_in_the_last_steps_has_no_lower_bound(flat: int) -> None:
    found = growth_of(np.cumsum([40e6, *[700 * REQUESTS] * (24 - flat), *[0.0] * flat]))
    assert found.declines
    assert found.low <= 0
    assert kind_of(found, None, None, RATE) == "saturating"


def test_growth_that_goes_on_in_noise_has_not_stopped() -> None:
    noise = np.random.default_rng(1).normal(0, 100, 24)
    assert not stops(700 + noise)


def test_what_got_less_before_counts_by_what_it_is_at_the_end() -> None:
    noise = np.tile([25.0, -25.0], 6)
    still_less = np.concatenate([np.full(12, 400.0), np.linspace(200, 120, 12) + noise])
    found = settled(still_less)
    assert found is not None
    assert found.dropped
    assert not found.declines  # it is not told from noise
    assert found.low < PER_REQUEST < found.value


def test_a_leak_that_begins_behind_a_warm_up_is_a_leak() -> None:
    level = np.cumsum([40e6, *[2000 * REQUESTS] * 12, *[300 * REQUESTS] * 20])
    found = growth_of(level)
    assert found.dropped > 0
    assert found.value == pytest.approx(300)
    assert kind_of(found, None, None, RATE) == "leak"


@pytest.mark.parametrize("per_request", [200.0, 2000.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_leak_is_found_in_noise_that_is_autocorrelated(per_request: float, seed: int) -> None:
    noise = wandering(np.random.default_rng(seed), 48, 20e3, 0.5)
    assert fails(in_pages(steady(48, per_request) + noise))


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_trace_is_never_called_a_leak(name: str) -> None:
    assert false_leaks(40, 0)[name] <= FALSE_LEAKS


def test_the_smallest_growth_that_is_seen_is_beyond_the_bound() -> None:
    found = mean(np.array([1.0, -1.0, 2.0, 0.0, 1.0, -2.0, 0.5, 0.0]))
    assert found.seen > found.high - found.value


@pytest.mark.parametrize(
    ("uss", "blocks", "heap", "kind"),
    [
        (growth(1.0, 3.0), growth(0.0), growth(0.0), "stable"),
        (growth(500.0, 5.0), growth(1.0), growth(0.0), "leak"),
        (growth(500.0, 5.0), growth(0.0), growth(490.0), "leak"),
        (growth(500.0, 5.0), None, None, "leak"),
        (growth(500.0, 5.0), growth(0.0), growth(0.0), "fragmentation"),
        (growth(60.0, 5.0), growth(0.5), growth(0.0), "monitor"),
        (growth(60.0, 500.0), growth(0.0), growth(0.0), "undecided"),
        (growth(500.0, 500.0, declines=True), growth(1.0), growth(0.0), "saturating"),
        (growth(2.0, 5.0, dropped=8), growth(0.0), growth(0.0), "saturating"),
        (growth(500.0, 5.0, dropped=8), growth(1.0), growth(0.0), "leak"),
        # it got less, and is 14 MB/h at the end: not known to be below 10
        (growth(40.0, 30.0, dropped=8), growth(1.0), growth(0.0), "monitor"),
        (growth(40.0, 50.0, dropped=8), growth(1.0), growth(0.0), "stable"),
        (growth(300.0, 290.0, dropped=8), growth(1.0), growth(0.0), "undecided"),
    ],
)
def test_growth_has_a_kind(
    uss: Growth, blocks: Growth | None, heap: Growth | None, kind: str
) -> None:
    assert kind_of(uss, blocks, heap, RATE) == kind


def test_the_same_growth_is_worse_at_a_higher_rate() -> None:
    found = growth(20.0, 1.0)
    kinds = [kind_of(found, None, None, rate) for rate in (10.0, 200.0, 1000.0)]
    assert kinds == ["stable", "monitor", "leak"]


def test_the_limits_are_those_of_the_table() -> None:
    assert [kind * 3600 for kind in (MONITOR, LEAK)] == pytest.approx([10e6, 50e6])
    assert pytest.approx(139, abs=1) == PER_REQUEST
