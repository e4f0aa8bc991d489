"""The charts of a stress run, from details as its schema describes them."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from asapbench.model import Report
from asapbench.report.chart import chart as chart_in_text
from asapbench.report.figures import Chart
from asapbench.report.pages.stress import charts

MakeReport = Callable[..., Report]


def step(number: int, **changes: Any) -> dict[str, Any]:
    busy = number**4
    return {
        "step": number,
        "users": number * 50,
        "offered": number * 400.0,
        "achieved": min(number * 400.0, 1250.0),
        "p50": 0.001 * number,
        "p95": 0.002 * busy,
        "p99": 0.004 * busy,
        "error_rate": 0.0,
        "server_cpu": 0.25 * number,
    } | changes


def details(steps: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "steps": steps,
        "sustainable": {"low": 1200.0, "high": 1400.0, "users": 150, "recommended": 960.0},
        "breaking_point": {"step": 4, "users": 175, "rps": 1400.0, "reason": "", "exhausted": ""},
        "thresholds": [
            {"metric": "latency.p95", "limit": ">= 100 ms", "marks": "degraded", "why": ""},
            {"metric": "error_rate", "limit": ">= 5 %", "marks": "broken", "why": ""},
        ],
    } | changes


@pytest.fixture
def draw(make_report: MakeReport) -> Callable[..., dict[str, Chart]]:
    def draw_(own: dict[str, Any]) -> dict[str, Chart]:
        return {chart.name: chart for chart in charts(make_report(details=own))}

    return draw_


Draw = Callable[[dict[str, Any]], dict[str, Chart]]


def test_steps_are_drawn_by_their_load_in_whatever_order_they_were_measured(draw: Draw) -> None:
    found = draw(details([step(k) for k in (1, 2, 4, 3)]))
    assert list(found) == ["degradation", "achieved", "errors", "cpu"]
    assert found["achieved"].data[0]["x"] == [400, 800, 1200, 1600]
    assert found["achieved"].data[0]["y"] == [400, 800, 1200, 1250]


def test_page_and_terminal_count_users_where_a_step_offers_no_rate(draw: Draw) -> None:
    steps = [step(1), step(2, offered=None)]
    assert draw(details(steps))["achieved"].data[0]["x"] == [50, 100]
    console = Console(file=io.StringIO(), width=80, color_system=None)
    with console.capture() as drawn:
        console.print(chart_in_text(steps, 80))
    assert drawn.get().rstrip().endswith("100 users")


def test_the_interval_of_the_breaking_point_is_shaded_in_every_chart(draw: Draw) -> None:
    for chart in draw(details([step(k) for k in (1, 2, 3, 4)])).values():
        (shape,) = chart.layout["shapes"]
        assert (shape["x0"], shape["x1"]) == (1200.0, 1400.0)
        assert "it breaks from 1,200 req/s to 1,400 req/s" in chart.says


def test_a_closed_loop_is_drawn_over_its_users(draw: Draw) -> None:
    found = draw(details([step(k, offered=None) for k in (1, 2, 3, 4)]))
    assert found["degradation"].data[0]["x"] == [50, 100, 150, 200]
    assert found["degradation"].layout["shapes"][0]["x1"] == 175
    assert [trace["name"] for trace in found["achieved"].data] == ["achieved"]


def test_nothing_is_shaded_where_nothing_broke(draw: Draw) -> None:
    own = details([step(1), step(2)], breaking_point=None)
    assert all("shapes" not in chart.layout for chart in draw(own).values())


def test_what_marks_a_step_as_degraded_is_a_line_across_its_latency(draw: Draw) -> None:
    found = draw(details([step(k) for k in (1, 2, 3, 4)]))
    (line,) = [t for t in found["degradation"].data if t["name"].startswith("degraded")]
    assert found["degradation"].layout["yaxis"]["type"] == "log"
    assert line["y"] == [0.1] * 2


def test_a_server_whose_cpu_cannot_be_seen_has_no_chart_of_it(draw: Draw) -> None:
    assert "cpu" not in draw(details([step(1, server_cpu=None), step(2, server_cpu=None)]))


def test_without_steps_there_are_no_charts(draw: Draw) -> None:
    assert draw({}) == {}
