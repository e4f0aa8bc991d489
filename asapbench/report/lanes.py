"""Charts of many named rows: a lane each, the first at the top.

The page sets their height, and puts the names beside the lanes or, on a phone, above them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asapbench.report.figures import LIMIT, Chart, Scale, plain, with_legend

Lane = tuple[int, float, float | None, float | None]  # number, value, low, high


def in_lanes(
    name: str,
    title: str,
    says: str,
    data: list[dict[str, Any]],
    lanes: Sequence[str],
    xaxis: dict[str, Any],
    *,
    wide: bool = False,
) -> Chart:
    """A chart whose traces have the number of a lane for their y."""
    layout = with_legend({"xaxis": {"showgrid": True, **xaxis}, "hovermode": "closest"}, data)
    names = tuple(map(plain, lanes))
    return Chart(name, title, says, data, layout, wide=wide, lanes=names)


def marks(name: str, limits: Sequence[tuple[float, int]], xs: Scale) -> dict[str, Any]:
    """An upright line in each lane that has a limit."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(name),
        "x": [xs.of(limit) for limit, _ in limits],
        "y": [lane for _, lane in limits],
        "marker": {"symbol": "line-ns", "size": 16, "line": {"width": 2.5, "color": LIMIT}},
        "hovertemplate": "limit %{x}<extra></extra>",
    }


def intervals(name: str, lanes: Sequence[Lane], xs: Scale, colour: str) -> dict[str, Any]:
    """A dot in each of these lanes, and its interval where it has one."""
    reach = [(xs.of(value), xs.of(low), xs.of(high)) for _, value, low, high in lanes]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": plain(name),
        "x": [value for value, _, _ in reach],
        "y": [lane for lane, *_ in lanes],
        "marker": {"size": 8, "color": colour},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_apart(high, value) for value, _, high in reach],
            "arrayminus": [_apart(value, low) for value, low, _ in reach],
            "color": colour,
            "thickness": 1.75,
            "width": 4,
        },
        "customdata": [[low, high] for _, low, high in reach],
        "hovertemplate": "%{x} [%{customdata[0]:.3~r}, %{customdata[1]:.3~r}]<extra></extra>",
    }


def _apart(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else high - low
