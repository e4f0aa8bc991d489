"""The verdicts as JUnit XML: a test case each, for the pages that CI systems make of it.

A missed target is a failure. No verdict is an error: the question was not answered.
"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from asapbench.model import Report, Verdict
from asapbench.report.words import measured

_ELEMENTS = {"fail": "failure", "inconclusive": "error", "invalid": "error"}


def render_junit(report: Report) -> str:
    """One suite a command, in the dialect that Jenkins, GitLab and GitHub's actions read."""
    verdicts, story = report.verdicts, report.story
    elements = [_ELEMENTS.get(verdict.outcome) for verdict in verdicts]
    counts = {"tests": len(verdicts)}
    counts |= {"failures": elements.count("failure"), "errors": elements.count("error")}
    suite = Xml.Element(
        "testsuite",
        {key: str(number) for key, number in counts.items()}
        | {"name": f"asapbench {story.command}", "timestamp": story.started_at}
        | {"time": f"{story.duration:.3f}", "hostname": story.environment.hostname},
    )
    suite.extend(_case(story.command, verdict) for verdict in verdicts)
    root = Xml.Element("testsuites")
    root.append(suite)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(command: str, verdict: Verdict) -> Xml.Element:
    name = f"{verdict.metric} {verdict.limit}"
    case = Xml.Element("testcase", {"classname": f"asapbench.{command}", "name": name})
    element = _ELEMENTS.get(verdict.outcome)
    said = f"{measured(verdict)}: {verdict.outcome}"
    if element:
        inner = Xml.SubElement(case, element, {"type": verdict.outcome, "message": _legal(said)})
        inner.text = _legal(f"{verdict.reason}\n{verdict.why}".strip())
    else:
        Xml.SubElement(case, "system-out").text = said
    return case


def _legal(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")
