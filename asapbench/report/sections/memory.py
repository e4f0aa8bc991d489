"""The readings of a memory run, its parts by themselves, and the lines where it grows."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, RenderableType

from asapbench.model import Report


def tables(report: Report, console: Console) -> Iterator[RenderableType]:
    """The readings."""
    yield from ()


def totals(report: Report) -> Iterator[tuple[str, str]]:
    """What was held, and how it grew."""
    yield from ()


def appendix(report: Report) -> Iterator[RenderableType]:
    """The parts."""
    yield from ()
