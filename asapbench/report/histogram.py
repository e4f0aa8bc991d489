"""The distributions of a micro run as one SVG: a strip a benchmark, its target as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as Xml

from asapbench.model import Report, Verdict
from asapbench.targets import parse_limit
from asapbench.units import show

_WIDTH, _LEFT, _RIGHT, _STRIP, _TOP = 960, 330, 130, 34, 44
_BINS = 24
_COLOURS = {"pass": "#2a7f3f", "fail": "#b3261e", "inconclusive": "#b07c00", "invalid": "#8a2be2"}
_PLAIN = "#41618f"


def render_histogram(report: Report) -> str:
    """An SVG. All strips have one logarithmic axis, of the seconds of an operation."""
    rows: Sequence[Mapping[str, Any]] = report.details.get("benchmarks", [])
    verdicts = {verdict.metric: verdict for verdict in report.verdicts}
    limits = [allowed(row, verdicts.get(row["metric"])) for row in rows]
    axis = _Axis([value for row in rows for value in row["values"]] + [x for x in limits if x])
    height = _TOP + _STRIP * len(rows) + 40
    svg = Xml.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=str(_WIDTH),
        height=str(height),
    )
    svg.set("font-family", "sans-serif")
    svg.set("font-size", "12")
    Xml.SubElement(svg, "rect", width="100%", height="100%", fill="white")
    _text(svg, 12, 22, "Time of an operation, by worker process; the target as a line", size=14)
    axis.draw(svg, height)
    for number, (row, limit) in enumerate(zip(rows, limits, strict=True)):
        verdict = verdicts.get(row["metric"])
        _strip(svg, axis, row, limit, verdict, _TOP + _STRIP * (number + 1))
    return Xml.tostring(svg, encoding="unicode") + "\n"


class _Axis:
    """Logarithmic, from the shortest to the longest time and a little beyond."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self.low = math.log10(min(seconds, default=1e-6)) - 0.1
        self.high = math.log10(max(seconds, default=1e-3)) + 0.1

    def at(self, seconds: float) -> float:
        share = (math.log10(seconds) - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def draw(self, svg: Xml.Element, height: int) -> None:
        for decade in range(math.ceil(self.low), math.floor(self.high) + 1):
            x = self.at(10.0**decade)
            _line(svg, x, _TOP, x, height - 30, "#dddddd")
            _text(svg, x, height - 12, show(10.0**decade, "s"), anchor="middle")


def _strip(
    svg: Xml.Element,
    axis: _Axis,
    row: Mapping[str, Any],
    limit: float | None,
    verdict: Verdict | None,
    base: int,
) -> None:
    colour = _COLOURS[verdict.outcome] if verdict else _PLAIN
    _text(svg, 12, base - 6, f"{row['group']}/{row['name']}")
    _line(svg, _LEFT, base, _WIDTH - _RIGHT, base, "#bbbbbb")
    for x, width, share in _bars(axis, row["values"]):
        tall = share * (_STRIP - 8)
        bar = {"x": f"{x:.1f}", "y": f"{base - tall:.1f}", "width": f"{width:.1f}"}
        Xml.SubElement(svg, "rect", {**bar, "height": f"{tall:.1f}", "fill": colour})
    if limit:
        _line(svg, axis.at(limit), base - _STRIP + 4, axis.at(limit), base, "#000000", "4 2")
    shown = show(row["mean"], "s") + (f"  {verdict.outcome}" if verdict else "")
    _text(svg, _WIDTH - _RIGHT + 10, base - 6, shown)


def _bars(axis: _Axis, values: Sequence[float]) -> list[tuple[float, float, float]]:
    """Left edge, width and height (a share of the highest) of each bin that holds something."""
    places = [axis.at(value) for value in values]
    low, high = min(places), max(places)
    width = max((high - low) / _BINS, 1.5)
    counts: dict[int, int] = {}
    for place in places:
        bin_ = min(int((place - low) / width), _BINS - 1)
        counts[bin_] = counts.get(bin_, 0) + 1
    most = max(counts.values())
    return [(low + bin_ * width, width, count / most) for bin_, count in sorted(counts.items())]


def allowed(row: Mapping[str, Any], verdict: Verdict | None) -> float | None:
    """The limit as seconds of an operation."""
    if verdict is None:
        return None
    limit = parse_limit(verdict.limit).value
    if limit <= 0:
        return None
    return row["items"] / limit if row["rate"] else limit


def _line(
    svg: Xml.Element, x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = ""
) -> None:
    places = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}"}
    more = {"stroke-dasharray": dashes} if dashes else {}
    Xml.SubElement(svg, "line", {**places, "stroke": colour, **more})


def _text(
    svg: Xml.Element, x: float, y: float, words: str, *, anchor: str = "start", size: int = 12
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "font-size": str(size)}
    Xml.SubElement(svg, "text", place).text = words
