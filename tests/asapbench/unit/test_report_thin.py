"""Fewer points, and every extreme."""

import math

from hypothesis import given
from hypothesis import strategies as st

from asapbench.report.thin import Point, thin

numbers = st.floats(-1e9, 1e9)
series = st.lists(st.one_of(numbers, st.none()), max_size=400).map(
    lambda values: [(float(x), y) for x, y in enumerate(values)]
)
limits = st.integers(5, 60)


@given(points=series, most=limits)
def test_the_lowest_and_the_highest_of_a_series_stay(points: list[Point], most: int) -> None:
    def values(some: list[Point]) -> list[float]:
        return [y for _, y in some if y is not None]

    assert min(values(points), default=None) == min(values(thin(points, most)), default=None)
    assert max(values(points), default=None) == max(values(thin(points, most)), default=None)


@given(points=series, most=limits)
def test_no_more_are_left_than_asked_for(points: list[Point], most: int) -> None:
    assert len(thin(points, most)) <= most


@given(points=series, most=limits)
def test_what_is_left_is_of_the_series_and_in_its_order(points: list[Point], most: int) -> None:
    left = thin(points, most)
    assert left == sorted(left, key=lambda point: point[0])
    assert set(left) <= set(points)


@given(points=series, most=limits)
def test_the_ends_stay(points: list[Point], most: int) -> None:
    assert thin(points, most)[:1] == points[:1]
    assert thin(points, most)[-1:] == points[-1:]


@given(points=series, most=limits)
def test_a_gap_is_never_closed(points: list[Point], most: int) -> None:
    assert any(y is None for _, y in points) == any(y is None for _, y in thin(points, most))


@given(points=st.lists(st.tuples(numbers, numbers), max_size=60))
def test_a_short_series_stays_as_it_is(points: list[Point]) -> None:
    assert thin(points, 60) == points


def test_a_spike_of_one_second_in_an_hour_is_seen() -> None:
    hour: list[Point] = [(float(s), math.sin(s)) for s in range(3600)]
    hour[1234] = (1234.0, 99.0)
    hour[2345] = (2345.0, -99.0)
    left = thin(hour)
    assert {(1234.0, 99.0), (2345.0, -99.0)} <= set(left)
    assert len(left) <= 900
