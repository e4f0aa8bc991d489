"""The words that all formats say a verdict in, so that they agree to the last digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asapbench.model import Report, Verdict
from asapbench.report.outcome import only_compared, unanswered
from asapbench.units import show_interval

if TYPE_CHECKING:
    from asapbench.comparison import Comparison


def measured(verdict: Verdict) -> str:
    """The value and its bounds; a dash where there is none."""
    if verdict.value is None:
        return "–"
    return show_interval(verdict.value, verdict.low, verdict.high, verdict.unit)


def sentence(report: Report, comparison: Comparison | None = None) -> str:
    """What came of all verdicts, and of the comparison where that changes it."""
    slower = len(comparison.too_slow) if comparison else 0
    if slower:
        joint = "AND" if report.outcome == "fail" else "BUT"
        return f"{_of_verdicts(report)}, {joint} {slower} SLOWER THAN IS ALLOWED"
    if only_compared(report, comparison):
        return "NOTHING IS PROVEN TO BE SLOWER THAN IS ALLOWED (no target is about it)"
    if unanswered(report, comparison):
        return f"{_of_verdicts(report)}, BUT NOTHING COULD BE COMPARED"
    return _of_verdicts(report)


def _of_verdicts(report: Report) -> str:
    if not report.verdicts:
        return "NO VERDICT: no target is about what was measured"
    missed = sum(verdict.outcome == "fail" for verdict in report.verdicts)
    said = {
        "pass": "ALL TARGETS MET",
        "fail": f"{missed} OF {len(report.verdicts)} TARGETS MISSED",
        "inconclusive": "NO VERDICT: too close to call",
        "invalid": "NO VERDICT: this measurement is not valid",
    }[report.outcome]
    if report.broke and report.outcome == "pass":
        return f"{said}, BUT A PART OF IT BROKE"
    cut_short = report.story.ended == "interrupted" and report.outcome != "invalid"
    return f"{said} (until it was interrupted)" if cut_short else said
