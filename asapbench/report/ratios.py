"""A comparison as a chart: by what factor each row changed, with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from asapbench.report.figures import QUIET, Chart, Scale, rule
from asapbench.report.lanes import in_lanes, intervals

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Row

_LOOKS = {
    "slower": ("slower", "--fail"),
    "faster": ("faster", "--pass"),
    "~": ("undecided", QUIET),
}
_MOST = 4.0  # ratios beyond this factor of each other are drawn on a logarithmic axis


def ratios(comparison: Comparison) -> Iterator[Chart]:
    """One lane a row, the slowest first; nothing where there is nothing to compare."""
    known = [row for row in comparison.rows if math.isfinite(row.ratio)]
    rows = sorted(known, key=lambda row: -row.ratio)
    if not rows:
        return
    # 1 + the change as a share of a limit may be below zero, where a logarithmic axis has nothing
    xs = Scale("", 1.0, log=0 < _MOST * rows[-1].ratio < rows[0].ratio)
    data = [*_rules(comparison.allowed, len(rows)), *_intervals(rows, xs)]
    says = f"{comparison.new} as a multiple of {comparison.old}: above 1 is worse."
    xaxis = {**xs.axis(), "rangemode": "normal", "title": {"text": "ratio", "standoff": 6}}
    names = [row.key for row in rows]
    yield in_lanes("comparison", "Comparison", says, data, names, xaxis, wide=True)


def _rules(allowed: float, lanes: int) -> Iterator[dict[str, Any]]:
    most, (top, bottom) = 1 + allowed, (-0.5, lanes - 0.5)
    yield rule(f"allowed {most:.4g}", (most, top), (most, bottom))
    same = rule("unchanged", (1.0, top), (1.0, bottom))
    yield same | {"line": {"color": QUIET, "width": 1}, "showlegend": False}


def _intervals(rows: Sequence[Row], xs: Scale) -> Iterator[dict[str, Any]]:
    for change, (name, colour) in _LOOKS.items():
        lanes = [
            (lane, row.ratio, *_bounds(row))
            for lane, row in enumerate(rows)
            if row.change == change
        ]
        if lanes:
            yield intervals(name, lanes, xs, colour)


def _bounds(row: Row) -> tuple[float | None, float | None]:
    return (row.low, row.high) if math.isfinite(row.high) else (None, None)
