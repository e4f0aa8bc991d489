"""A comparison as a table for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from asapbench.comparison import Comparison, Row
from asapbench.report.drawing import clean, columns, drawn, hanging

_NAMED = 5  # benchmarks that are in one of the two alone
_STYLES = {"slower": "bold red", "faster": "bold green", "~": ""}


def render_comparison(comparison: Comparison, *, width: int, color: bool) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without."""
    return drawn(lambda _: parts(comparison), width=width, color=color)


def parts(comparison: Comparison) -> Iterator[RenderableType]:
    """What is drawn, one below the other."""
    yield Text(clean(f"{comparison.new} against {comparison.old}"), "bold")
    table = columns("COMPARISON", "ratio", "interval", "would see", "change", numbers=True)
    for row in comparison.rows:
        change = Text(row.change, _STYLES[row.change])
        table.add_row(clean(name_of(row)), f"{row.ratio:.3f}", _interval(row), _share(row), change)
    yield table
    yield Text(_sentence(comparison))
    for label, keys in (("only before", comparison.only_old), ("only now", comparison.only_new)):
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            yield Text(clean(f"{label}: {', '.join(keys[:_NAMED])}{more}"))
    if comparison.notes:
        yield hanging(
            (Text("Note", "bold yellow"), Text(clean(f"{note.text}\n{note.hint}")))
            for note in comparison.notes
        )


def name_of(row: Row) -> str:
    """What is compared; of what may be zero not a ratio but a change, as a share of its limit."""
    return row.key if row.of == "old" else f"{row.key}, 1 + change / limit"


def _interval(row: Row) -> str:
    return f"[{row.low:.3f}, {row.high:.3f}]" if math.isfinite(row.high) else "–"


def _share(row: Row) -> str:
    return f"{row.smallest:.1%}" if math.isfinite(row.smallest) else "–"


def _sentence(comparison: Comparison) -> str:
    if not comparison.rows:
        return "NOTHING TO COMPARE: no benchmark is in both"
    beyond = comparison.too_slow
    if beyond:
        keys = ", ".join(row.key for row in beyond)
        return clean(f"SLOWER BY MORE THAN {comparison.allowed:.0%}: {keys}")
    counts = dict.fromkeys(("slower", "faster", "~"), 0)
    for row in comparison.rows:
        counts[row.change] += 1
    return (
        f"NOTHING IS PROVEN TO BE SLOWER BY MORE THAN {comparison.allowed:.0%} "
        f"({counts['slower']} slower, {counts['faster']} faster, {counts['~']} undecided)"
    )
