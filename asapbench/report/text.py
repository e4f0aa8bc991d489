"""The Report for a terminal: what was measured by endpoint, the totals, the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.model import Outcome, Report, Verdict
from asapbench.report.drawing import beside, clean, drawn, fits, hanging
from asapbench.report.outcome import overall
from asapbench.report.words import measured, sentence

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

_STYLE: dict[Outcome, str] = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "invalid": "bold magenta",
}


def render_text(
    report: Report,
    comparison: Comparison | None = None,
    *,
    width: int,
    color: bool,
    brief: bool = False,
) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without; brief: the verdicts.

    Of a comparison only what it changes of the verdict is told; the rest is for those that follow.
    """
    parts = partial(_brief_parts if brief else _parts, report, comparison)
    return drawn(parts, width=width, color=color)


def _brief_parts(
    report: Report, comparison: Comparison | None, console: Console
) -> Iterator[RenderableType]:
    yield _targets(report, comparison, console)
    yield from _explained(report)


def _explained(report: Report) -> Iterator[RenderableType]:
    if reasons := list(_reasons(report)):
        yield hanging(reasons)


def _parts(
    report: Report, comparison: Comparison | None, console: Console
) -> Iterator[RenderableType]:
    yield _heading(report, console)
    section = import_module(f"asapbench.report.sections.{report.story.command}")
    yield from section.tables(report, console)
    judged = _targets(report, comparison, console)
    yield beside(_totals(section.totals(report), console), judged, console)
    yield from _explained(report)
    yield from section.appendix(report)
    if report.notes:
        yield hanging(_notes(report))


def _heading(report: Report, console: Console) -> RenderableType:
    story = report.story
    title = Text(f"asapbench {story.command}", "bold")
    parts = [title]
    if story.server:
        server = story.server
        where = Text(clean(f"{server.agent} at {server.url} ({server.how})"))
        line = Text("  ").join([title, where])
        parts = [line] if line.cell_len <= console.width else [title, where]
    if story.ended != "complete":
        parts.append(Text(clean(story.why), "bold red"))
    return Group(*parts)


def _totals(lines: Iterable[tuple[str, str]], console: Console) -> RenderableType | None:
    rows = list(lines)
    if not rows:
        return None
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    narrow = (line for row in rows for line in _apart(*row, console.width))
    body = table if fits(table, console) else Text("\n".join(narrow))
    return Group(Text("AGGREGATE RESULTS", "bold"), body)


def _apart(name: str, value: str, width: int) -> Iterator[str]:
    """At both ends of a line, where that has room; neither a name nor an interval is broken."""
    first, *rest = (
        value.replace(" [", "\n[").splitlines() if len(name) + 2 + len(value) > width else [value]
    )
    if len(name) + 2 + len(first) > width:
        yield name
        yield f"{first:>{width}}"
    else:
        yield f"{name}{first:>{width - len(name)}}"
    yield from (f"{line:>{width}}" for line in rest)


def _targets(report: Report, comparison: Comparison | None, console: Console) -> RenderableType:
    title = Text("TARGET VERIFICATION", "bold")
    table = _verdicts(report.verdicts, before_bounds=" ")
    if not fits(table, console):
        table = _verdicts(report.verdicts, before_bounds="\n")
    outcome, _ = overall(report, comparison)
    return Group(title, table, Text(sentence(report, comparison), _STYLE[outcome]))


def _verdicts(verdicts: Sequence[Verdict], *, before_bounds: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(no_wrap=True)
    for verdict in verdicts:
        cell = measured(verdict).replace(" [", f"{before_bounds}[")
        table.add_row(verdict.metric, verdict.limit, cell, _outcome(verdict.outcome))
    return table


def _outcome(outcome: Outcome) -> Text:
    return Text(outcome.upper(), _STYLE[outcome])


def _reasons(report: Report) -> Iterator[tuple[Text, Text]]:
    """What a missed target stands for, why there is no verdict where there is none, and remarks.

    Verdicts of one reason come together; a reason that the heading gave is not given again.
    """
    grouped: dict[tuple[Outcome, str], list[str]] = {}
    for verdict in report.verdicts:
        reason = _reason(verdict)
        if reason not in {"", report.story.why}:
            grouped.setdefault((verdict.outcome, reason), []).append(verdict.metric)
    for (outcome, reason), metrics in grouped.items():
        yield _outcome(outcome), Text(clean(f"{', '.join(metrics)}: {reason}"))


def _reason(verdict: Verdict) -> str:
    if verdict.outcome == "pass":
        return verdict.remark
    if verdict.outcome == "fail":
        return "; ".join(filter(None, (verdict.why, verdict.remark)))
    return verdict.reason


def _notes(report: Report) -> Iterator[tuple[Text, Text]]:
    for note in report.notes:
        hint = f"\n{note.hint}" if note.hint else ""
        yield Text("Note", "bold yellow"), Text(clean(note.text + hint))
