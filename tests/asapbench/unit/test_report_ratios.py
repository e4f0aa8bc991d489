"""A comparison as a chart."""

import math
from typing import Any

import pytest

from asapbench.comparison import Comparison, Row
from asapbench.report.figures import Chart
from asapbench.report.ratios import ratios


def row(key: str, ratio: float, change: Any = "~", **changes: Any) -> Row:
    bounds = {"low": ratio - 0.1, "high": ratio + 0.2, "smallest": 0.1} | changes
    return Row(key=key, ratio=ratio, change=change, **bounds)


def drawn(*rows: Row) -> Chart:
    comparison = Comparison("before", "now", 0.05, rows, (), (), ())
    (chart,) = ratios(comparison)
    return chart


def traces(chart: Chart) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in chart.data}


def test_every_row_is_a_lane_the_slowest_first() -> None:
    chart = drawn(row("a", 0.9), row("b", 1.3, "slower"), row("c", 1.0))
    assert chart.lanes == ("b", "c", "a")
    assert traces(chart)["slower"]["y"] == [0]
    assert traces(chart)["undecided"]["y"] == [1, 2]


def test_a_row_has_its_interval() -> None:
    dots = traces(drawn(row("a", 1.3, "slower")))["slower"]
    assert dots["x"] == [1.3]
    assert dots["error_x"]["array"] == pytest.approx([0.2])
    assert dots["error_x"]["arrayminus"] == pytest.approx([0.1])


def test_a_row_without_bounds_is_a_dot_alone() -> None:
    dots = traces(drawn(row("a", 1.0, low=0.0, high=math.inf)))["undecided"]
    assert dots["error_x"]["array"] == [0.0]
    assert dots["customdata"] == [[None, None]]


def test_unchanged_and_what_is_allowed_are_upright_lines() -> None:
    found = traces(drawn(row("a", 1.0)))
    assert found["unchanged"]["x"] == [1.0, 1.0]
    assert found["allowed 1.05"]["x"] == [1.05, 1.05]


def test_ratios_far_apart_are_drawn_on_a_logarithmic_axis() -> None:
    assert drawn(row("a", 0.5), row("b", 5.0)).layout["xaxis"]["type"] == "log"
    assert "type" not in drawn(row("a", 0.9), row("b", 1.1)).layout["xaxis"]


def test_what_shrank_by_more_than_its_limit_is_drawn_too() -> None:
    chart = drawn(row("a", -0.2, "faster", of="limit"), row("b", 1.0))
    assert "type" not in chart.layout["xaxis"]
    assert traces(chart)["faster"]["x"] == [-0.2]


def test_nothing_to_compare_is_no_chart() -> None:
    assert list(ratios(Comparison("before", "now", 0.05, (), ("a",), ("b",), ()))) == []
