"""What the tables of all commands are drawn with on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from asapbench.model import Report
from asapbench.units import show

_GAP = 5


def drawn(parts: Callable[[Console], Iterable[RenderableType]], *, width: int, color: bool) -> str:
    """What is drawn for a console, one below the other: lines at most `width` columns wide.

    With ANSI colours or without.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,  # what a server said may look like markup
        emoji=False,
    )
    for part in parts(console):
        console.print(part)
        console.print()
    lines = (line.rstrip() for line in out.getvalue().rstrip().splitlines())
    return "\n".join(lines) + "\n"


def shown(report: Report, key: str) -> str:
    metric = report.find(key)
    if metric is None:
        return "–"
    return show(metric.value, metric.unit)


def columns(first: str, *others: str, numbers: bool = False) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="none")
    table.add_column(Text(first, "bold"), no_wrap=numbers)
    for name in others:
        table.add_column(
            name, justify="right" if numbers else "left", overflow="fold", no_wrap=numbers
        )
    return table


def hanging(rows: Iterable[tuple[Text, Text]]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def fits(renderable: RenderableType, console: Console) -> bool:
    # measured as if there were no edge: what does not fit is else measured as what it is cut to
    unbounded = console.options.update(width=10_000)
    return Measurement.get(console, unbounded, renderable).maximum <= console.width


def clean(text: str) -> str:
    """Without the colours and control characters that a server's words may hold."""
    lines = Text.from_ansi(text).plain.split("\n")
    return "\n".join("".join(filter(str.isprintable, line)) for line in lines)


def beside(left: RenderableType | None, right: RenderableType, console: Console) -> RenderableType:
    if left is None:
        return right
    grid = Table.grid(padding=(0, _GAP))
    grid.add_row(left, right)
    return grid if fits(grid, console) else Group(left, Text(), right)
