"""Runs of each command are compared; also where one bound is all that is known of a metric."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asapbench.baselines import of_report
from asapbench.commands import benches
from asapbench.commands.compare import CompareOptions, run
from asapbench.comparison import Comparison, compare
from asapbench.errors import Exit
from asapbench.model import Report, Run
from asapbench.report.compared import ratio_of, result_of, share_of
from asapbench.report.document import comparison_document, document, render_json
from asapbench.report.junit import render_junit
from asapbench.report.markdown import render_markdown
from asapbench.report.page import page
from tests.asapbench.unit import test_bench_contract as contract
from tests.asapbench.unit.scenes import NOT_VALID, Made

Given = tuple[float, float | None]  # what was sustained, and what was too much, if anything was


@pytest.fixture(params=benches())
def found(
    request: pytest.FixtureRequest,
    make_run: Callable[..., Run],
    row: Callable[..., dict[str, float]],
    made: Made,
) -> dict[str, Any]:
    """The JSON of a run of each command; what is made up trips gates, which void all of it."""
    made_up = contract._RUNS[request.param](make_run, row, made)
    plan = made_up.story.plan | {"gates": False}
    story = made_up.story.model_copy(update={"plan": plan})
    report = contract.report_of(benches()[request.param], replace(made_up, story=story))
    content: dict[str, Any] = json.loads(render_json(report))
    return content


def test_a_run_of_any_command_is_compared_with_itself_and_did_not_change(
    found: dict[str, Any],
) -> None:
    comparison = compare(of_report("a", found), of_report("b", found))
    assert {row.change for row in comparison.rows} == {"~"}
    assert comparison.only_old == comparison.only_new == ()


def stress(bounds: Given) -> dict[str, Any]:
    """The JSON of a stress run that sustained so much; null where nothing broke it."""
    low, high = bounds
    value = low if high is None else (low + high) / 2
    numbers = {"unit": "req/s", "value": value, "low": low, "high": high}
    metric = {"name": "max_sustainable_rps", "labels": {}, "confidence": 0.975, **numbers}
    verdict = {"metric": "max_sustainable_rps", "limit": ">= 1000 req/s", "outcome": "pass"}
    return {
        "schema": "asapbench.report/1",
        "command": "stress",
        "plan": {"max_users": 500},
        "environment": {"hostname": "m", "cpu": "c", "python": "CPython 3.11"},
        "server": None,
        "metrics": [metric],
        "verdicts": [verdict | numbers],
        "stress": {},
    }


def compared(old: Given, new: Given, allowed: float = 0.05) -> Comparison:
    return compare(of_report("before", stress(old)), of_report("now", stress(new)), allowed)


SCENES = {
    "neither broke": ((5000, None), (4000, None), "~", "–"),
    "it breaks now": ((5000, None), (2900, 3100), "slower", "at least 1.613"),
    "it breaks now, close to what it bore": ((3000, None), (2900, 3100), "~", "at least 0.968"),
    "it breaks now at the first step": ((3000, 3200), (0, 500), "slower", "at least 6.000"),
    "it broke before": ((2900, 3100), (5000, None), "faster", "at most 0.620"),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_breaking_point_that_was_not_found_is_compared_by_the_bound_that_is_known(
    scene: str,
) -> None:
    old, new, change, ratio = SCENES[scene]
    comparison = compared(old, new)
    (row,) = comparison.rows
    assert row.change == change
    assert (*ratio_of(row), share_of(row)) == (ratio, "–", "–")
    assert bool(comparison.too_slow) == (change == "slower")


def test_a_breaking_point_that_was_found_in_both_has_a_ratio_with_an_interval() -> None:
    (row,) = compared((2900, 3100), (2900, 3100)).rows
    assert (row.change, row.ratio) == ("~", 1.0)
    assert ratio_of(row)[1].startswith("[0.9")


@pytest.mark.parametrize("scene", SCENES)
def test_no_format_writes_an_infinite_number(scene: str, make_report: Callable[..., Any]) -> None:
    old, new, _, ratio = SCENES[scene]
    comparison, report = compared(old, new), make_report()
    rendered = [render(report, comparison) for render in (render_markdown, render_junit)]
    assert all(ratio in text for text in rendered)
    for text in (*rendered, page(report, "", comparison), render_json(report, comparison)):
        assert "inf%" not in text
        assert "Infinity" not in text
        assert "NaN" not in text
    json.dumps(comparison_document(comparison), allow_nan=False)


def test_a_bound_that_is_infinite_is_read_from_a_report_as_from_its_json(
    make_run: Callable[..., Run], row: Callable[..., dict[str, float]], made: Made
) -> None:
    report = contract.report_of(benches()["stress"], contract.a_stress_run(make_run, row, made))
    verdict = report.verdicts[0].model_copy(update={"high": float("inf")})
    report = report.model_copy(update={"verdicts": (verdict, *report.verdicts[1:])})
    key = verdict.metric
    of_json = of_report("a", json.loads(render_json(report))).sizes[key]
    assert of_report("b", document(report)).sizes[key] == of_json
    assert of_json.open


def test_compare_shows_two_runs_without_a_break_and_fails_for_one_that_breaks_now(
    tmp_path: Path,
) -> None:
    files = {}
    for name, bounds in {"free": (5000.0, None), "broken": (2900.0, 3100.0)}.items():
        files[name] = tmp_path / name
        files[name].write_text(json.dumps(stress(bounds)))
    free, broken = str(files["free"]), str(files["broken"])
    text, code = run(CompareOptions(old=free, new=free))
    assert (code, "max_sustainable_rps" in text) == (Exit.PASS, True)
    text, code = run(CompareOptions(old=free, new=broken))
    assert (code, "at least 1.613" in text) == (Exit.MISSED, True)


@pytest.mark.parametrize("how", NOT_VALID)
def test_comparing_what_is_not_valid_gives_no_verdict_and_says_why(
    make_report: Callable[..., Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: dict[str, Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("main.json").write_text(render_json(make_report()))
    Path("new.json").write_text(render_json(make_report(**how)))
    text, code = run(CompareOptions(old="main.json", new="new.json"))
    assert code == Exit.NO_VERDICT
    assert "new.json is a measurement that is not valid" in " ".join(text.split())


@pytest.mark.parametrize(("allowed", "told"), [(0.025, "2.5%"), (0.05, "5%"), (1.5, "150%")])
def test_what_is_allowed_is_told_as_it_was_given(allowed: float, told: str) -> None:
    assert f"THAN {told}" in result_of(compared((2900, 3100), (2900, 3100), allowed))
    assert f"THAN {told}:" in result_of(compared((2900, 3100), (190, 200), allowed))
