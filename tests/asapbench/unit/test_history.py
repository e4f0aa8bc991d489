"""A metric over the runs that were kept."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.commands.history import HistoryOptions, run
from asapbench.errors import UsageError
from asapbench.model import Metric, Report
from asapbench.report.document import render_json
from asapbench.report.history import Point, render_history
from asapbench.stats import change_point

MakeReport = Callable[..., Report]
Keep = Callable[..., None]


@pytest.fixture
def keep(
    make_report: MakeReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Keep a run whose latency is so many times the usual one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def kept(name: str, scale: float = 1.0, **story: object) -> None:
        folder = tmp_path / ".asapbench" / "runs" / name
        folder.mkdir(parents=True)
        report = make_report(scale=scale, **story)
        (folder / "report.json").write_text(render_json(report))

    return kept


def shown(metric: str = "latency.p95", command: str | None = None) -> str:
    text, code = run(HistoryOptions(metric=metric, command=command))
    assert code == 0
    return text


def test_each_run_has_a_line_with_value_and_bounds_the_oldest_first(keep: Keep) -> None:
    keep("20261124-100000-load", 1.0)
    keep("20261124-110000-load", 2.0)
    lines = shown().splitlines()
    assert lines[0] == "latency.p95, 2 runs"
    assert "20261124-100000-load" in lines[2]
    assert "3.45 ms [3.38, 3.52]" in lines[2]
    assert "6.90 ms [6.76, 7.04]" in lines[3]
    assert lines[2].index("●") < lines[3].index("●") < 100


def test_where_the_level_changed_is_marked(keep: Keep) -> None:
    for number in range(20):
        keep(f"20261124-1000{number:02}-load", 1.0 if number < 10 else 1.5)
    lines = shown().splitlines()
    (mark,) = (line for line in lines if "changed here" in line)
    assert "median 3.45 ms before, 5.18 ms after" in mark
    assert "100010-load" in lines[lines.index(mark) + 1]


def test_runs_of_another_plan_are_left_out_and_counted(keep: Keep) -> None:
    keep("20261124-100000-load", plan={"user_class": "sustained"})
    keep("20261124-110000-load", plan={"user_class": "mixed", "seed": 1})
    keep("20261124-120000-load", plan={"user_class": "mixed", "seed": 2})
    text = shown()
    assert "latency.p95, 2 runs" in text
    assert "1 more of another plan or machine were left out" in text


def test_what_a_measurement_that_is_not_valid_read_marks_no_change_and_is_counted(
    keep: Keep,
) -> None:
    for number in range(20):
        keep(f"20261124-1000{number:02}-load")
    for number in range(20):
        keep(f"20261124-1001{number:02}-load", 1.5, invalid="starved", plan={"users": 7})
    text = shown()
    assert "latency.p95, 20 runs" in text
    assert "changed here" not in text
    assert text.endswith("\n20 more that are not valid were left out\n")


def test_where_no_measurement_is_valid_that_is_said(keep: Keep) -> None:
    keep("20261124-100000-load", invalid="starved")
    with pytest.raises(UsageError, match=r"1 kept run has a metric 'latency\.p95', and no measure"):
        shown()


def test_a_run_that_was_interrupted_is_no_part_of_it(keep: Keep) -> None:
    keep("20261124-100000-load")
    keep("20261124-110000-load", ended="interrupted", why="by the user")
    assert "latency.p95, 1 run\n" in shown()


def test_a_metric_that_no_run_has_is_refused_with_those_there_are(keep: Keep) -> None:
    keep("20261124-100000-load")
    with pytest.raises(UsageError, match=r"no kept run has a metric 'latency\.p97'.*latency\.p95"):
        shown("latency.p97")


def test_without_a_run_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no run is kept"):
        shown()


def test_a_command_of_which_no_run_is_kept_is_refused_with_those_there_are(keep: Keep) -> None:
    keep("20261124-100000-load")
    keep("20261124-110000-micro", command="micro")
    with pytest.raises(UsageError, match=r"^no kept run is of 'laod'; there are: load, micro$"):
        shown(command="laod")


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"schema": "asapbench.report/2"}'])
def test_a_damaged_report_is_named_and_the_others_are_drawn(keep: Keep, text: str) -> None:
    keep("20261124-100000-load")
    keep("20261125-100000-load")
    Path(".asapbench/runs/20261124-100000-load/report.json").write_text(text)
    drawn, code = run(HistoryOptions(metric="latency.p95"))
    assert code == 2
    assert "latency.p95, 1 run\n" in drawn
    assert "20261125-100000-load" in drawn
    assert "100000-load/report.json' cannot be read" in drawn.splitlines()[-1]


@pytest.mark.parametrize("field", ["plan", "environment", "metrics", "command", "ended"])
@pytest.mark.parametrize("value", [None, 1, "x", [], {}])
def test_whatever_stands_in_a_field_of_a_report_the_others_are_drawn(
    keep: Keep, field: str, value: object
) -> None:
    keep("20261124-100000-load")
    keep("20261125-100000-load")
    file = Path(".asapbench/runs/20261124-100000-load/report.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    drawn, code = run(HistoryOptions(metric="latency.p95"))
    assert "20261125-100000-load" in drawn
    assert code in {0, 2}
    assert (code == 2) == ("100000-load/report.json' cannot be read" in drawn)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=12),
    st.integers(20, 150),
)
def test_no_line_of_the_drawing_is_longer_than_the_terminal(
    values: list[float], width: int
) -> None:
    points = [
        Point("20261124-100000-load", "c" * 40, Metric(name="x", unit="s", value=value))
        for value in values
    ]
    least = max(map(len, render_history(points, None, left_out={}, width=0).splitlines()))
    lines = render_history(points, None, left_out={}, width=width).splitlines()
    assert max(map(len, lines)) <= max(width, least)


def test_a_level_that_stays_is_called_changed_in_one_of_a_hundred_cases_at_most() -> None:
    random = np.random.default_rng(1)
    found = [change_point(list(random.normal(size=30))) for _ in range(500)]
    assert sum(index is not None for index in found) <= 5


def test_a_level_that_moved_by_three_deviations_is_found_where_it_moved() -> None:
    random = np.random.default_rng(2)
    for _ in range(50):
        values = random.normal(size=30) + np.where(np.arange(30) < 12, 0, 3)
        index = change_point(list(values))
        assert index is not None
        assert abs(index - 12) <= 2


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [1.0] * 30])
def test_a_few_values_or_all_the_same_have_not_changed(values: list[float]) -> None:
    assert change_point(values) is None
