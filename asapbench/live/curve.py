"""The ticks that are kept, as a table that grows: the latest rows, and as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from asapbench.live.align import Row, fitting
from asapbench.model import Tick
from asapbench.units import show

_LEAST = 3  # rows, for a heading and a count
_STYLES = {"degraded": "yellow", "severe": "yellow", "broken": "bold red"}


def curve(
    kept: Sequence[Tick], rows: int, *, head: str, choices: Sequence[Sequence[str]], width: int
) -> list[Text]:
    """A heading and the latest that fit in so many rows; of those before them, how many there are.

    Of the columns the first choice that fits.
    """
    shown = kept if len(kept) < rows else kept[-max(1, rows - 2) :]
    earlier = len(kept) - len(shown)
    tables = ((_rows(shown, head, names), f"l{'r' * len(names)}l") for names in choices)
    lines = fitting(tables, width)
    return [lines[0], *_earlier(earlier), *lines[1:]] if rows >= _LEAST else lines[-rows:]


def _earlier(number: int) -> list[Text]:
    return [Text(f"… {number} earlier", "dim")] if number else []


def _rows(kept: Sequence[Tick], head: str, names: Sequence[str]) -> list[Row]:
    heads = (Text(name) for name in names)
    return [(Text(head, "bold"), *heads, Text()), *(_row(tick, names) for tick in kept)]


def _row(tick: Tick, names: Sequence[str]) -> Row:
    known = {name: _cell(value, unit) for name, value, unit in tick.numbers}
    cells = (Text(known.get(name, "–")) for name in names)
    return (Text(tick.phase.split()[-1]), *cells, Text(tick.doing, _STYLES.get(tick.doing, "")))


def _cell(value: float, unit: str) -> str:
    return show(value, unit).removesuffix(" req/s").removesuffix(" cores")
