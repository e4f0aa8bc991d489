"""What the tables of all commands are drawn with on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from asapbench.model import Report
from asapbench.units import show

_GAP = 5
_PAD = 2  # columns between those of a table
_ENDLESS = 10_000


def drawn(parts: Callable[[Console], Iterable[RenderableType]], *, width: int, color: bool) -> str:
    """What is drawn for a console, one below the other: lines at most `width` columns wide.

    With ANSI colours or without. A table that would not fit is drawn as a list.
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
        console.print(_narrowed(part, console))
        console.print()
    lines = (line.rstrip() for line in out.getvalue().rstrip().splitlines())
    return "\n".join(lines) + "\n"


def shown(report: Report, key: str) -> str:
    metric = report.find(key)
    if metric is None:
        return "–"
    return show(metric.value, metric.unit)


def columns(first: str, *others: str, numbers: bool = False) -> Table:
    """A table of numbers, or of words, of which only the last column is wrapped."""
    table = Table(box=None, padding=(0, _PAD, 0, 0), pad_edge=False, header_style="none")
    table.add_column(Text(first, "bold"), no_wrap=True)
    for number, name in enumerate(others, start=1):
        wraps = not numbers and number == len(others)
        justify: Literal["left", "right"] = "right" if numbers else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=not wraps)
    return table


def hanging(rows: Iterable[tuple[Text, Text]]) -> RenderableType:
    table = Table.grid(padding=(0, _PAD))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _narrowed(part: RenderableType, console: Console) -> RenderableType:
    """The same, but no table whose words would have to be broken or left out."""
    if isinstance(part, Group):
        return Group(*(_narrowed(inner, console) for inner in part.renderables))
    if isinstance(part, Table) and _least(part, console) > console.width:
        return _listed(part, console.width)
    return part


def _least(table: Table, console: Console) -> int:
    """Columns that a table takes at least: what wraps needs room for its longest word."""
    unbounded = console.options.update(width=_ENDLESS)
    widths = []
    for column in table.columns:
        cells = [Measurement.get(console, unbounded, cell) for cell in _cells(column)]
        widths.append(max(c.maximum if column.no_wrap else c.minimum for c in cells))
    return sum(widths) + _PAD * (len(widths) - 1)


def _cells(column: Column) -> list[RenderableType]:
    return [column.header, *column.cells]


def _listed(table: Table, width: int) -> RenderableType:
    """A row below the other: what it is about, then its cells with their heads, or as a line."""
    first, *others = table.columns
    heads = [_text(column.header) for column in others]
    parts: list[RenderableType] = [first.header] if _text(first.header).plain else []
    for name, *cells in zip(*(column.cells for column in table.columns), strict=True):
        label = _text(name)
        parts.append(_short(label, width))
        indent = len(label.plain) - len(label.plain.lstrip()) + _PAD
        room = width - indent
        told = [(head, _text(cell)) for head, cell in zip(heads, cells, strict=True)]
        if inner := [(head, _short(cell, room)) for head, cell in told if cell.plain]:
            parts.append(Padding(_told(inner, room), (0, 0, 0, indent)))
    return Group(*parts)


def _short(text: Text, room: int) -> Text:
    """With the labels of a metric apart from its name, where together they have no room."""
    for word in text.plain.split():
        if len(word) > room:
            text = Text(text.plain.replace(word, word.replace("{", " {")), text.style)
    return text


def _told(pairs: Sequence[tuple[Text, Text]], room: int) -> RenderableType:
    if not any(head.plain for head, _ in pairs):
        return _filled([piece for _, cell in pairs for piece in _pieces(cell)], room)
    lines = Table.grid(padding=(0, _PAD))
    lines.add_column(no_wrap=True)
    beside = room - _PAD - max(head.cell_len for head, _ in pairs)
    for head, cell in pairs:
        fitting = cell.cell_len <= beside
        lines.add_row(head, cell if fitting else Text("\n").join(_pieces(cell)))
    return lines


def _pieces(cell: Text) -> list[Text]:
    """A value apart from its interval, which is not to be broken."""
    text = Text(" ").join(cell.split())
    value, found, _ = text.plain.partition(" [")
    return [text[: len(value)], text[len(value) + 1 :]] if found else [text]


def _filled(pieces: Sequence[Text], room: int) -> Text:
    """As many on a line as it has room for."""
    lines = [Text()]
    for piece in pieces:
        gap = " " if piece.plain.startswith("[") else " " * _PAD
        longer = Text.assemble(lines[-1], gap, piece) if lines[-1].plain else piece
        if longer.cell_len <= room or not lines[-1].plain:
            lines[-1] = longer
        else:
            lines.append(piece)
    return Text("\n").join(lines)


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def fits(renderable: RenderableType, console: Console) -> bool:
    # measured as if there were no edge: what does not fit is else measured as what it is cut to
    unbounded = console.options.update(width=_ENDLESS)
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
