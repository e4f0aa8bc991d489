"""The charts of a load run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from asapbench.model import Report
from asapbench.report.figures import (
    COLOURS,
    INK,
    QUIET,
    Chart,
    Scale,
    Series,
    filled,
    limits_of,
    line,
    over_time,
    plain,
    rule,
    scale_for,
    share_text,
    with_legend,
)
from asapbench.report.thin import Point

_PERCENTILES = {"p50": "--p50", "p90": "--p90", "p95": "--p95", "p99": "--p99"}
_SPLIT = ("waiting", "network", "server", "reading")
_TWO = math.log10(2)


def charts(report: Report) -> list[Chart]:
    """Latency in time and in shape, where it goes, what was served and what it took."""
    return list(_charts(report))


def _charts(report: Report) -> Iterator[Chart]:
    details = report.details
    if details.get("seconds"):
        yield _latency(report)
    if details.get("percentiles"):
        yield _percentiles(report)
    if details.get("histogram", {}).get("edges"):
        yield _histogram(report)
    if report.find("split.server.p95"):
        yield _split(report)
    if details.get("seconds"):
        yield _throughput(report)
        yield _errors(report)
    if details.get("processes"):
        yield from _processes(details["processes"], details.get("stolen", []))


def _column(rows: Sequence[dict[str, Any]], name: str) -> list[Point]:
    return [(row["second"], row.get(name)) for row in rows]


def _latency(report: Report) -> Chart:
    seconds = report.details["seconds"]
    series = [
        Series(name, _column(seconds, f"latency.{name}"), colour)
        for name, colour in _PERCENTILES.items()
    ]
    limits = limits_of(report, *(f"latency.{name}" for name in (*_PERCENTILES, "p99.9", "max")))
    says = "Percentiles of the answers of each second."
    return over_time("latency", "Latency over time", says, series, "s", limits, wide=True, log=None)


def _throughput(report: Report) -> Chart:
    rows = report.details["seconds"]
    look = filled("--c1")
    series = [Series("served", _column(rows, "requests"), "--c1", look)]
    plan = report.story.plan
    if plan.get("user_class") == "mixed" and plan.get("rps"):
        offered: list[Point] = [(row["second"], plan["rps"]) for row in rows]
        series.append(Series("offered", offered, QUIET, {"line": _dotted()}))
    says = "Good answers in each second."
    return over_time(
        "throughput", "Throughput", says, series, "req/s", limits_of(report, "throughput")
    )


def _dotted() -> dict[str, Any]:
    return {"color": QUIET, "width": 1.5, "dash": "dot"}


def _errors(report: Report) -> Chart:
    rows, failures = report.details["seconds"], report.details.get("failures", 0)
    requests = report.details.get("requests", 0)
    some = any(row.get("failures") for row in rows)
    colour = "--fail" if some else "--pass"
    look = filled(colour) if some else {"cliponaxis": False}
    series = [Series("failed", _column(rows, "failures"), colour, look)]
    says = f"{f'{failures:,}' if failures else 'None'} of {requests:,} requests failed."
    chart = over_time("errors", "Failures in each second", says, series, "count")
    if not some:
        chart.layout["yaxis"] |= {"range": [0, 1], "dtick": 1}
    return chart


def _colours(report: Report) -> dict[str, str]:
    """One colour an endpoint in all charts; all of them together are in the colour of the text."""
    names = report.details.get("endpoints", ())
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    return colours | ({"all": INK} if "all" not in colours else {})


def _percentiles(report: Report) -> Chart:
    curves, colours = report.details["percentiles"], _colours(report)
    values = [value for curve in curves for value in curve["values"]]
    xs, ys = Scale("", 1.0), scale_for(values, "s")
    data = []
    for curve in curves:
        nines = _nines(curve["q"])
        points = list(zip(nines, curve["values"], strict=True))
        series = Series(curve["endpoint"], points, colours.get(curve["endpoint"], QUIET))
        names = [share_text(q) for q in curve["q"]]
        data.append(line(series, xs, ys, hover="%{customdata}: %{y}", custom=names))
    far = max((x for trace in data for x in trace["x"]), default=1.0)
    ticks = {_TWO: "50 %"} | {k: share_text(1 - 10**-k) for k in range(1, math.floor(far) + 1)}
    xaxis = {"tickvals": list(ticks), "ticktext": list(ticks.values()), "range": [0, far]}
    layout = {"xaxis": xaxis, "yaxis": ys.axis(), "hovermode": "closest"}
    says = "The share of requests that were as fast as this, or faster."
    return Chart("percentiles", "Latency by percentile", says, data, with_legend(layout, data))


def _nines(shares: Sequence[float]) -> list[float]:
    """Where quantiles stand on an axis of nines; the largest of n samples at 1 - 1/2n."""
    nines = [-math.log10(1 - q) for q in shares if q < 1]
    return [*nines, *(nines[-1] + _TWO if nines else 0.0 for q in shares if q >= 1)]


def _histogram(report: Report) -> Chart:
    found, colours = report.details["histogram"], _colours(report)
    edges = found["edges"]
    xs, ys = scale_for(edges, "s", log=True), Scale("%", 0.01)
    data = []
    for name, counts in found["counts"].items():
        if not sum(counts):
            continue
        shares = [count / sum(counts) for count in counts]
        points: list[Point] = list(zip(edges, [*shares, 0.0], strict=True))
        look = filled(colours[name], line={"color": colours[name], "width": 1.25, "shape": "hv"})
        series = Series(name, points, colours[name], look)
        data.append(line(series, xs, ys, hover="%{y} at %{x}"))
    top = max((y for trace in data for y in trace["y"]), default=1.0)
    wanted = limits_of(report, *(f"latency.{name}" for name in (*_PERCENTILES, "p99.9", "max")))
    data += [rule(text, (at / xs.factor, 0), (at / xs.factor, top)) for text, at in wanted]
    layout = {"xaxis": xs.axis(), "yaxis": ys.axis(), "hovermode": "closest"}
    says = "The share of each endpoint's requests by latency, on a logarithmic axis."
    return Chart("histogram", "Distribution of latency", says, data, with_legend(layout, data))


def _split(report: Report) -> Chart:
    names = list(report.details.get("endpoints", ()))
    colours = _colours(report)
    found = {
        (name, q): [_part(report, part, q, name) for part in _SPLIT]
        for name in names
        for q in ("p95", "p50")
    }
    ys = scale_for([value for row in found.values() for value in row], "s", log=False)
    data = [
        {
            "type": "bar",
            "name": plain(name),
            "x": list(_SPLIT),
            "y": [ys.of(value) for value in values],
            "offsetgroup": plain(name),
            "legendgroup": plain(name),
            "showlegend": q == "p50",
            "marker": {"color": colours[name] + ("-soft" if q == "p95" else "")},
            "hovertemplate": f"{q} %{{y}}",
        }
        for (name, q), values in found.items()
    ]
    layout = {"yaxis": ys.axis(), "barmode": "group", "bargap": 0.35, "hovermode": "closest"}
    says = (
        "Waiting for its connection, network and accept queue, server, reading: p50, and p95 light."
    )
    return Chart("split", "Where the time goes", says, data, with_legend(layout, data))


def _part(report: Report, part: str, q: str, endpoint: str) -> float | None:
    metric = report.find(f'split.{part}.{q}{{endpoint="{endpoint}"}}')
    return metric.value if metric else None


def _processes(rows: Sequence[dict[str, Any]], stolen: Sequence[dict[str, Any]]) -> Iterator[Chart]:
    used = _by_role(rows)
    series = [_of_role(role, of, "cpu") for role, of in used.items()]
    if any(row.get("stolen") for row in stolen):
        look = {"line": {"color": "--fail", "width": 1.25, "dash": "dot"}}
        series.append(Series("stolen", _column(stolen, "stolen"), "--fail", look))
    yield over_time("cpu", "CPU", "Cores in use, of each process.", series, "cores")
    waits = [_of_role(role, of, "waited") for role, of in used.items()]
    if any(y is not None for one in waits for _, y in one.points):
        says = "Seconds a second in which a process could have run and no core was free."
        yield over_time("waited", "Waiting for a core", says, waits, "cores")
    held = [_of_role(role, of, "rss") for role, of in used.items()]
    yield over_time("memory", "Memory", "Resident memory of each process.", held, "B")


_ROLES = {"server": "--server", "generator": "--generator", "asapbench": QUIET}


def _by_role(rows: Sequence[dict[str, Any]]) -> dict[str, list[list[dict[str, Any]]]]:
    """The processes of each role: several generators are one line, their sum."""
    processes: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        processes.setdefault(row["process"], []).append(row)
    roles: dict[str, list[list[dict[str, Any]]]] = {}
    for name, of in processes.items():
        roles.setdefault("generator" if name.startswith("generator") else name, []).append(of)
    return {role: roles[role] for role in (*_ROLES, *roles) if role in roles}


def _of_role(role: str, processes: Sequence[Sequence[dict[str, Any]]], column: str) -> Series:
    points: list[Point] = []
    for rows in zip(*processes, strict=False):
        values = [row[column] for row in rows]
        points.append((rows[0]["second"], None if None in values else sum(values)))
    name = role if len(processes) == 1 else f"{len(processes)} {role}s"
    return Series(name, points, _ROLES.get(role, "--c5"))
