"""The verdicts for CI systems."""

from collections import Counter
from collections.abc import Callable
from xml.etree import ElementTree as Xml

import pytest

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
    assert int(suite.attrib["tests"]) == len(suite) == len(report.verdicts)
    assert int(suite.attrib["failures"]) == outcomes["fail"] == len(suite.findall(".//failure"))
    undecided = outcomes["inconclusive"] + outcomes["invalid"]
    assert int(suite.attrib["errors"]) == undecided == len(suite.findall(".//error"))


def test_words_that_xml_cannot_hold_are_left_out(make_report: MakeReport) -> None:
    died = "the server said \x00\x1b[31m <&> \x0b"
    text = render_junit(make_report(invalid=died, ended="server-died", why=died))
    assert "the server said [31m <&>" in (Xml.fromstring(text).findtext(".//error") or "")
