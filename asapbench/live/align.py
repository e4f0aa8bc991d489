"""Cells below each other as lines of text.

What rich.table does as well, but it takes twenty times as long; this is drawn while others measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.text import Text

_GAP = 2

Row = Sequence[Text]


def aligned(rows: Sequence[Row], justify: str) -> list[Text]:
    """A line a row; `justify` has an l (left) or r (right) for each column."""
    sizes = _sizes(rows)
    return [_line(row, sizes, justify) for row in rows]


def fitting(tables: Iterable[tuple[Sequence[Row], str]], width: int) -> list[Text]:
    """The first table, with how to justify it, that is not too wide; the last if all are."""
    for rows, justify in tables:
        lines = aligned(rows, justify)
        if lines[0].cell_len <= width:
            break
    return lines


def ended(line: Text, width: int) -> Text:
    """A line without blanks at its end that is not longer than there is room."""
    line.rstrip()
    line.truncate(width, overflow="ellipsis")
    return line


def _line(row: Row, sizes: Sequence[int], justify: str) -> Text:
    line = Text(no_wrap=True)
    for cell, size, side in zip(row, sizes, justify, strict=True):
        line.append(" " * (_GAP if line else 0))
        blank = " " * (size - cell_len(cell.plain))
        line.append(blank if side == "r" else "").append_text(cell)
        line.append(blank if side == "l" else "")
    return line


def _sizes(rows: Sequence[Row]) -> list[int]:
    return [max(cell_len(cell.plain) for cell in column) for column in zip(*rows, strict=True)]
