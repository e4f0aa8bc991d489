"""The Report for a terminal: what was measured by endpoint, the totals, the verdicts."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
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
# columns of the latency table, the most that fit are taken
_TIMES = (
    ("p50", "p90", "p95", "p99", "p99.9", "max"),
    ("p50", "p95", "p99", "max"),
    ("p50", "p95", "p99"),
    ("p95",),
)
# columns of the table of where the time goes, and what its cells show; the first that fits is taken
_SPLIT = ("waiting", "network", "server", "reading")
_SPLIT_CELLS = (("p50", "p95"), ("p95",))
_GAP = 5


def render_text(report: Report, *, width: int, color: bool, brief: bool = False) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without; brief: the verdicts."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,  # what a server said may look like markup
        emoji=False,
    )
    for part in _brief_parts(report, console) if brief else _parts(report, console):
        console.print(part)
        console.print()
    lines = (line.rstrip() for line in out.getvalue().rstrip().splitlines())
    return "\n".join(lines) + "\n"


def _brief_parts(report: Report, console: Console) -> Iterator[RenderableType]:
    yield _targets(report, console)
    yield from _explained(report)


def _explained(report: Report) -> Iterator[RenderableType]:
    if reasons := list(_reasons(report)):
        yield _hanging(reasons)


def _parts(report: Report, console: Console) -> Iterator[RenderableType]:
    yield _heading(report, console)
    if report.details.get("endpoints"):
        tables = [_endpoints(report, times) for times in _TIMES]
        yield next((table for table in tables if _fits(table, console)), tables[-1])
    if report.find("split.server.p95"):
        tables = [_split(report, cells) for cells in _SPLIT_CELLS]
        yield next((table for table in tables if _fits(table, console)), tables[-1])
    yield _beside(_totals(report), _targets(report, console), console)
    yield from _explained(report)
    if report.details.get("errors"):
        yield _errors(report)
    if report.notes:
        yield _hanging(_notes(report))


def _heading(report: Report, console: Console) -> RenderableType:
    story = report.story
    title = Text(f"asapbench {story.command}", "bold")
    parts = [title]
    if story.server:
        server = story.server
        where = Text(_clean(f"{server.agent} at {server.url} ({server.how})"))
        line = Text("  ").join([title, where])
        parts = [line] if line.cell_len <= console.width else [title, where]
    if story.ended != "complete":
        parts.append(Text(_clean(story.why or "this run was never ended"), "bold red"))
    return Group(*parts)


def _endpoints(report: Report, times: Sequence[str]) -> Table:
    table = _columns("LATENCY", "req/s", *times, "errors", numbers=True)
    for name, label in _rows(report):
        keys = ["throughput", *(f"latency.{time}" for time in times), "error_rate"]
        shown = (_shown(report, key + label).removesuffix(" req/s") for key in keys)
        table.add_row(name, *shown)
    return table


def _split(report: Report, cells: Sequence[str]) -> Table:
    table = _columns(f"WHERE IT GOES {' / '.join(cells)}", *_SPLIT, numbers=True)
    for name, label in _rows(report):
        table.add_row(name, *(_cell(report, part, cells, label) for part in _SPLIT))
    return table


def _cell(report: Report, part: str, cells: Sequence[str], label: str) -> str:
    return " / ".join(_shown(report, f"split.{part}.{cell}{label}") for cell in cells)


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    """The rows of a table by endpoint, and the label of each; the last is for all of them."""
    names = report.details["endpoints"]
    for name in (*names, "") if len(names) > 1 else names:
        yield name or "all", f'{{endpoint="{name}"}}' if name else ""


def _totals(report: Report) -> RenderableType | None:
    rows = list(_total_rows(report))
    if not rows:
        return None
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return Group(Text("AGGREGATE RESULTS", "bold"), table)


def _total_rows(report: Report) -> Iterator[tuple[str, str]]:
    details = report.details
    if "requests" in details:
        yield "Measured", show_duration(details["measured"])
        yield "Total requests", f"{details['requests']:,}"
        yield "Total failures", f"{details['failures']:,}"
        yield "Error rate", _shown(report, "error_rate")
    if details.get("bottleneck", "none") != "none":
        yield "Bottleneck", f"the {details['bottleneck']}"
    if details.get("open"):
        yield "Still open at the end", f"{details['open']:,}"
    for label, key in (
        ("Service time p95", "service_time.p95"),
        ("Generator lag p95", "lag.p95"),
        ("Floor p95", "floor.p95"),
        ("Floor top rate", "floor.throughput"),
        ("Server CPU", "server.cpu"),
        ("Server memory", "server.rss"),
        ("Generator CPU", "generator.cpu"),
    ):
        if report.find(key):
            yield label, _shown(report, key)


def _shown(report: Report, key: str) -> str:
    metric = report.find(key)
    if metric is None:
        return "–"
    return show(metric.value, metric.unit)


def _targets(report: Report, console: Console) -> RenderableType:
    title = Text("TARGET VERIFICATION", "bold")
    table = _verdicts(report.verdicts, before_bounds=" ")
    if not _fits(table, console):
        table = _verdicts(report.verdicts, before_bounds="\n")
    return Group(title, table, Text(_sentence(report), _STYLE[report.outcome]))


def _verdicts(verdicts: Sequence[Verdict], *, before_bounds: str) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    for verdict in verdicts:
        measured = _measured(verdict).replace(" [", f"{before_bounds}[")
        table.add_row(verdict.metric, verdict.limit, measured, _outcome(verdict.outcome))
    return table


def _measured(verdict: Verdict) -> str:
    if verdict.value is None:
        return "–"
    return show_interval(verdict.value, verdict.low, verdict.high, verdict.unit)


def _outcome(outcome: Outcome) -> Text:
    return Text(outcome.upper(), _STYLE[outcome])


def _sentence(report: Report) -> str:
    missed = sum(verdict.outcome == "fail" for verdict in report.verdicts)
    sentence = {
        "pass": "ALL TARGETS MET",
        "fail": f"{missed} OF {len(report.verdicts)} TARGETS MISSED",
        "inconclusive": "NO VERDICT: too close to call",
        "invalid": "NO VERDICT: this measurement is not valid",
    }[report.outcome]
    return f"{sentence} (until it was interrupted)" if _cut_short(report) else sentence


def _cut_short(report: Report) -> bool:
    return report.story.ended == "interrupted" and report.outcome != "invalid"


def _beside(left: RenderableType | None, right: RenderableType, console: Console) -> RenderableType:
    if left is None:
        return right
    grid = Table.grid(padding=(0, _GAP))
    grid.add_row(left, right)
    return grid if _fits(grid, console) else Group(left, Text(), right)


def _reasons(report: Report) -> Iterator[tuple[Text, Text]]:
    """What a missed target stands for, and why there is no verdict where there is none.

    Verdicts of one reason come together; a reason that the heading gave is not given again.
    """
    grouped: dict[tuple[Outcome, str], list[str]] = {}
    for verdict in report.verdicts:
        reason = verdict.why if verdict.outcome == "fail" else verdict.reason
        if verdict.outcome != "pass" and reason not in {"", report.story.why}:
            grouped.setdefault((verdict.outcome, reason), []).append(verdict.metric)
    for (outcome, reason), metrics in grouped.items():
        yield _outcome(outcome), Text(_clean(f"{', '.join(metrics)}: {reason}"))


def _errors(report: Report) -> RenderableType:
    table = _columns("FAILURES", "endpoint", "kind", "code", "the first of them")
    for row in report.details["errors"]:
        first = _clean(row["first"])
        table.add_row(f"{row['count']:,}", row["endpoint"], row["kind"], str(row["code"]), first)
    return table


def _notes(report: Report) -> Iterator[tuple[Text, Text]]:
    for note in report.notes:
        hint = f"\n{note.hint}" if note.hint else ""
        yield Text("Note", "bold yellow"), Text(_clean(note.text + hint))


def _columns(first: str, *others: str, numbers: bool = False) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="none")
    table.add_column(Text(first, "bold"), no_wrap=numbers)
    for name in others:
        table.add_column(
            name, justify="right" if numbers else "left", overflow="fold", no_wrap=numbers
        )
    return table


def _hanging(rows: Iterable[tuple[Text, Text]]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def _fits(renderable: RenderableType, console: Console) -> bool:
    # measured as if there were no edge: what does not fit is else measured as what it is cut to
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, renderable).maximum <= console.width


def _clean(text: str) -> str:
    """Without the colours and control characters that a server's words may hold."""
    lines = Text.from_ansi(text).plain.split("\n")
    return "\n".join("".join(filter(str.isprintable, line)) for line in lines)
