"""The degradation curve in characters: rate answered and p95 over the load."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from asapbench.report.pace import by_users
from asapbench.units import show

_HEIGHT = 8
_WIDTH = 64
_MARGIN = 14
# the eight dots of a braille cell, by column and row from the top
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800

Points = Sequence[tuple[float, float]]


def chart(steps: Sequence[dict[str, Any]], width: int) -> RenderableType:
    """Two small charts, one above the other, over the same axis of users or req/s."""
    closed = by_users(steps)
    field, unit = ("users", "count") if closed else ("offered", "req/s")
    inner = max(10, min(_WIDTH, width - _MARGIN - 1))
    rates = [(float(step[field]), step["achieved"]) for step in steps]
    times = [(float(step[field]), step["p95"]) for step in steps if step["p95"]]
    parts = [*_plot("ACHIEVED", rates, "req/s", inner, logarithmic=False)]
    if len(times) > 1:
        parts += _plot("P95 (log)", times, "s", inner, logarithmic=True)
    most = max(x for x, _ in rates)
    end = show(most, unit) if not closed else f"{most:,.0f} users"
    axis = "0".ljust(inner - len(end)) + end
    return Group(*parts, Text(" " * _MARGIN + axis, "dim"))


def _plot(name: str, points: Points, unit: str, width: int, *, logarithmic: bool) -> list[Text]:
    low = min(y for _, y in points) if logarithmic else 0.0
    high = max(y for _, y in points)
    rows = draw(points, (low, high), width, _HEIGHT // 2, logarithmic=logarithmic)
    labels = [show(high, unit), *[""] * (len(rows) - 2), show(low, unit)]
    lines = [Text(name, "bold")]
    for label, row in zip(labels, rows, strict=True):
        lines.append(Text(f"{label:>{_MARGIN - 2}} ┤{row}".rstrip()))
    return lines


def draw(
    points: Points, bounds: tuple[float, float], width: int, height: int, *, logarithmic: bool
) -> list[str]:
    """Points joined by lines, in braille: `height` lines of `width` characters.

    The horizontal axis begins at 0, the vertical one has these bounds.
    """
    ordered = sorted(points)
    most = max(x for x, _ in ordered) or 1.0
    cells = [[0] * width for _ in range(height)]
    dots_x, dots_y = width * 2 - 1, height * 4 - 1
    at = [
        (round(x / most * dots_x), round((1 - _share(y, bounds, logarithmic)) * dots_y))
        for x, y in ordered
    ]
    for (x0, y0), (x1, y1) in zip(at, at[1:] or at, strict=False):
        for x, y in _line(x0, y0, x1, y1):
            cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
    return ["".join(chr(_BLANK + cell) for cell in row) for row in cells]


def _share(value: float, bounds: tuple[float, float], logarithmic: bool) -> float:
    low, high = bounds
    if logarithmic:
        value, low, high = (math.log(max(number, 1e-9)) for number in (value, low, high))
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0


def _line(x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int]]:
    steps = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [
        (round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps))
        for step in range(steps + 1)
    ]
