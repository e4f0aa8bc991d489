"""The verdicts as JUnit XML: a test case each, for the pages that CI systems make of it.

A missed target is a failure. No verdict is an error: the question was not answered. A run that did
not come to its end, or that nothing judges, is an error too: else all of it would look green.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from asapbench.errors import EXITS, Exit
from asapbench.model import Report, Verdict
from asapbench.report.compared import alone_in, in_one, result_of, title_of
from asapbench.report.words import measured, sentence

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Row

_ELEMENTS = {"fail": "failure", "inconclusive": "error", "invalid": "error"}


def render_junit(report: Report, comparison: Comparison | None = None) -> str:
    """One suite a command, in the dialect that Jenkins, GitLab and GitHub's actions read."""
    story = report.story
    cases = [_case(story.command, verdict) for verdict in report.verdicts]
    if comparison is not None:
        beyond = {row.key for row in comparison.too_slow}
        cases += [_compared(story.command, row, row.key in beyond) for row in comparison.rows]
        if not comparison.rows:
            cases.append(_nothing_common(story.command, comparison))
    cases += _whole(report, judged=bool(cases))
    counts = {"tests": len(cases)}
    for element in ("failure", "error"):
        counts[f"{element}s"] = sum(case.find(element) is not None for case in cases)
    suite = Xml.Element(
        "testsuite",
        {key: str(number) for key, number in counts.items()}
        | {"name": f"asapbench {story.command}", "timestamp": story.started_at}
        | {"time": f"{story.duration:.3f}", "hostname": story.environment.hostname},
    )
    suite.extend(cases)
    if comparison is not None:
        Xml.SubElement(suite, "system-out").text = _legal("\n".join(_said(comparison)))
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
        said = f"{said}; {verdict.remark}" if verdict.remark else said
        Xml.SubElement(case, "system-out").text = _legal(said)
    return case


def _whole(report: Report, *, judged: bool) -> Iterator[Xml.Element]:
    """The run itself as a case, where its verdicts do not tell how it went."""
    if judged and report.exit_code not in {Exit.BROKEN, Exit.INTERRUPTED}:
        return
    story = report.story
    case = Xml.Element("testcase", {"classname": f"asapbench.{story.command}", "name": "the run"})
    said = story.why or report.broke or (EXITS[Exit.BROKEN] if judged else sentence(report))
    Xml.SubElement(case, "error", {"type": story.ended, "message": _legal(said)})
    yield case


def _compared(command: str, row: Row, beyond: bool) -> Xml.Element:
    attributes = {"classname": f"asapbench.{command}.baseline", "name": _legal(row.key)}
    case = Xml.Element("testcase", attributes)
    of = "of the baseline" if row.of == "old" else "(1 + change / limit)"
    said = f"{in_one(row)} {of}: {row.change}"
    if beyond:
        Xml.SubElement(case, "failure", {"type": "slower", "message": said})
    else:
        Xml.SubElement(case, "system-out").text = said
    return case


def _nothing_common(command: str, comparison: Comparison) -> Xml.Element:
    attributes = {"classname": f"asapbench.{command}.baseline", "name": _legal(comparison.old)}
    case = Xml.Element("testcase", attributes)
    error = {"type": "inconclusive", "message": _legal(result_of(comparison))}
    Xml.SubElement(case, "error", error)
    return case


def _said(comparison: Comparison) -> Iterator[str]:
    """What is about no row alone."""
    yield f"{title_of(comparison)}: {result_of(comparison)}"
    yield from alone_in(comparison)
    for note in comparison.notes:
        yield f"{note.text}; {note.hint}"


def _legal(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")
