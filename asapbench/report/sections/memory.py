"""The readings of a memory run, its parts by themselves, and the lines where it grows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.model import Report
from asapbench.report.drawing import clean, columns, fits, shown
from asapbench.sparkline import sparkline
from asapbench.units import show, show_duration, show_interval

_OBJECTS = 0.02  # a request
_ROWS = 16  # of the table of samples
# columns of the samples and their units, the most that fit are taken
_SAMPLES = (
    ("requests", "rss", "uss", "heap", "blocks", "collected"),
    ("requests", "rss", "uss", "heap", "blocks"),
    ("requests", "uss", "blocks"),
    ("requests", "uss"),
)
_UNITS = {"rss": "B", "uss": "B", "heap": "B"}
_HELD = {
    "Initial USS": "initial",
    "Final USS": "final",
    "Peak RSS": "peak",
    "Growth of USS": "growth",
}
_KINDS = {
    "stable": "stable",
    "saturating": "saturating: growth gets less and less",
    "fragmentation": "fragmentation: pages grow, what is kept in them does not",
    "monitor": "monitor: grows, but less than a leak",
    "leak": "LEAK",
    "undecided": "undecided",
}


def tables(report: Report, console: Console) -> Iterator[RenderableType]:
    """The readings after each cycle, with a small drawing, and the parts by themselves."""
    if cycles := report.details.get("cycles"):
        candidates = [_samples(cycles, names) for names in _SAMPLES]
        table = next((one for one in candidates if fits(one, console)), candidates[-1])
        yield Group(table, Text(f"USS  {sparkline([row['uss'] for row in cycles])}"))
    if parts := report.details.get("components"):
        yield _parts(parts)


def _samples(cycles: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    table = columns("CYCLE", "time", *names, numbers=True)
    for row in _thinned(cycles):
        label = f"{row['cycle']}" if row["kept"] else f"{row['cycle']} warm-up"
        cells = (_cell(row[name], _UNITS.get(name, "count")) for name in names)
        table.add_row(label, show_duration(row["second"]), *cells)
    return table


def _thinned(rows: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    step = -(-len(rows) // _ROWS)
    last = len(rows) - 1
    return (row for index, row in enumerate(rows) if (last - index) % step == 0)


def _cell(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return show(value, unit) if unit == "B" else f"{value:,.0f}"


def _parts(parts: Sequence[Mapping[str, Any]]) -> Table:
    table = columns("COMPONENT", "operations", "growth per operation", "kind", numbers=True)
    for part in parts:
        growth = "–"
        if part["value"] is not None:
            growth = show_interval(part["value"], part["low"], part["high"], "B")
        kind = part["kind"] or "–"
        table.add_row(part["component"], f"{part['operations']:,.0f}", growth, kind)
    return table


def totals(report: Report) -> Iterator[tuple[str, str]]:
    """What was held, how it grew, what kind of growth that is, and what would have been seen."""
    details = report.details
    if details.get("cycles"):
        yield "Measured", f"{details['kept']} cycles, {show_duration(details['measured'])}"
        yield "Requests", f"{details['requests']:,.0f}"
        for label, name in _HELD.items():
            yield label, shown(report, f"memory.{name}")
        yield from _growths(report)
        kind = details["kind"]
        yield "Class", "–" if kind is None else _KINDS[kind].partition(":")[0]
    if report.find("sensitivity"):
        yield "Would have seen", f"{shown(report, 'sensitivity')} a request"
    if details.get("cycles"):
        yield "Cost of the meters", _cost(report)
    if live := details.get("live_envelopes"):
        yield f"{live['count']:,} live envelopes", show(live["bytes"], "B")


def _cost(report: Report) -> str:
    """What readings take of the server: at --interval, and in the short cycles of --quick."""
    cost, plan, details = report.find("meters.cost"), report.story.plan, report.details
    if cost is None:
        return "–" if details["inside"] else "no CPU of the server"
    share = f"{show(cost.value, 'ratio')} of a core at {show_duration(plan['interval'])}"
    if not plan["quick"]:
        return share
    here = cost.value * plan["interval"] * details["kept"] / details["measured"]
    return f"{show(here, 'ratio')} here, {share}"


def _growths(report: Report) -> Iterator[tuple[str, str]]:
    for label, key in (
        ("Growth rate", "growth_rate"),
        ("Growth a request", "growth_per_request"),
        ("Heap a request", "heap_per_request"),
        ("Objects a request", "blocks_per_request"),
        ("Collected a request", "collected_per_request"),
        ("Control a request", "control.growth_per_request"),
    ):
        if metric := report.find(key):
            yield label, show_interval(metric.value, metric.low, metric.high, metric.unit)


def appendix(report: Report) -> Iterator[RenderableType]:
    """What the class means, failures, and the lines where memory grows."""
    kind = report.details.get("kind")
    if kind and ":" in _KINDS[kind]:
        yield Text(_KINDS[kind].capitalize())
    if kind in {"leak", "monitor"} and (made_of := _made_of(report)):
        yield Text(made_of)
    if errors := report.details.get("errors"):
        yield _errors(errors)
    if explanation := report.details.get("explanation"):
        yield from _explanation(explanation)


def _made_of(report: Report) -> str:
    """Whether objects grow or only malloc's heap, where a server could be asked."""
    objects, heap = report.find("blocks_per_request"), report.find("heap_per_request")
    if objects is None or heap is None:
        return ""
    if objects.low is not None and objects.low > _OBJECTS:
        return f"Python objects get more, by {objects.value:.2f} a request."
    if heap.low is not None and heap.low > 0:
        return (
            f"Python objects do not get more, malloc's heap does, by {show(heap.value, 'B')} a "
            "request: large objects that grow, or native memory."
        )
    return ""


