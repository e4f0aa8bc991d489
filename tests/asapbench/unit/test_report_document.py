"""The report as JSON."""

import json
from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

from asapbench.errors import Exit
from asapbench.model import Metric, Note, Report, Story, Target
from asapbench.report.document import render_json
from asapbench.targets import judge

MakeReport = Callable[..., Report]


@pytest.fixture
def make_report(make_story: Callable[..., Story]) -> MakeReport:
    def make(*metrics: Metric, details: dict[str, Any] | None = None, **story: Any) -> Report:
        return Report(
            story=make_story(**story),
            metrics=metrics,
            verdicts=judge([Target(metric="latency.p95", limit="<= 5 ms", why="fast")], metrics),
            notes=(Note(code="shared-cores", text="shared", hint="more cores"),),
            details=details or {},
            outcome="pass",
            exit_code=Exit.PASS,
        )

    return make


P95 = Metric(name="latency.p95", unit="s", value=0.1 + 0.2 - 0.3, low=0.0, high=1 / 300, n=9)


def test_the_report_has_the_fields_of_its_schema(make_report: MakeReport) -> None:
    document = json.loads(render_json(make_report(P95, details={"requests": 9})))
    assert list(document) == [
        *("schema", "command", "outcome", "exit_code", "started_at", "duration", "ended", "why"),
        *("plan", "environment", "server", "metrics", "verdicts", "health", "notes", "load"),
    ]
    assert (document["schema"], document["exit_code"]) == ("asapbench.report/1", 0)
    assert document["load"] == {"requests": 9}
    assert document["notes"] == [{"code": "shared-cores", "text": "shared", "hint": "more cores"}]


def test_numbers_are_written_at_full_precision(make_report: MakeReport) -> None:
    (metric,) = json.loads(render_json(make_report(P95)))["metrics"]
    assert (metric["value"], metric["high"]) == (P95.value, P95.high)


def test_a_verdict_has_the_numbers_it_was_given_on(make_report: MakeReport) -> None:
    (verdict,) = json.loads(render_json(make_report(P95)))["verdicts"]
    assert verdict["outcome"] == "pass"
    assert (verdict["value"], verdict["low"], verdict["high"]) == (P95.value, P95.low, P95.high)
    assert (verdict["limit"], verdict["why"], verdict["unit"]) == ("<= 5 ms", "fast", "s")


@pytest.mark.parametrize("number", [inf, -inf, nan])
def test_what_is_not_finite_is_null(make_report: MakeReport, number: float) -> None:
    metric = P95.model_copy(update={"low": number})
    document = json.loads(render_json(make_report(metric, details={"deep": [{"in": (number,)}]})))
    assert document["metrics"][0]["low"] is None
    assert document["load"] == {"deep": [{"in": [None]}]}


def test_the_json_is_ascii_so_that_any_terminal_can_pass_it_on(make_report: MakeReport) -> None:
    assert render_json(make_report(why="é → µ")).isascii()


def test_a_run_without_a_server_has_none(make_report: MakeReport) -> None:
    assert json.loads(render_json(make_report(server=None)))["server"] is None
