"""Distributions in few numbers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.shapes import BINS, POINTS, histogram, percentile_curve

times = st.lists(st.just(0.0) | st.floats(1e-9, 1e4), min_size=1, max_size=300).map(sorted)


@given(values=times)
def test_a_curve_rises_from_the_smallest_sample_to_the_largest(values: list[float]) -> None:
    curve = percentile_curve(np.array(values))
    assert curve["q"] == sorted(curve["q"])
    assert (curve["q"][0], curve["q"][-1]) == (0, 1)
    assert (curve["values"][0], curve["values"][-1]) == (values[0], values[-1])
    assert np.all(np.diff(curve["values"]) >= -1e-9 * values[-1])


def test_a_curve_goes_on_as_far_as_its_samples_tell_quantiles_apart() -> None:
    curve = percentile_curve(np.arange(10_000.0))
    assert len(curve["q"]) == POINTS + 1
    assert curve["q"][-2] == pytest.approx(0.9999)
    assert curve["values"][curve["q"].index(0.9999)] == pytest.approx(9998.0, abs=0.1)


@given(values=times, others=times)
def test_a_histogram_counts_each_sample_once(values: list[float], others: list[float]) -> None:
    found = histogram({"a": np.array(values), "b": np.array(others)})
    if max(*values, *others) > 0:
        assert sum(found["counts"]["a"]) == len(values)
        assert sum(found["counts"]["b"]) == len(others)
        assert len(found["counts"]["a"]) == len(found["edges"]) - 1 <= BINS
        assert np.all(np.diff(found["edges"]) > 0)


def test_bins_are_evenly_wide_on_a_logarithmic_axis() -> None:
    edges = np.array(histogram({"a": np.array([0.001, 0.01, 10.0])})["edges"])
    assert np.diff(np.log(edges)) == pytest.approx(np.full(BINS, np.log(10_000) / BINS))


@pytest.mark.parametrize("samples", [{}, {"a": np.empty(0)}, {"a": np.zeros(3)}])
def test_without_a_positive_sample_there_are_no_bins(samples: dict[str, Any]) -> None:
    assert histogram(samples) == {"edges": [], "counts": {name: [] for name in samples}}


def test_without_samples_there_is_no_curve() -> None:
    assert percentile_curve(np.empty(0)) == {"q": [], "values": []}
