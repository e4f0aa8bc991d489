"""All outputs of one run say the same, to the last digit shown; asked of each command."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from math import inf
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from asapbench.commands import benches
from asapbench.comparison import Comparison, Results, compare, sized
from asapbench.model import Report, Run, metric_key
from asapbench.report.comparison import render_comparison
from asapbench.report.document import render_json
from asapbench.report.junit import render_junit
from asapbench.report.listed import tables_of, totals_of
from asapbench.report.markdown import render_markdown
from asapbench.report.outcome import overall
from asapbench.report.page import page
from asapbench.report.tables import render_csv
from asapbench.report.text import render_text
from asapbench.report.words import sentence
from asapbench.units import UNITS, show_interval
from tests.asapbench.unit import test_bench_contract as contract
from tests.asapbench.unit.scenes import Made

Shown = dict[tuple[str, str], tuple[str, str]]  # metric and limit → value with bounds, outcome
Rows = dict[str, str]  # metric → value with bounds

_OUTCOMES = "PASS|FAIL|INCONCLUSIVE|INVALID"
_UNITS = "ns|µs|ms|s|MB/h|[kMG]?B|req/s|%|cores"
_QUANTITY = re.compile(rf"(?<![\w.,-])(-?\d[\d,]*(?:\.(\d+))?) ({_UNITS})(?![\w/])")
_LIMIT = re.compile(rf"[<>]=? \S+ ({_UNITS})(?![\w/])")


@pytest.fixture(params=benches())
def report(
    request: pytest.FixtureRequest,
    make_run: Callable[..., Run],
    row: Callable[..., dict[str, float]],
    made: Made,
) -> Report:
    run = contract._RUNS[request.param](make_run, row, made)
    return contract.report_of(benches()[request.param], run)


def in_words(value: float | None, low: float | None, high: float | None, unit: str) -> str:
    """As all formats say it. JSON has no infinity: one bound that is null is without an end."""
    if value is None:
        return "–"
    if low is not None or high is not None:
        low, high = -inf if low is None else low, inf if high is None else high
    return show_interval(value, low, high, unit)


def document(report: Report) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(render_json(report))
    return content


def verdicts_in_json(report: Report) -> Shown:
    return {
        (one["metric"], one["limit"]): (
            in_words(one["value"], one["low"], one["high"], one["unit"]),
            one["outcome"],
        )
        for one in document(report)["verdicts"]
    }


def verdicts_in_text(report: Report) -> Shown:
    text = render_text(report, width=250, color=False)
    return {
        (verdict.metric, verdict.limit): (found[1], found[2].lower())
        for verdict in report.verdicts
        for start in [f"{re.escape(verdict.metric)} +{re.escape(verdict.limit)} "]
        for found in re.finditer(f"{start} *(.+?) +({_OUTCOMES})$", text, re.MULTILINE)
    }


def cells(markdown: str) -> Iterator[list[str]]:
    """The rows of all tables."""
    for line in markdown.splitlines():
        if line.startswith("|"):
            yield [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def verdicts_in_markdown(report: Report) -> Shown:
    return {
        (row[1], row[2]): (row[3], row[4])
        for row in cells(render_markdown(report))
        if len(row) == 5 and row[4].upper() in _OUTCOMES.split("|")
    }


def verdicts_in_html(report: Report) -> Shown:
    articles = re.findall(
        r'<article class="verdict (\w+)">.*?<code>(.*?)</code>.*?'
        r'<p class="value"><b>(.*?)</b><small>(.*?)</small>.*?<small>limit (.*?)</small>',
        page(report, library=""),
        re.DOTALL,
    )
    return {
        (unescape(metric), unescape(limit)): (f"{value} {bounds}".strip(), outcome)
        for outcome, metric, value, bounds, limit in articles
    }


def verdicts_in_junit(report: Report) -> Shown:
    (suite,) = Xml.fromstring(render_junit(report))
    found = {}
    cases = [case for case in suite if case.get("name") != "the run"]  # which says how it ended
    for case, verdict in zip(cases, report.verdicts, strict=True):
        said = case[0].get("message") or case.findtext("system-out") or ""
        value, _, outcome = said.rpartition(": ")
        assert case.get("name") == f"{verdict.metric} {verdict.limit}"
        found[verdict.metric, verdict.limit] = value, outcome
    return found


READ = [verdicts_in_text, verdicts_in_markdown, verdicts_in_html, verdicts_in_junit]


@pytest.mark.parametrize("read", READ, ids=lambda read: str(read.__name__))
def test_every_format_shows_the_verdicts_of_the_json(
    report: Report, read: Callable[[Report], Shown]
) -> None:
    assert read(report) == verdicts_in_json(report)
    assert len(report.verdicts) > 0


def metrics_in_json(report: Report) -> Rows:
    return {
        metric_key(one["name"], one["labels"]): in_words(
            one["value"], one["low"], one["high"], one["unit"]
        )
        for one in document(report)["metrics"]
    }


def metrics_in_csv(report: Report) -> Rows:
    def number(text: str) -> float | None:
        return float(text) if text else None

    return {
        row["metric"]: in_words(
            float(row["value"]), number(row["low"]), number(row["high"]), row["unit"]
        )
        for row in csv.DictReader(io.StringIO(render_csv(report)["metrics"]))
    }


def metrics_in_markdown(report: Report) -> Rows:
    rows = list(cells(render_markdown(report)))
    return {
        row[0]: row[1]
        for row in rows[rows.index(["metric", "value", "samples"]) + 2 :]
        if len(row) == 3
    }


def metrics_in_html(report: Report) -> Rows:
    rows = re.findall(
        r'<tr><td><code>(.*?)</code></td><td class="right">(.*?)</td>', page(report, library="")
    )
    return {unescape(metric): unescape(value) for metric, value in rows}


@pytest.mark.parametrize("read", [metrics_in_csv, metrics_in_markdown, metrics_in_html])
def test_every_format_shows_the_metrics_of_the_json(
    report: Report, read: Callable[[Report], Rows]
) -> None:
    assert read(report) == metrics_in_json(report)
    assert len(report.metrics) > 0


def test_json_and_csv_hold_the_same_numbers_at_full_precision(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(report)["metrics"])))
    values = [metric["value"] for metric in document(report)["metrics"]]
    assert [float(row["value"]) for row in rows] == values


def test_the_tables_and_totals_of_page_and_terminal_hold_the_same_cells(report: Report) -> None:
    text = " ".join(render_text(report, width=400, color=False).split())
    shown = unescape(page(report, library=""))
    for name, value in totals_of(report):
        assert f"{name} {value}" in text
        assert f"<dt>{name}</dt><dd>{value}</dd>" in shown
    for table in tables_of(report, None):
        for cell in (cell for row in table.rows for cell in row):
            assert all(" ".join(line.split()) in text for line in cell.splitlines())
            assert f">{cell}</td>" in shown


def numbers(node: Any) -> Iterator[float]:
    """All that a document holds but series, in which some number would be like any other."""
    if isinstance(node, dict):
        for name, inner in node.items():
            if name not in {"seconds", "processes", "percentiles", "histogram", "values"}:
                yield from numbers(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from numbers(inner)
    elif isinstance(node, int | float):
        yield float(node)


def halves(metrics: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    """What a table shows behind ±: half of an interval as a share of its value."""
    for one in metrics:
        if one["value"] and None not in (one["low"], one["high"]):
            yield (one["high"] - one["low"]) / 2 / one["value"]


def test_every_quantity_on_a_terminal_is_a_number_of_the_json(report: Report) -> None:
    found = document(report)
    known = {*numbers(found), *halves(found["metrics"])}
    shown = render_text(report, width=250, color=False)
    text = _LIMIT.sub("", shown).replace("Recommended (80 %)", "")
    quantities = _QUANTITY.findall(text)
    unknown = [
        f"{shown} {unit}"
        for shown, decimals, unit in quantities
        if shown not in {f"{one / UNITS[unit][1]:,.{len(decimals)}f}" for one in known}
    ]
    assert unknown == []
    assert len(quantities) > 15


def compared(factor: float) -> Comparison:
    """One row that changed by a factor, beside what is in one of the two alone, and a note."""

    def results(name: str, factor: float) -> Results:
        noise = [1 + k / 1000 for k in range(10)]
        sizes = {"g/same": sized(noise), "g/changed": sized([factor * one for one in noise])}
        return Results(name, sizes | {f"g/{name}": sized(noise)}, {"machine": f"that of {name}"})

    return compare(results("before", 1.0), results("now", factor))


@pytest.fixture
def comparison() -> Comparison:
    return compared(1.2)


def test_every_format_shows_the_comparison_of_the_json(
    report: Report, comparison: Comparison
) -> None:
    rows = json.loads(render_json(report, comparison))["comparison"]["rows"]
    expected = {
        row["key"]: (f"{row['ratio']:.3f}", f"[{row['low']:.3f}, {row['high']:.3f}]", row["change"])
        for row in rows
    }
    compared = next(table for table in tables_of(report, comparison) if table.title == "Comparison")
    assert {row[0]: (row[1], row[2], row[4]) for row in compared.rows} == expected
    assert {
        row[0]: (*row[1].split(" ", 1), row[3])
        for row in cells(render_markdown(report, comparison))
        if row[0] in expected
    } == expected
    (suite,) = Xml.fromstring(render_junit(report, comparison))
    for case in [case for case in suite if case.get("name") in expected]:
        said = case[0].get("message") or case[0].text or ""
        ratio, interval, change = expected[case.attrib["name"]]
        assert said == f"{ratio} {interval} of the baseline: {change}"


MARKS = {"✅": "pass", "✓": "pass", "❌": "fail", "✕": "fail", "⚠️": "invalid", "!": "invalid"}


@pytest.mark.parametrize("judged", [True, False])
@pytest.mark.parametrize(("factor", "outcome"), [(1.0, "pass"), (1.2, "fail")])
def test_every_format_says_what_the_exit_code_does_of_verdicts_and_comparison(
    make_report: Callable[..., Report], factor: float, outcome: str, *, judged: bool
) -> None:
    report = make_report() if judged else make_report(targets=())
    comparison = compared(factor)
    code = {"pass": 0, "fail": 1}[outcome]
    assert overall(report, comparison) == (outcome, code)
    found = json.loads(render_json(report, comparison))
    assert (found["outcome"], found["exit_code"]) == (outcome, code)
    said = sentence(report, comparison)
    assert said in render_text(report, comparison, width=120, color=False)
    assert ("SLOWER THAN IS ALLOWED" in said) == (outcome == "fail" or not judged)
    heading = render_markdown(report, comparison).splitlines()[0]
    mark, words = re.findall("### (.+) asapbench load: (.+)", heading)[0]
    assert (MARKS[mark], words) == (outcome, said)
    text = page(report, "", comparison)
    mark, words = re.findall("<title>(.+) asapbench load: (.+)</title>", text)[0]
    assert (MARKS[mark], unescape(words)) == (outcome, said.capitalize())
    assert f'<section class="headline {outcome}">' in text
    (suite,) = Xml.fromstring(render_junit(report, comparison))
    assert (int(suite.attrib["failures"]), int(suite.attrib["errors"])) == (code, 0)


def test_every_format_says_that_nothing_was_compared_where_nothing_is_in_both(
    make_report: Callable[..., Report],
) -> None:
    """Targets that are met do not answer whether something became slower."""
    report = make_report()
    old, new = (Results(name, {f"g/{name}": sized([1.0, 1.1])}) for name in ("before", "now"))
    comparison = compare(old, new)
    assert overall(report, comparison) == ("inconclusive", 3)
    said = "ALL TARGETS MET, BUT NOTHING COULD BE COMPARED"
    assert said in render_text(report, comparison, width=120, color=False)
    assert said in render_markdown(report, comparison).splitlines()[0]
    assert said.capitalize() in unescape(page(report, "", comparison))
    (suite,) = Xml.fromstring(render_junit(report, comparison))
    assert suite.attrib["errors"] == "1"
    failed = report.model_copy(update={"outcome": "fail", "exit_code": 1})
    assert overall(failed, comparison) == ("fail", 1)
    interrupted = report.model_copy(update={"exit_code": 130})
    assert overall(interrupted, comparison)[1] == 130


def test_every_format_says_a_remark_on_a_target_that_is_met(
    make_report: Callable[..., Report],
) -> None:
    report = make_report()
    noisy = report.verdicts[0].model_copy(update={"remark": "noisy: its halves differ by 40 %"})
    assert noisy.outcome == "pass"
    report = report.model_copy(update={"verdicts": (noisy, *report.verdicts[1:])})
    for text in (
        render_text(report, width=120, color=False),
        render_text(report, width=120, color=False, brief=True),
        render_markdown(report),
        render_junit(report),
        render_json(report),
        page(report, ""),
    ):
        assert "noisy: its halves differ by 40 %" in text


def test_every_format_says_the_result_of_a_comparison_its_notes_and_what_is_in_one_alone(
    make_report: Callable[..., Report], comparison: Comparison
) -> None:
    report = make_report()
    (suite,) = Xml.fromstring(render_junit(report, comparison))
    shown = [
        render_comparison(comparison, width=400, color=False),
        render_markdown(report, comparison).replace("\\", ""),
        unescape(page(report, "", comparison)),
        suite.findtext("system-out") or "",
    ]
    for text in shown:
        assert "SLOWER BY MORE THAN 5%: g/changed" in text
        assert "only before: g/before" in text
        assert "only now: g/now" in text
        assert "machine (that of before / that of now)" in text
