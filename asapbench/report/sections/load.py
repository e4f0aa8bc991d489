"""Latency by endpoint, where the time goes, the totals and the failures of a load run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table

from asapbench.model import Report
from asapbench.report.drawing import clean, columns, fits, shown
from asapbench.units import show_duration

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


def tables(report: Report, console: Console) -> Iterator[RenderableType]:
    """Latency by endpoint and, where the server tells it, where the time goes."""
    if report.details.get("endpoints"):
        candidates = [_endpoints(report, times) for times in _TIMES]
        yield next((table for table in candidates if fits(table, console)), candidates[-1])
    if report.find("split.server.p95"):
        candidates = [_split(report, cells) for cells in _SPLIT_CELLS]
        yield next((table for table in candidates if fits(table, console)), candidates[-1])


def _endpoints(report: Report, times: Sequence[str]) -> Table:
    table = columns("LATENCY", "req/s", *times, "errors", numbers=True)
    for name, label in _rows(report):
        keys = ["throughput", *(f"latency.{time}" for time in times), "error_rate"]
        cells = (shown(report, key + label).removesuffix(" req/s") for key in keys)
        table.add_row(name, *cells)
    return table


def _split(report: Report, cells: Sequence[str]) -> Table:
    table = columns(f"WHERE IT GOES {' / '.join(cells)}", *_SPLIT, numbers=True)
    for name, label in _rows(report):
        table.add_row(name, *(_cell(report, part, cells, label) for part in _SPLIT))
    return table


def _cell(report: Report, part: str, cells: Sequence[str], label: str) -> str:
    return " / ".join(shown(report, f"split.{part}.{cell}{label}") for cell in cells)


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    """The rows of a table by endpoint, and the label of each; the last is for all of them."""
    names = report.details["endpoints"]
    for name in (*names, "") if len(names) > 1 else names:
        yield name or "all", f'{{endpoint="{name}"}}' if name else ""


def appendix(report: Report) -> Iterator[RenderableType]:
    """The failures by kind, with the first of each."""
    if report.details.get("errors"):
        yield _errors(report)


def _errors(report: Report) -> RenderableType:
    table = columns("FAILURES", "endpoint", "kind", "code", "the first of them")
    for row in report.details["errors"]:
        first = clean(row["first"])
        table.add_row(f"{row['count']:,}", row["endpoint"], row["kind"], str(row["code"]), first)
    return table


def totals(report: Report) -> Iterator[tuple[str, str]]:
    """What was sent and failed, and what the processes used."""
    details = report.details
    if "requests" in details:
        yield "Measured", show_duration(details["measured"])
        yield "Total requests", f"{details['requests']:,}"
        yield "Total failures", f"{details['failures']:,}"
        yield "Error rate", shown(report, "error_rate")
        yield "Bottleneck", details["bottleneck"]
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
            yield label, shown(report, key)
