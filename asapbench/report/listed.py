"""What the terminal shows as tables, for a page: the same cells, so the same digits."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.model import Report
from asapbench.report.comparison import table_of

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

_WIDTH = 400  # columns: no table is narrowed, and what is no table stays on its lines


@dataclass(frozen=True)
class Listed:
    """A table: its title, its other column heads, rows of words; `right`: columns of numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]


def tables_of(report: Report, comparison: Comparison | None) -> list[Listed]:
    """The tables of a command's section, the widest of those that it offers, and its appendix.

    With a comparison its table comes first.
    """
    section = import_module(f"asapbench.report.sections.{report.story.command}")
    console = Console(width=_WIDTH, file=io.StringIO(), color_system=None)
    own = (*section.tables(report, console), *section.appendix(report))
    return list(_tables((*([table_of(comparison)] if comparison else []), *own)))


def totals_of(report: Report) -> list[tuple[str, str]]:
    """What the terminal shows as totals: names and values."""
    section = import_module(f"asapbench.report.sections.{report.story.command}")
    return list(section.totals(report))


def _tables(parts: Iterable[RenderableType]) -> Iterator[Listed]:
    for part in parts:
        if isinstance(part, Group):
            yield from _tables(part.renderables)
        elif isinstance(part, Table):
            yield _table(part)


def _table(table: Table) -> Listed:
    header = tuple(_words(column.header) for column in table.columns)
    cells = [[_words(cell) for cell in column.cells] for column in table.columns]
    return Listed(
        title=header[0].capitalize() if header else "",
        header=header[1:],
        rows=tuple(zip(*cells, strict=True)),
        right=tuple(column.justify == "right" for column in table.columns),
    )


def _words(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)
