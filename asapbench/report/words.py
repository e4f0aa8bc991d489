"""The words that all formats say a verdict in, so that they agree to the last digit."""

from __future__ import annotations

from asapbench.model import Report, Verdict
from asapbench.units import show_interval


def measured(verdict: Verdict) -> str:
    """The value and its bounds; a dash where there is none."""
    if verdict.value is None:
        return "–"
    return show_interval(verdict.value, verdict.low, verdict.high, verdict.unit)


def sentence(report: Report) -> str:
    """What came of all verdicts."""
    if not report.verdicts:
        return "NO VERDICT: no target is about what was measured"
    missed = sum(verdict.outcome == "fail" for verdict in report.verdicts)
    said = {
        "pass": "ALL TARGETS MET",
        "fail": f"{missed} OF {len(report.verdicts)} TARGETS MISSED",
        "inconclusive": "NO VERDICT: too close to call",
        "invalid": "NO VERDICT: this measurement is not valid",
    }[report.outcome]
    cut_short = report.story.ended == "interrupted" and report.outcome != "invalid"
    return f"{said} (until it was interrupted)" if cut_short else said