def _errors(errors: Sequence[Mapping[str, Any]]) -> Table:
    table = columns("UNEXPECTED", "endpoint", "kind", "code", "the first of them")
    for row in errors:
        cells = (row["endpoint"], row["kind"], str(row["code"]), clean(row["first"]))
        table.add_row(f"{row['count']:,}", *cells)
    return table


def _explanation(explanation: Mapping[str, Any]) -> Iterator[RenderableType]:
    if explanation["text"]:
        yield Text(clean(f"Explanation: {explanation['text']}"))
    if keeper := explanation["keeper"]:
        yield Text(clean("\n".join(_keeper(keeper, explanation["chain"]))))
    elif explanation["chain"]:
        yield Text(clean("KEPT BY  " + " ← ".join(explanation["chain"])))
    if explanation["sites"]:
        yield _sites(explanation["sites"])
    if explanation["types"]:
        types = columns("TYPE THAT GROWS", "whose", "objects a request")
        for row in explanation["types"]:
            types.add_row(clean(row["type"]), row["whose"], f"{row['objects']:.2f}")
        yield types


def _keeper(keeper: Mapping[str, Any], chain: Sequence[str]) -> Iterator[str]:
    of = f", of type {keeper['of'].removeprefix('builtins.')}" if keeper["of"] else ""
    yield f"KEPT IN  {' ← '.join(chain)}: {keeper['items']:,.2f} items a request{of}"
    if at := keeper["at"]:
        yield f"put in at {at['file']}:{at['line']} ({at['whose']})"
        yield f"    {at['code']}"


def _sites(sites: Sequence[Mapping[str, Any]]) -> Table:
    table = columns("GROWS AT", "whose", "a request", "objects a request")
    for site in sites:
        place = clean(f"{site['file']}:{site['line']}")
        amounts = (show(site["bytes"], "B"), f"{site['objects']:.2f}")
        table.add_row(f"{place}\n    {clean(site['code'])}", site["whose"], *amounts)
        if via := site["via"]:
            table.add_row(clean(f"    by {via['file']}:{via['line']}"), via["whose"], "", "")
    return table
