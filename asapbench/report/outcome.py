"""What a report and its comparison come to together: one answer, for all formats and the exit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from asapbench.errors import EXIT_OF, Exit
from asapbench.model import Outcome, Report

if TYPE_CHECKING:
    from asapbench.comparison import Comparison


_CUT_SHORT = frozenset({"server-died", "broke"})  # what voids the verdicts, where there are any


def void(outcomes: Iterable[str], ended: str) -> bool:
    """Whether the instrument failed: what it read is no evidence, for or against anybody.

    Its verdicts say so; where there are none, how it ended does.
    """
    found = set(outcomes)
    return found == {"invalid"} or (not found and ended in _CUT_SHORT)


def void_document(content: Mapping[str, Any]) -> bool:
    """The same of a report as JSON; one that does not tell how it ended is whole."""
    ended = content.get("ended", "complete")
    return void((verdict["outcome"] for verdict in content["verdicts"]), ended)


def overall(report: Report, comparison: Comparison | None) -> tuple[Outcome, Exit]:
    """That of the verdicts, or a fail where something has become too slow.

    Where nothing is in the baseline too, what was asked for was not answered: no verdict. A run
    that did not come to its end keeps its exit code.
    """
    ended = report.exit_code not in {Exit.BROKEN, Exit.INTERRUPTED}
    outcome = report.outcome
    if comparison is not None and comparison.too_slow:
        outcome = "fail"
    elif ended and only_compared(report, comparison):
        outcome = "pass"
    elif ended and unanswered(report, comparison):
        outcome = "inconclusive"
    return outcome, EXIT_OF[outcome] if ended else report.exit_code


def unanswered(report: Report, comparison: Comparison | None) -> bool:
    """Whether the targets are met, and there was nothing to compare."""
    return comparison is not None and not comparison.rows and report.outcome == "pass"


def only_compared(report: Report, comparison: Comparison | None) -> bool:
    """Whether there is no target, so that the comparison alone is to go by."""
    return comparison is not None and not report.verdicts and bool(comparison.rows)
