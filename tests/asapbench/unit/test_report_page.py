"""The HTML page: its static part, its size, and that words of a server stay words."""

import json
import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asapbench.model import Note, Report, Verdict
from asapbench.report.bullet import bullet
from asapbench.report.page import charts_of, embedded, library, page, render_html
from asapbench.report.words import measured
from tests.asapbench.unit.scenes import SCENES, in_time

Golden = Callable[[str, str], None]
MakeReport = Callable[..., Report]

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}&lt;<!--"
_VARYING = re.compile(r"(<(style|script)\b[^>]*>).*?(</\2>)", re.DOTALL)


class Tags(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def drawn(report: Report) -> str:
    return page(report, library="/* plotly */")


def figures(text: str) -> list[dict[str, Any]]:
    """The charts as a browser reads them."""
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text)
    assert found
    charts: list[dict[str, Any]] = json.loads(found[1])
    return charts


def said_by_a_server(make_report: MakeReport, words: str) -> Report:
    """A report with these words wherever a server, a plan or a user could have put them."""
    errors = [{"endpoint": words, "kind": "invalid", "code": 1, "count": 2, "first": words}]
    details = in_time(5, (words,)) | {"errors": errors}
    note = Note(code="x", text=words, hint=words)
    plan = {"user_class": "mixed", "skill": words, "header": [words]}
    report = make_report(details=details, notes=(note,), invalid="x", plan=plan, why="x")
    server = report.story.server
    assert server
    server = server.model_copy(update={"agent": words, "version": words, "url": words})
    changes = {"server": server, "why": words, "ended": "server-died"}
    details = {**report.details, "endpoints": (words,)}
    verdicts = tuple(v.model_copy(update={"reason": words}) for v in report.verdicts)
    story = report.story.model_copy(update=changes)
    return report.model_copy(update={"story": story, "details": details, "verdicts": verdicts})


@pytest.mark.parametrize("scene", ["pass", "fail", "invalid", "nothing"])
def test_the_static_part_is_as_it_is_kept_in_the_golden_file(
    make_report: MakeReport, golden: Golden, scene: str
) -> None:
    text = _VARYING.sub(r"\1\3", drawn(make_report(**SCENES[scene])))
    golden(f"html_{scene}.html", re.sub(r"sha256-[\w+/=]+", "sha256-…", text) + "\n")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=25,
)
@given(words=st.text(st.sampled_from("<>&\"'/!-{}%#=;: \\abscript\u2028é"), min_size=1))
def test_words_of_a_server_are_never_markup(make_report: MakeReport, words: str) -> None:
    harmless = Tags(drawn(said_by_a_server(make_report, "harmless")))
    assert Tags(drawn(said_by_a_server(make_report, words))).tags == harmless.tags


def test_markup_of_a_server_is_shown_as_it_was_sent(make_report: MakeReport) -> None:
    found = Tags(drawn(said_by_a_server(make_report, HOSTILE)))
    assert HOSTILE in found.text
    assert "onerror" not in {name for _, names in found.tags for name in names}


def test_no_name_in_a_chart_is_what_plotly_takes_for_a_tag(make_report: MakeReport) -> None:
    charts = charts_of(said_by_a_server(make_report, HOSTILE))
    names = [trace["name"] for chart in charts for trace in chart.data]
    assert any("&lt;img" in name for name in names)
    assert not any("<" in name for name in names)


def test_the_charts_come_back_from_their_script_as_they_were(make_report: MakeReport) -> None:
    report = make_report(details=in_time())
    charts = charts_of(report)
    assert [chart["title"] for chart in figures(drawn(report))] == [c.title for c in charts]
    assert not set("<>&") & set(embedded(charts))


def test_only_the_scripts_of_the_page_may_run_and_nothing_may_be_fetched(
    make_report: MakeReport,
) -> None:
    text = drawn(make_report(details=in_time()))
    found = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    (policy,) = map(unescape, found)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("'sha256-") == text.count("<script>") == 3
    assert not re.findall(r'(?:src|href)="(?!data:)', text)


