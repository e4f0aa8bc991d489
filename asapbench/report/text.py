"""The Report for a terminal: what was measured by endpoint, the totals, the verdicts."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from asapbench.model import Outcome, Report, Verdict
from asapbench.units import show, show_duration, show_interval

_STYLE: dict[Outcome, str] = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "invalid": "bold magenta",
}
_SENTENCE: dict[Outcome, str] = {
    "pass": "ALL TARGETS MET",
    "fail": "TARGETS MISSED",
    "inconclusive": "NO VERDICT: too close to call",
    "invalid": "NO VERDICT: this measurement is not valid",
}
_TIMES = ("p50", "p90", "p95", "p99", "p99.9", "max")
_TIMES_NARROW = ("p50", "p95", "p99")
_WIDE = 110


def render_text(report: Report, *, width: int, color: bool) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
    )
    for part in _parts(report, width):
        console.print(part)
        console.print()
    lines = (line.rstrip() for line in out.getvalue().rstrip().splitlines())
    return "\n".join(lines) + "\n"


def _parts(report: Report, width: int) -> Iterator[RenderableType]:
    yield _heading(report)
    if report.details.get("endpoints"):
        yield _endpoints(report, _TIMES if width >= _WIDE else _TIMES_NARROW)
    yield _side_by_side(_totals(report), _targets(report), width)
    undecided = [verdict for verdict in report.verdicts if verdict.outcome != "pass"]
    if undecided:
        yield _reasons(undecided)
    if report.details.get("errors"):
        yield _errors(report)
    if report.notes:
        yield _notes(report)


def _heading(report: Report) -> RenderableType:
    story = report.story
    line = Text(f"asapbench {story.command}", "bold")
    if story.server:
        line.append(f"  {story.server.agent} at {story.server.url} ({story.server.how})", "none")
    if story.ended == "complete":
        return line
    why = Text(f"{story.ended}: {story.why}", "bold red")
    return Group(line, why)


def _endpoints(report: Report, times: Sequence[str]) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("latency by endpoint")
    for name in ("req/s", *times, "errors"):
        table.add_column(name, justify="right")
    names = (*report.details["endpoints"], "")
    for name in names if len(names) > 2 else names[:1]:
        label = f'{{endpoint="{name}"}}' if name else ""
        keys = ["throughput", *(f"latency.{time}" for time in times), "error_rate"]
        table.add_row(name or "all", *(_shown(report, key + label) for key in keys))
    return table


def _shown(report: Report, key: str) -> str:
    metric = report.find(key)
    if metric is None:
        return "–"
    shown = show(metric.value, metric.unit)
    return shown.removesuffix(" req/s")


def _totals(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name, value in _total_rows(report):
        table.add_row(name, value)
    return Group(Text("AGGREGATE RESULTS", "bold"), table)


def _total_rows(report: Report) -> Iterator[tuple[str, str]]:
    details = report.details
    if "requests" in details:
        yield "Measured", show_duration(details["measured"])
        yield "Total requests", f"{details['requests']:,}"
        yield "Total failures", f"{details['failures']:,}"
        yield "Error rate", _shown(report, "error_rate")
    if details.get("open"):
        yield "Still open at the end", f"{details['open']:,}"
    for label, key in (
        ("Service time p95", "service_time.p95"),
        ("Generator lag p95", "lag.p95"),
        ("Server CPU", "server.cpu"),
        ("Server memory", "server.rss"),
        ("Generator CPU", "generator.cpu"),
    ):
        if report.find(key):
            yield label, _shown(report, key)


def _targets(report: Report) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for _ in range(4):
        table.add_column(overflow="fold")
    for verdict in report.verdicts:
        table.add_row(verdict.metric, verdict.limit, _measured(verdict), _outcome(verdict.outcome))
    title = Text("TARGET VERIFICATION", "bold")
    return Group(title, table, Text(_SENTENCE[report.outcome], _STYLE[report.outcome]))


def _measured(verdict: Verdict) -> str:
    if verdict.value is None:
        return "–"
    if verdict.low is None or verdict.high is None:
        return show(verdict.value, verdict.unit)
    return show_interval(verdict.value, verdict.low, verdict.high, verdict.unit)


def _outcome(outcome: Outcome) -> Text:
    return Text(outcome.upper(), _STYLE[outcome])


def _side_by_side(left: RenderableType, right: RenderableType, width: int) -> RenderableType:
    if width < _WIDE:
        return Group(left, Text(), right)
    grid = Table.grid(padding=(0, 5))
    grid.add_row(left, right)
    return grid


def _reasons(verdicts: Sequence[Verdict]) -> RenderableType:
    rows = [
        Text.assemble(_outcome(verdict.outcome), f"  {verdict.metric}: {verdict.reason}")
        for verdict in verdicts
    ]
    return Group(*rows)


def _errors(report: Report) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("errors", "endpoint", "kind", "code", "first seen"):
        table.add_column(name, overflow="fold")
    for row in report.details["errors"]:
        table.add_row(
            f"{row['count']:,}", row["endpoint"], row["kind"], str(row["code"]), row["first"]
        )
    return table


def _notes(report: Report) -> RenderableType:
    rows: list[RenderableType] = []
    for note in report.notes:
        rows.append(Text.assemble(("Note ", "bold yellow"), note.text))
        if note.hint:
            rows.append(Padding(Text(note.hint), (0, 0, 0, 5)))
    return Group(*rows)
