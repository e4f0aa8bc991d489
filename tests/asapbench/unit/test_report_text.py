"""The report on a terminal: golden files, widths, and what must never happen."""

import re
from collections.abc import Callable

import pytest

from asapbench.model import Report, Story, Target
from asapbench.report.document import document
from asapbench.report.text import render_text
from asapbench.units import show_interval
from tests.asapbench.unit.scenes import SCENES

Golden = Callable[[str, str], None]
MakeStory = Callable[..., Story]
MakeReport = Callable[..., Report]

WIDTHS = (60, 80, 120)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scene", SCENES)
def test_a_report_reads_as_it_is_kept_in_the_golden_file(
    make_report: MakeReport, golden: Golden, scene: str, width: int
) -> None:
    report = make_report(**SCENES[scene])
    golden(f"text_{scene}_{width}.txt", render_text(report, width=width, color=False))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("width", [40, 60, 79, 100, 200])
def test_no_line_is_longer_than_the_width(make_report: MakeReport, scene: str, width: int) -> None:
    text = render_text(make_report(**SCENES[scene]), width=width, color=False)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("scene", SCENES)
def test_without_colour_there_is_no_control_character(
    make_report: MakeReport, scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = render_text(make_report(**SCENES[scene]), width=80, color=False)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("scene", SCENES)
def test_colour_changes_nothing_but_the_colour(make_report: MakeReport, scene: str) -> None:
    report = make_report(**SCENES[scene])
    colored = render_text(report, width=80, color=True)
    plain = re.sub(r"\x1b\[[\d;]*m", "", colored)
    assert "\x1b[" in colored
    assert [line.rstrip() for line in plain.splitlines()] == (
        render_text(report, width=80, color=False).splitlines()
    )


def test_what_a_server_said_is_shown_without_its_control_characters(
    make_report: MakeReport,
) -> None:
    why = "the server ended with exit code 1:\n  \x1b[31mred\x1b[0m \x07bell [/b] :fire:"
    text = render_text(make_report(invalid=why, ended="broke", why=why), width=80, color=False)
    assert "  red bell [/b] :fire:\n" in text


def test_a_reason_is_told_once_even_if_it_concerns_every_target(make_report: MakeReport) -> None:
    text = render_text(make_report(**SCENES["invalid"]), width=120, color=False)
    assert text.count("MemoryError") == 1


def test_a_missed_target_says_what_it_stands_for(make_report: MakeReport) -> None:
    text = render_text(make_report(scale=2.0), width=120, color=False)
    assert "FAIL  latency.p95: 95th percentile response time\n" in text
    assert "1 OF 3 TARGETS MISSED" in text


def test_targets_stand_beside_the_results_only_where_both_fit(make_report: MakeReport) -> None:
    titles = re.compile("AGGREGATE RESULTS +TARGET VERIFICATION")
    report = make_report()
    assert titles.search(render_text(report, width=120, color=False))
    assert not titles.search(render_text(report, width=80, color=False))


def test_a_target_of_one_endpoint_is_shown_under_its_whole_name(make_report: MakeReport) -> None:
    target = Target(metric='latency.p99{endpoint="manifest"}', limit="<= 10 ms")
    text = render_text(make_report(targets=(target,)), width=120, color=False)
    assert 'latency.p99{endpoint="manifest"}  <= 10 ms  5.31 ms [5.20, 5.42]  PASS' in text


def test_a_server_that_tells_no_times_has_no_table_of_where_they_go(
    make_report: MakeReport,
) -> None:
    report = make_report()
    others = tuple(m for m in report.metrics if not m.name.startswith("split"))
    text = render_text(report.model_copy(update={"metrics": others}), width=120, color=False)
    assert "WHERE IT GOES" in render_text(report, width=120, color=False)
    assert "WHERE IT GOES" not in text


def test_a_metric_that_could_not_be_given_is_a_dash(make_report: MakeReport) -> None:
    report = make_report()
    few = tuple(metric for metric in report.metrics if metric.name != "latency.p99.9")
    text = render_text(report.model_copy(update={"metrics": few}), width=120, color=False)
    assert re.search(r"^asap .* 5\.31 ms +– +23\.1 ms", text, re.MULTILINE)


def test_the_text_shows_the_numbers_of_the_json(make_report: MakeReport) -> None:
    report = make_report(scale=1.37, failures=31)
    text = render_text(report, width=120, color=False)
    for verdict in document(report)["verdicts"]:
        shown = show_interval(*(verdict[name] for name in ("value", "low", "high", "unit")))
        row = f"{verdict['metric']} +{re.escape(verdict['limit'])} +{re.escape(shown)} +"
        assert re.search(row + verdict["outcome"].upper(), text)
