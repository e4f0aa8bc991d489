"""The curve, the chart, the breaking point and the recovery of a stress run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.model import Report
from asapbench.report.chart import chart
from asapbench.report.drawing import clean, columns, fits, hanging
from asapbench.units import show

_STYLES = {"degraded": "yellow", "severe": "yellow", "broken": "bold red"}
_COLUMNS = (
    ("users", "offered", "achieved", "p50", "p95", "p99", "errors", "in flight", "CPU", "memory"),
    ("users", "offered", "achieved", "p50", "p95", "p99", "errors", "CPU"),
    ("users", "offered", "achieved", "p95", "p99", "errors"),
    ("users", "achieved", "p95", "errors"),
    ("achieved", "p95"),
)
# column → (field of a step, unit)
_FIELDS = {
    "users": ("users", "count"),
    "offered": ("offered", "req/s"),
    "achieved": ("achieved", "req/s"),
    "p50": ("p50", "s"),
    "p95": ("p95", "s"),
    "p99": ("p99", "s"),
    "errors": ("error_rate", "ratio"),
    "in flight": ("in_flight", "count"),
    "CPU": ("server_cpu", "cores"),
    "memory": ("server_rss", "B"),
}


def tables(report: Report, console: Console) -> Iterator[RenderableType]:
    """The degradation curve, as a table and as a chart."""
    steps = report.details.get("steps")
    if not steps:
        return
    candidates = [_curve(steps, names) for names in _COLUMNS]
    yield next((table for table in candidates if fits(table, console)), candidates[-1])
    if len({step["achieved"] for step in steps}) > 1:
        yield chart(steps, console.width)


def _curve(steps: list[dict[str, Any]], names: tuple[str, ...]) -> Table:
    table = columns("STEP", *names, "state", numbers=True)
    for step in steps:
        cells = (_cell(step, *_FIELDS[name]) for name in names)
        state = Text(step["state"], _STYLES.get(step["state"], ""))
        table.add_row(str(step["step"]), *cells, state)
    return table


def _cell(step: dict[str, Any], field: str, unit: str) -> str:
    value = step[field]
    if value is None:
        return "–"
    return show(value, unit).removesuffix(" req/s").removesuffix(" cores")


def totals(report: Report) -> Iterator[tuple[str, str]]:
    """The rate that can be sustained, what is recommended, and the break."""
    details = report.details
    if not details.get("steps"):
        return
    yield "Steps", str(len(details["steps"]))
    yield "Sustained", _sustained(details["sustainable"])
    yield "Recommended (80 %)", show(details["sustainable"]["recommended"], "req/s")
    if point := details["breaking_point"]:
        yield "Breaks at", f"{show(point['rps'], 'req/s')}, {point['users']:,} users"
    if recovery := details["recovery"]:
        seconds = recovery["seconds"]
        yield "Recovery", "not seen" if seconds is None else show(seconds, "s")
    if (spike := details["spike"]) and spike["rise"]:
        yield "p95 in the spike", f"{show(spike['spike_p95'], 's')}, {spike['rise']:.1f} × quiet"
    if model := details["model"]:
        yield "Knee (USL)", _knee(model)
        yield "Contention (USL)", _parameter(model["contention"])
        yield "Coherency (USL)", _parameter(model["coherency"])


def _sustained(found: dict[str, Any]) -> str:
    low = show(found["low"], "req/s")
    if found["high"] is None:
        return f"at least {low}"
    return f"{low.removesuffix(' req/s')}–{show(found['high'], 'req/s')}"


def _knee(model: dict[str, Any]) -> str:
    knee = model["knee_users"]
    if knee["value"] is None:
        return "beyond any load"
    high = "∞" if knee["high"] is None else f"{knee['high']:,.0f}"
    return f"{knee['value']:,.0f} users [{knee['low']:,.0f}, {high}]"


def _parameter(found: dict[str, Any]) -> str:
    high = "∞" if found["high"] is None else f"{found['high']:.2g}"
    return f"{found['value']:.2g} [{found['low']:.2g}, {high}]"


def appendix(report: Report) -> Iterator[RenderableType]:
    """The conclusion in words, and why it broke."""
    details = report.details
    if not details.get("steps"):
        return
    rows = [(Text("Result", "bold"), Text(details["conclusion"]))]
    if point := details["breaking_point"]:
        rows.append((Text("Broke by", "bold"), Text(clean(point["reason"]))))
        rows.append((Text("Exhausted", "bold"), Text(clean(point["exhausted"]))))
    yield hanging(rows)
