"""The charts of a stress run: what more load does, and where it breaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from asapbench.model import Report
from asapbench.report.figures import (
    QUIET,
    Chart,
    Scale,
    Series,
    line,
    rule,
    scale_for,
    with_legend,
)
from asapbench.report.pace import by_users
from asapbench.targets import parse_limit
from asapbench.units import show

Steps = Sequence[dict[str, Any]]
Load = Callable[[dict[str, Any]], float]

_TIMES = {"p50": "--p50", "p95": "--p95", "p99": "--p99"}
_DOTS = {"mode": "lines+markers", "marker": {"size": 7}}


def charts(report: Report) -> list[Chart]:
    """Latency, what was achieved, errors and CPU over the load; the interval of the break."""
    steps: Steps = report.details.get("steps") or ()
    if not steps:
        return []
    closed = by_users(steps)
    unit = "count" if closed else "req/s"

    def load(step: dict[str, Any]) -> float:
        return float(step["users"] if closed else step["offered"])

    ordered = sorted(steps, key=load)
    band = _band(report, closed=closed)
    where = f" Shaded: it breaks from {_words(band, unit)}." if band else ""
    drawn = [
        _latency(report, ordered, load),
        _achieved(ordered, load, closed=closed),
        _one("errors", "Error rate", "error_rate", "ratio", "--fail", ordered, load),
        _one("cpu", "CPU of the server", "server_cpu", "cores", "--server", ordered, load),
    ]
    xs = scale_for([load(step) for step in ordered], unit, log=False)
    return [_over_load(chart, xs, band, where, closed=closed) for chart in drawn if chart.data]


def _words(band: tuple[float, float], unit: str) -> str:
    users = " users" if unit == "count" else ""
    return f"{show(band[0], unit)} to {show(band[1], unit)}{users}"


def _band(report: Report, *, closed: bool) -> tuple[float, float] | None:
    """From the highest load that was sustained to the lowest that was too much."""
    found, broken = report.details["sustainable"], report.details["breaking_point"]
    if broken is None:
        return None
    low, high = (found["users"], broken["users"]) if closed else (found["low"], found["high"])
    return (float(low or 0), float(high)) if high is not None else None


def _over_load(
    chart: Chart, xs: Scale, band: tuple[float, float] | None, where: str, *, closed: bool
) -> Chart:
    title = {"title": {"text": "users", "standoff": 6}} if closed else {}
    layout = {**chart.layout, "xaxis": xs.axis() | title}
    if band:
        ends = {"x0": band[0] / xs.factor, "x1": band[1] / xs.factor, "y0": 0, "y1": 1}
        look = {"fillcolor": "--fail-soft", "line": {"width": 0}, "layer": "below"}
        layout["shapes"] = [{"type": "rect", "yref": "paper", **ends, **look}]
    says = chart.says + where
    return Chart(chart.name, chart.title, says, chart.data, layout, chart.wide, link="load")


def _series(name: str, field: str, colour: str, steps: Steps, load: Load) -> Series:
    points = [(load(step), step[field]) for step in steps]
    marker = {"size": 7, "color": colour}
    return Series(name, points, colour, {**_DOTS, "marker": marker})


def _chart(
    name: str,
    title: str,
    says: str,
    series: Sequence[Series],
    dimension: str,
    *,
    wide: bool = False,
) -> Chart:
    ys = scale_for(
        [y for one in series for _, y in one.points], dimension, log=None if wide else False
    )
    data = [line(one, Scale("", 1.0), ys) for one in series]
    layout = {"yaxis": ys.axis(), "hovermode": "x unified"}
    return Chart(name, title, says, data, with_legend(layout, data), wide=wide)


def _latency(report: Report, steps: Steps, load: Load) -> Chart:
    series = [_series(name, name, colour, steps, load) for name, colour in _TIMES.items()]
    chart = _chart(
        "degradation", "Latency by load", "A point for each step.", series, "s", wide=True
    )
    ys = scale_for([y for one in series for _, y in one.points], "s", log=None)
    ends = load(steps[0]), load(steps[-1])
    for row in report.details.get("thresholds", ()):
        limit = parse_limit(row["limit"])
        if limit.dimension == "s":
            at = limit.value / ys.factor
            text = f"{row['marks']}: {row['metric']} {row['limit']}"
            chart.data.append(rule(text, (ends[0], at), (ends[1], at)))
    return Chart(
        chart.name, chart.title, chart.says, chart.data, with_legend(chart.layout, chart.data), True
    )


def _achieved(steps: Steps, load: Load, *, closed: bool) -> Chart:
    series = [_series("achieved", "achieved", "--c1", steps, load)]
    if not closed:
        look = {"line": {"color": QUIET, "width": 1.5, "dash": "dot"}}
        offered = [(load(step), step["offered"]) for step in steps]
        series.append(Series("offered", offered, QUIET, look))
    return _chart("achieved", "Throughput by load", "Good answers a second.", series, "req/s")


def _one(
    name: str, title: str, field: str, dimension: str, colour: str, steps: Steps, load: Load
) -> Chart:
    known = [step for step in steps if step[field] is not None]
    series = [_series(title, field, colour, known, load)] if known else []
    return _chart(name, title, "A point for each step.", series, dimension)
