"""The charts of a memory run, from readings that are made up."""

from collections.abc import Callable
from typing import Any

import pytest

from asapbench.model import Metric, Report, Target
from asapbench.report.figures import Chart
from asapbench.report.pages.memory import charts
from asapbench.targets import judge

MakeReport = Callable[..., Report]
Draw = Callable[..., dict[str, Chart]]

WARM_UP, CYCLES, SIZE, SLOPE = 3, 10, 1000.0, 200.0  # a cycle is so many requests
KEY = 'growth_rate{component="jsonrpc"}'


def cycles(**changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "cycle": number + 1,
            "kept": number >= WARM_UP,
            "second": 10.0 * number,
            "requests": SIZE * (number + 1),
            "rss": 60e6 + SLOPE * SIZE * number,
            "uss": 50e6 + SLOPE * SIZE * number,
            "heap": 20e6,
            "blocks": 200_000.0 + number,
            "collected": 0.0,
        }
        | changes
        for number in range(WARM_UP + CYCLES)
    ]


def growth(n: int = CYCLES) -> Metric:
    return Metric(name="growth_per_request", unit="B", value=SLOPE, low=150.0, high=250.0, n=n)


@pytest.fixture
def draw(make_report: MakeReport) -> Draw:
    """The charts by name; 20 kB/s at 100 requests a second are 72 MB/h."""

    def draw_(*metrics: Metric, **own: Any) -> dict[str, Chart]:
        part = Metric(
            name="growth_rate",
            unit="B/s",
            value=1.0,
            low=-2.0,
            high=4.0,
            labels={"component": "jsonrpc"},
        )
        rate = Metric(name="growth_rate", unit="B/s", value=20e3, low=15e3, high=25e3)
        known = (*(metrics or (growth(),)), rate, part)
        rows = [Target(metric=metric, limit="< 50 MB/h") for metric in ("growth_rate", KEY)]
        report = make_report(
            plan={"rps": 100.0}, details={"cycles": cycles(), "warm_up": WARM_UP} | own
        )
        return {
            chart.name: chart
            for chart in charts(
                report.model_copy(update={"metrics": known, "verdicts": judge(rows, known)})
            )
        }

    return draw_


def trace(chart: Chart, name: str) -> dict[str, Any]:
    (found,) = [trace for trace in chart.data if trace["name"].startswith(name)]
    return found


def test_the_slope_begins_at_the_last_reading_of_the_warm_up_and_ends_at_the_last(
    draw: Draw,
) -> None:
    held = draw()["held"]
    line, readings = trace(held, "growth"), trace(held, "USS")
    assert line["x"] == [readings["x"][WARM_UP - 1], readings["x"][-1]]
    assert line["y"] == pytest.approx([readings["y"][WARM_UP - 1], readings["y"][-1]])
    assert "200 B [150, 250] a request" in held.says


def test_the_wedge_is_as_wide_as_the_interval(draw: Draw) -> None:
    wedge = trace(draw()["held"], "its interval")
    assert wedge["y"][1] - wedge["y"][2] == pytest.approx(100 * SIZE * CYCLES / 1e6)


def test_the_limit_of_the_table_is_a_slope_at_its_rate(draw: Draw) -> None:
    limit = trace(draw()["held"], "limit growth_rate &lt; 50 MB/h")
    assert limit["y"][1] - limit["y"][0] == pytest.approx(50 / 3600 / 100 * SIZE * CYCLES)


def test_the_warm_up_is_shaded_where_requests_are_the_axis(draw: Draw) -> None:
    found = draw()
    for name in ("held", "meters", "objects"):
        (shade,) = found[name].layout["shapes"]
        assert shade["x1"] == WARM_UP * SIZE / 1000


def test_each_cycle_after_the_warm_up_is_a_bar_and_those_that_do_not_count_are_grey(
    draw: Draw,
) -> None:
    bars = trace(draw(growth(n=8))["growth"], "cycle")
    assert bars["x"] == list(range(WARM_UP + 1, WARM_UP + CYCLES + 1))
    assert bars["y"] == pytest.approx([SLOPE] * CYCLES)
    assert len(set(bars["marker"]["color"][:2])) == 1
    assert bars["marker"]["color"][1] != bars["marker"]["color"][2]


def test_a_run_too_short_for_a_growth_has_its_readings_alone(draw: Draw) -> None:
    found = draw(Metric(name="memory.final", unit="B", value=1.0))
    assert [one["name"] for one in found["held"].data] == ["USS"]
    assert "judged" not in found["held"].says + found["growth"].says


def test_a_server_seen_from_outside_has_no_chart_of_objects(draw: Draw) -> None:
    found = draw(details=None, cycles=cycles(heap=None, blocks=None))
    assert "objects" not in found
    assert [one["name"] for one in found["meters"].data] == ["RSS", "USS"]


def test_a_part_is_a_lane_with_its_interval_and_its_limit(draw: Draw) -> None:
    part = {"component": "jsonrpc", "cycles": 8, "operations": 1.0, "kind": "normal", "value": 1.0}
    (chart,) = [one for one in draw(components=[part]).values() if one.lanes]
    assert chart.lanes == ("jsonrpc",)
    (dot, limit) = chart.data
    assert dot["x"] == [0.0036]
    assert dot["error_x"]["array"] == pytest.approx([0.0108])
    assert limit["x"] == [50.0]


def test_without_readings_there_are_no_charts(make_report: MakeReport) -> None:
    assert charts(make_report(details={"components": []})) == []