def test_a_page_shows_what_the_other_formats_show_to_the_last_digit(
    make_report: MakeReport,
) -> None:
    report = make_report(**SCENES["fail"])
    text = Tags(drawn(report)).text
    for verdict in report.verdicts:
        value, _, bounds = measured(verdict).partition(" ")
        assert value in text
        assert bounds.partition("[")[2] in text


def test_the_limit_is_a_line_in_the_charts_of_its_metric(make_report: MakeReport) -> None:
    charts = {chart.name: chart for chart in charts_of(make_report(details=in_time()))}
    (line,) = [t for t in charts["latency"].data if t["name"].startswith("limit latency.p95")]
    assert line["y"] == [0.005, 0.005]
    assert charts["latency"].layout["yaxis"]["ticksuffix"] == "s"
    (line,) = [t for t in charts["throughput"].data if t["name"].startswith("limit")]
    assert line["y"] == [800.0, 800.0]


def test_one_slow_second_of_an_hour_is_in_the_chart(make_report: MakeReport) -> None:
    report = make_report(details=in_time(3600))
    (latency,) = [chart for chart in charts_of(report) if chart.name == "latency"]
    (p99,) = [trace for trace in latency.data if trace["name"] == "p99"]
    highest = max(row["latency.p99"] for row in report.details["seconds"])
    assert max(p99["y"]) == pytest.approx(highest, rel=1e-5)
    assert len(p99["y"]) <= 900


@pytest.mark.parametrize(("seconds", "most"), [(60, 6_000_000), (3600, 8_000_000)])
def test_a_page_stays_small_enough_to_be_sent(
    make_report: MakeReport, seconds: int, most: int
) -> None:
    assert len(render_html(make_report(details=in_time(seconds))).encode()) < most


def test_plotly_can_stand_in_a_script_as_it_is() -> None:
    assert "</script" not in library().lower()
    assert "<!--" not in library()
    assert "\r" not in library()


def test_several_generators_are_one_line_their_sum(make_report: MakeReport) -> None:
    def row(process: str, cpu: float | None) -> dict[str, Any]:
        numbers = {"cpu": cpu, "rss": 1e6, "waited": None, "switches": 1.0, "preempted": 0.0}
        return {"process": process, "second": 1, **numbers}

    rows = [row("generator-0", 0.25), row("server", 0.5), row("generator-1", 0.5)]
    charts = charts_of(make_report(details={"processes": rows}))
    assert [chart.name for chart in charts] == ["split", "cpu", "memory"]
    lines = {trace["name"]: trace["y"] for trace in charts[1].data}
    assert lines == {"server": [0.5], "2 generators": [0.75]}


def test_a_run_in_which_nothing_was_measured_has_a_page_without_charts(
    make_report: MakeReport,
) -> None:
    text = drawn(make_report(**SCENES["nothing"]))
    assert "figures" not in text
    assert "/* plotly */" not in text
    assert "No verdict" in text


def test_an_interval_that_begins_below_zero_is_drawn_from_zero_on() -> None:
    verdict = Verdict(
        metric="growth_rate",
        limit="< 50 MB/h",
        outcome="pass",
        value=-1.0,
        low=-9.0,
        high=700.0,
        reason="",
    )
    drawn = bullet(verdict)
    assert drawn
    assert (drawn.low, drawn.value) == (0.0, 0.0)
    assert 0 < drawn.high < drawn.limit < 100


@pytest.mark.parametrize(("met", "folded"), [(8, 0), (9, 9)])
def test_many_targets_that_are_met_are_folded_and_no_others(
    make_report: MakeReport, met: int, folded: int
) -> None:
    def verdict(outcome: Any) -> Verdict:
        return Verdict(metric="throughput", limit="> 1 req/s", outcome=outcome, reason="")

    verdicts = (verdict("fail"), *[verdict("pass")] * met)
    text = drawn(make_report().model_copy(update={"verdicts": verdicts}))
    assert text.count('<article class="verdict ') == met + 1
    below = text.partition('<details class="met">')[2].partition("</details>")[0]
    assert below.count('<article class="verdict pass"') == folded
    assert "fail" not in below
