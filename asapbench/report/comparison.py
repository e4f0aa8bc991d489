"""A comparison as a table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.comparison import Comparison
from asapbench.report.compared import alone_in, name_of, ratio_of, result_of, share_of, title_of
from asapbench.report.drawing import clean, columns, drawn, hanging

_STYLES = {"slower": "bold red", "faster": "bold green", "~": ""}


def render_comparison(comparison: Comparison, *, width: int, color: bool) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without."""
    return drawn(lambda _: _parts(comparison), width=width, color=color)


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield Text(clean(title_of(comparison)), "bold")
    yield table_of(comparison)
    yield Text(clean(result_of(comparison)))
    for line in alone_in(comparison):
        yield Text(clean(line))
    if comparison.notes:
        yield hanging(
            (Text("Note", "bold yellow"), Text(clean(f"{note.text}\n{note.hint}")))
            for note in comparison.notes
        )


def table_of(comparison: Comparison) -> Table:
    """A line a row."""
    table = columns("COMPARISON", "ratio", "interval", "would see", "change", numbers=True)
    for row in comparison.rows:
        change = Text(row.change, _STYLES[row.change])
        table.add_row(clean(name_of(row)), *ratio_of(row), share_of(row), change)
    return table
