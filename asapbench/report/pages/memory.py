"""The charts of a memory run: what was held after each cycle, how it grew, and the parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from asapbench.model import Metric, Report
from asapbench.report.figures import (
    COLOURS,
    QUIET,
    Chart,
    Scale,
    Series,
    limits_of,
    line,
    rule,
    scale_for,
    with_legend,
)
from asapbench.report.lanes import in_lanes, intervals, marks
from asapbench.targets import parse_limit
from asapbench.units import show_interval

Rows = Sequence[Mapping[str, Any]]

_USS, _FIT = COLOURS[0], COLOURS[2]
_METERS = {"rss": ("RSS", COLOURS[3]), "uss": ("USS", _USS), "heap": ("Python heap", COLOURS[1])}
_KINDS = {"leak": "--fail", "monitor": "--inconclusive"}


def charts(report: Report) -> list[Chart]:
    """The fit over the readings, the growth of each cycle, the meters, the parts by themselves."""
    return list(_charts(report))


def _charts(report: Report) -> Iterator[Chart]:
    if rows := report.details.get("cycles"):
        yield _held(report, rows)
        if steps := _steps(report, rows):
            yield _growth(report, steps)
        yield _meters(rows)
        if any(row["blocks"] is not None for row in rows):
            yield _objects(rows)
    parts = [row for row in report.details.get("components") or () if row["value"] is not None]
    if parts:
        yield _parts(report, parts)


def _limits(report: Report) -> list[tuple[str, float]]:
    """Those of the growth, in bytes a request."""
    rate = report.story.plan["rps"]
    return [(text, limit / rate) for text, limit in limits_of(report, "growth_rate")]


def _held(report: Report, rows: Rows) -> Chart:
    """USS alone, on an axis of its own: beside RSS a growth would be too small to be seen."""
    growth = report.find("growth_per_request")
    xs, ys = _requests(rows), scale_for([row["uss"] for row in rows], "B", log=False)
    data = [_line(rows, "uss", xs, ys)]
    says = "USS after each cycle. Shaded: warm-up."
    if growth is not None and growth.n < len(rows):
        data = [*_fit(report, growth, rows, xs, ys), *data]
        shown = show_interval(growth.value, growth.low, growth.high, growth.unit)
        says += f" The line is the growth that is judged: {shown} a request."
    yaxis = {**ys.axis(), "rangemode": "normal", "hoverformat": ".5~r"}
    return _over_requests("held", "Memory held", says, data, rows, xs, yaxis, wide=True)


def _fit(
    report: Report, growth: Metric, rows: Rows, xs: Scale, ys: Scale
) -> Iterator[dict[str, Any]]:
    """The slope, the wedge of its interval and the limit, from the first reading that counts."""
    first, last = rows[-1 - growth.n], rows[-1]

    def at(row: Mapping[str, Any], slope: float) -> tuple[float, float]:
        held = first["uss"] + slope * (row["requests"] - first["requests"])
        return row["requests"] / xs.factor, held / ys.factor

    start = at(first, 0)
    if growth.low is not None and growth.high is not None:
        yield _wedge(start, at(last, growth.high), at(last, growth.low))
    for text, slope in _limits(report):
        yield rule(text, start, at(last, slope))
    yield _fitted("growth", start, at(last, growth.value))


def _fitted(name: str, start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    return rule(name, start, end) | {"line": {"color": _FIT, "width": 2}}


def _wedge(*corners: tuple[float, float]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "its interval",
        "x": [x for x, _ in corners],
        "y": [y for _, y in corners],
        "fill": "toself",
        "fillcolor": f"{_FIT}-soft",
        "line": {"width": 0, "color": _FIT},
        "hoverinfo": "skip",
    }


def _steps(report: Report, rows: Rows) -> list[tuple[int, float]]:
    """By cycle, what it added a request; none of the warm-up."""
    return [
        (after["cycle"], (after["uss"] - before["uss"]) / (after["requests"] - before["requests"]))
        for before, after in pairwise(rows[report.details["warm_up"] - 1 :])
    ]


def _growth(report: Report, steps: Sequence[tuple[int, float]]) -> Chart:
    found, limits = report.find("growth_per_request"), _limits(report)
    sizes = [abs(size) for _, size in (*steps, *limits)]
    ys = scale_for(sizes, "B", log=False)
    used = found.n if found else 0
    data = [_bars(steps, used, ys)]
    ends = steps[0][0] - 0.5, steps[-1][0] + 0.5
    data += [rule(text, (ends[0], y / ys.factor), (ends[1], y / ys.factor)) for text, y in limits]
    says = "What each cycle added to USS, by request."
    if found is not None:
        mean = found.value / ys.factor
        data.append(_fitted("growth", (ends[1] - used, mean), (ends[1], mean)))
        says += " Their mean is judged" + (", without those in grey." if used < len(steps) else ".")
    layout = {
        "yaxis": ys.axis() | {"zeroline": True},
        "xaxis": {"title": {"text": "cycle", "standoff": 6}, "tickformat": "d"},
        "hovermode": "x unified",
        "bargap": 0.4,
    }
    return Chart("growth", "Growth a request", says, data, with_legend(layout, data))


def _bars(steps: Sequence[tuple[int, float]], used: int, ys: Scale) -> dict[str, Any]:
    early = len(steps) - used
    return {
        "type": "bar",
        "name": "cycle",
        "x": [cycle for cycle, _ in steps],
        "y": [ys.of(size) for _, size in steps],
        "marker": {"color": [QUIET] * early + [_USS] * used},
        "hovertemplate": "%{y}",
    }


def _meters(rows: Rows) -> Chart:
    known = [name for name in _METERS if any(row[name] is not None for row in rows)]
    xs = _requests(rows)
    ys = scale_for([row[name] for name in known for row in rows], "B", log=False)
    data = [_line(rows, name, xs, ys) for name in known]
    says = "What the system and Python say of it after each cycle."
    return _over_requests("meters", "Meters", says, data, rows, xs, ys.axis())


def _objects(rows: Rows) -> Chart:
    xs, ys = _requests(rows), Scale("", 1.0)
    points = [(row["requests"], row["blocks"]) for row in rows]
    look = {"mode": "lines+markers", "marker": {"size": 5, "color": COLOURS[4]}}
    data = [line(Series("blocks", points, COLOURS[4], look), xs, ys)]
    says = "Blocks that Python has allocated, after each cycle."
    yaxis = {**ys.axis(), "rangemode": "normal", "tickformat": ",", "hoverformat": ","}
    return _over_requests("objects", "Objects", says, data, rows, xs, yaxis)


def _requests(rows: Rows) -> Scale:
    return Scale("k", 1000.0) if rows[-1]["requests"] >= 10_000 else Scale("", 1.0)


def _line(rows: Rows, column: str, xs: Scale, ys: Scale) -> dict[str, Any]:
    name, colour = _METERS[column]
    points = [(row["requests"], row[column]) for row in rows]
    look = {"mode": "lines+markers", "marker": {"size": 5, "color": colour}}
    return line(Series(name, points, colour, look), xs, ys)


def _over_requests(
    name: str,
    title: str,
    says: str,
    data: list[dict[str, Any]],
    rows: Rows,
    xs: Scale,
    yaxis: dict[str, Any],
    *,
    wide: bool = False,
) -> Chart:
    """The warm-up is shaded; all charts of this kind are zoomed together."""
    warm = [row["requests"] / xs.factor for row in rows if not row["kept"]]
    shade = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shade |= {"x0": min(warm), "x1": max(warm), "fillcolor": "--grid", "line": {"width": 0}}
    xaxis = {"rangemode": "normal", "title": {"text": "requests", "standoff": 6}}
    layout = {
        "xaxis": xs.axis() | xaxis,
        "yaxis": yaxis,
        "hovermode": "x unified",
        "shapes": [shade],
    }
    chart = Chart(name, title, says, data, with_legend(layout, data), wide=wide)
    return replace(chart, link="requests")


def _parts(report: Report, parts: Rows) -> Chart:
    """The growth of each part at the rate that the server is judged at."""
    rates = [report.find(_key(part)) for part in parts]
    known = [(lane, rate) for lane, rate in enumerate(rates) if rate is not None]
    limits = [
        (parse_limit(verdict.limit).value, lane)
        for lane, part in enumerate(parts)
        for verdict in report.verdicts
        if verdict.metric == _key(part)
    ]
    xs = scale_for([limit for limit, _ in limits], "B/s", log=False)
    lanes = [(lane, rate.value, rate.low, rate.high) for lane, rate in known]
    data = [intervals("growth", lanes, xs, _USS), *([marks("limit", limits, xs)] if limits else [])]
    says = "Each by itself, at the same rate, with its interval."
    names = [part["component"].replace("_", " ") for part in parts]
    xaxis = xs.axis() | {"rangemode": "normal", "zeroline": True}
    return in_lanes("components", "Growth of the components", says, data, names, xaxis)


def _key(part: Mapping[str, Any]) -> str:
    return f'growth_rate{{component="{part["component"]}"}}'
