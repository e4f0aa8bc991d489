"""Charts as plotly draws them: plain data, made without importing plotly.

Colours are names of CSS variables, which the page replaces by those of its theme. Every text that
may hold a server's words goes through `plain`, since plotly takes some tags in texts for markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from asapbench.model import Report
from asapbench.report.thin import Point, thin
from asapbench.targets import parse_limit
from asapbench.units import unit_for

COLOURS = ("--c1", "--c2", "--c3", "--c4", "--c5", "--c6")
INK, LIMIT, QUIET = "--ink", "--limit", "--muted"
_DECADES = 1.7  # what spans more is drawn on a logarithmic axis
_LEGEND = 28  # pixels above a chart that has one
_LONG = 300  # seconds; longer series are told in minutes


@dataclass(frozen=True)
class Chart:
    """A figure and the words around it; those with one `link` are zoomed together.

    `lanes` are the names of rows that lie below each other, at 0, 1, 2, … of the y axis.
    """

    name: str
    title: str
    says: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]
    wide: bool = False
    link: str = ""
    lanes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    """A line: points in SI base units, and how it looks."""

    name: str
    points: Sequence[Point]
    colour: str
    look: dict[str, Any] = field(default_factory=dict)


def plain(text: str) -> str:
    """Words that plotly shows as they are."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True)
class Scale:
    """The unit in which an axis tells its values, one for all of them.

    A logarithmic one has `ticks` with words of their own: (value, words).
    """

    unit: str
    factor: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    def of(self, value: float | None) -> float | None:
        """A value in that unit, to six digits; None where an axis cannot show it."""
        if value is None or not math.isfinite(value) or (self.log and value <= 0):
            return None
        return float(f"{value / self.factor:.6g}")

    def axis(self) -> dict[str, Any]:
        """The axis with this unit at its ticks."""
        if not self.log:
            suffix = {"ticksuffix": f" {self.unit}".rstrip(), "showticksuffix": "last"}
            return {"rangemode": "tozero", "tickformat": "~r", "hoverformat": ".3~r", **suffix}
        # with prefixes, which tell 10 µs and 1 s apart: where one hovers, and zooms in
        common = {"type": "log", "tickformat": "~s", "hoverformat": ".3~s", "ticksuffix": self.unit}
        if not self.ticks:
            return common
        places, words = zip(*self.ticks, strict=True)
        return {**common, "tickvals": list(places), "ticktext": list(words)}


def scale_for(
    values: Iterable[float | None],
    dimension: str,
    *,
    log: bool | None = None,
    decades: float = _DECADES,
) -> Scale:
    """A unit that suits most values.

    A logarithmic axis where they span more than so many decades, or as told.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    positive = sorted(value for value in known if value > 0)
    if not positive:
        return Scale(*unit_for(1.0, dimension))
    if log is None:
        all_positive = len(positive) == len(known)
        log = all_positive and math.log10(positive[-1] / positive[0]) > decades
    if not log:
        return Scale(*unit_for(positive[-1], dimension))
    ticks = [(place, _named(place, dimension)) for place in _ticks(positive[0], positive[-1])]
    return Scale(dimension, 1.0, log=True, ticks=tuple(ticks))


def _named(place: float, dimension: str) -> str:
    unit, factor = unit_for(place, dimension)
    return f"{float(f'{place / factor:.6g}'):,g} {unit}".rstrip()


def _ticks(least: float, most: float) -> Iterator[float]:
    """The powers of ten from below to above, and multiples of these where they are few."""
    span = math.log10(most / least)
    steps = (1, 2, 5) if span < 1 else (1, 3) if span < _DECADES else (1,)
    for exponent in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1):
        yield from (float(f"{step}e{exponent}") for step in steps)


def line(
    series: Series, xs: Scale, ys: Scale, *, hover: str = "%{y}", custom: Sequence[str] = ()
) -> dict[str, Any]:
    """A trace; what is too long is thinned."""
    points = list(series.points) if custom else thin(series.points)
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": plain(series.name),
        "x": [xs.of(x) for x, _ in points],
        "y": [ys.of(y) for _, y in points],
        "line": {"color": series.colour, "width": 1.75},
        "hovertemplate": hover,
        **series.look,
    }
    return trace | ({"customdata": list(custom)} if custom else {})


def rule(name: str, start: tuple[float, float], end: tuple[float, float]) -> dict[str, Any]:
    """A dashed straight line between two points, in the units of the axes: a limit."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": [start[0], end[0]],
        "y": [start[1], end[1]],
        "line": {"color": LIMIT, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }


def filled(colour: str, **more: Any) -> dict[str, Any]:
    """The look of a line with its area."""
    return {"fill": "tozeroy", "fillcolor": f"{colour}-soft"} | more


def over_time(
    name: str,
    title: str,
    says: str,
    series: Sequence[Series],
    dimension: str,
    limits: Sequence[tuple[str, float]] = (),
    *,
    wide: bool = False,
    log: bool | None = False,
) -> Chart:
    """Series over the seconds of a run, with their limits as (name, value)."""
    values = [y for one in series for _, y in one.points]
    ys = scale_for([*values, *(limit for _, limit in limits)], dimension, log=log)
    times = [x for one in series for x, _ in one.points]
    first, last = min(times, default=0.0), max(times, default=1.0)
    xs = Scale("min", 60.0) if last > _LONG else Scale("s", 1.0)
    rules = [
        rule(text, (first / xs.factor, limit / ys.factor), (last / xs.factor, limit / ys.factor))
        for text, limit in limits
    ]
    layout = {
        "xaxis": {"ticksuffix": f" {xs.unit}", "hoverformat": "~r"},
        "yaxis": ys.axis(),
        "hovermode": "x unified",
    }
    data = [*rules, *(line(one, xs, ys) for one in series)]
    return Chart(name, title, says, data, with_legend(layout, data), wide=wide, link="time")


def with_legend(layout: dict[str, Any], data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The layout with a legend above, where there is more than one thing to tell apart."""
    several = sum(trace.get("showlegend", True) for trace in data) > 1
    return {
        **layout,
        "showlegend": several,
        "margin": {"t": _LEGEND if several else 8, "r": 16, "b": 8, "l": 12},
    }


def limit_text(limit: str) -> str:
    """A limit in the words of its table, for a legend."""
    return f"limit {limit}"


def limits_of(report: Report, *names: str) -> list[tuple[str, float]]:
    """The limits that the table sets for these metrics, without labels: (words, value)."""
    return [
        (limit_text(f"{verdict.metric} {verdict.limit}"), parse_limit(verdict.limit).value)
        for verdict in report.verdicts
        if verdict.metric in names
    ]


def share_text(q: float) -> str:
    """A quantile as people name it: 0.999 is "99.9 %"; 1 is the maximum."""
    return "max" if q >= 1 else f"{100 * q:.6g} %"
