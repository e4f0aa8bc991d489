"""The verdicts for CI systems."""

from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree as Xml

import pytest

from asapbench.errors import Exit
from asapbench.model import Report
from asapbench.report.junit import render_junit
from tests.asapbench.unit.scenes import SCENES

Golden = Callable[[str, str], None]
MakeReport = Callable[..., Report]


@pytest.mark.parametrize("scene", SCENES)
def test_a_report_reads_as_it_is_kept_in_the_golden_file(
    make_report: MakeReport, golden: Golden, scene: str
) -> None:
    golden(f"junit_{scene}.xml", render_junit(make_report(**SCENES[scene])))


@pytest.mark.parametrize("scene", SCENES)
def test_a_verdict_is_a_case_and_no_verdict_an_error(make_report: MakeReport, scene: str) -> None:
    report = make_report(**SCENES[scene])
    (suite,) = Xml.fromstring(render_junit(report))
    outcomes = Counter(verdict.outcome for verdict in report.verdicts)
    ended = report.exit_code not in {Exit.BROKEN, Exit.INTERRUPTED}
    assert int(suite.attrib["tests"]) == len(suite) == len(report.verdicts) + (not ended)
    assert int(suite.attrib["failures"]) == outcomes["fail"] == len(suite.findall(".//failure"))
    undecided = outcomes["inconclusive"] + outcomes["invalid"] + (not ended)
    assert int(suite.attrib["errors"]) == undecided == len(suite.findall(".//error"))


@pytest.mark.parametrize("code", [Exit.BROKEN, Exit.INTERRUPTED])
def test_a_run_that_did_not_come_to_its_end_is_an_error_though_every_target_was_met(
    make_report: MakeReport, code: Exit
) -> None:
    (suite,) = Xml.fromstring(
        render_junit(make_report(exit_code=code, ended="broke", why="it fell"))
    )
    (error,) = suite.findall(".//error")
    assert error.attrib == {"type": "broke", "message": "it fell"}
    assert suite[-1].attrib["name"] == "the run"


def test_a_run_that_no_target_is_about_is_an_error(make_report: MakeReport) -> None:
    (suite,) = Xml.fromstring(render_junit(make_report(targets=())))
    assert [case.attrib["name"] for case in suite] == ["the run"]
    assert "no target is about what was measured" in suite[0][0].attrib["message"]


def test_words_that_xml_cannot_hold_are_left_out(make_report: MakeReport) -> None:
    died = "the server said \x00\x1b[31m <&> \x0b"
    text = render_junit(make_report(invalid=died, ended="server-died", why=died))
    assert "the server said [31m <&>" in (Xml.fromstring(text).findtext(".//error") or "")
