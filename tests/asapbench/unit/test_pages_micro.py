"""The charts of a micro run."""

from collections.abc import Callable
from typing import Any

import pytest

from asapbench.model import Metric, Report, Verdict
from asapbench.report.figures import Chart
from asapbench.report.pages.micro import charts

MakeReport = Callable[..., Report]
Draw = Callable[..., dict[str, Chart]]


def benchmark(group: str, name: str, *values: float, **changes: Any) -> dict[str, Any]:
    return {
        "group": group,
        "name": name,
        "metric": f'{group}{{benchmark="{name}"}}',
        "items": 1,
        "rate": False,
        "size": None,
        "median": values[len(values) // 2],
        "values": list(values),
        "numbered": list(range(1, len(values) + 1)),
    } | changes


def verdict(key: str, limit: str, outcome: Any = "pass") -> Verdict:
    return Verdict(metric=key, limit=limit, outcome=outcome, reason="")


@pytest.fixture
def draw(make_report: MakeReport) -> Draw:
    def draw_(*rows: dict[str, Any], verdicts: Any = (), metrics: Any = ()) -> dict[str, Chart]:
        report = make_report(details={"benchmarks": list(rows)})
        changed = report.model_copy(update={"verdicts": tuple(verdicts), "metrics": tuple(metrics)})
        return {chart.name: chart for chart in charts(changed)}

    return draw_


def test_a_group_is_a_chart_and_each_of_its_benchmarks_a_lane(draw: Draw) -> None:
    found = draw(benchmark("b", "x", 1e-6), benchmark("a", "y", 1e-6), benchmark("a", "z", 1e-6))
    assert [(name, chart.lanes) for name, chart in found.items()] == [
        ("group-a", ("y", "z")),
        ("group-b", ("x",)),
    ]


def test_every_process_is_a_dot_in_the_lane_of_its_benchmark(draw: Draw) -> None:
    rows = benchmark("a", "x", 1e-6, 2e-6), benchmark("a", "y", 3e-6)
    (box,) = draw(*rows)["group-a"].data
    assert (box["x"], box["y"]) == ([1.0, 2.0, 3.0], [0, 0, 1])
    assert box["customdata"] == [["x", 1], ["x", 2], ["y", 1]]
    assert box["boxpoints"] == "all"


def test_each_outcome_is_a_trace_of_its_colour_the_worst_first(draw: Draw) -> None:
    rows = [benchmark("a", name, 1e-6) for name in ("x", "y", "z")]
    verdicts = [verdict(rows[0]["metric"], "< 5 µs"), verdict(rows[1]["metric"], "< 5 µs", "fail")]
    data = draw(*rows, verdicts=verdicts)["group-a"].data
    assert [one["name"] for one in data] == ["fail", "pass", "not judged", "limit"]
    assert [one["y"] for one in data] == [[1], [0], [2], [0, 1]]
    assert data[0]["marker"]["color"] == "--fail"


def test_the_target_is_a_mark_in_its_lane_in_seconds_of_an_operation(draw: Draw) -> None:
    rows = benchmark("a", "x", 1e-3), benchmark("a", "y", 2e-3, rate=True)
    limits = [verdict(rows[0]["metric"], "< 5 ms"), verdict(rows[1]["metric"], "> 250 req/s")]
    (_, marks) = draw(*rows, verdicts=limits)["group-a"].data
    assert (marks["x"], marks["y"]) == ([5.0, 4.0], [0, 1])


@pytest.mark.parametrize(("slow", "kind"), [(2e-6, None), (2e-3, "log")])
def test_what_spans_decades_is_drawn_on_a_logarithmic_axis(
    draw: Draw, slow: float, kind: str | None
) -> None:
    chart = draw(benchmark("a", "x", 1e-6), benchmark("a", "y", slow))["group-a"]
    assert chart.layout["xaxis"].get("type") == kind


def test_a_group_with_an_exponent_has_its_time_over_size_and_the_steepest_allowed(
    draw: Draw,
) -> None:
    rows = [benchmark("a", f"n{n}", n * 1e-6, size=n) for n in (1000, 10, 100)]
    exponent = Metric(name="a", unit="count", value=1.0)
    chart = draw(*rows, metrics=[exponent], verdicts=[verdict("a", "<= 1.5")])["size-a"]
    median, limit = chart.data
    assert median["x"] == [10, 100, 1000]
    assert limit["y"][1] / limit["y"][0] == pytest.approx(100**1.5)
    assert "grows with the power 1" in chart.says


def test_a_run_in_which_nothing_was_timed_has_no_charts(draw: Draw) -> None:
    assert draw() == {}
