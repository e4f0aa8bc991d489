"""What would follow from the metrics as they are so far: provisional, and called so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal

from rich.text import Text

from asapbench.live.align import Row, fitting
from asapbench.model import Outcome, Verdict
from asapbench.report.words import measured

State = Literal["missed", "open", "not yet", "met"]

# the worst first: these are shown where not all can be
_STYLES: dict[State, str] = {"missed": "red", "open": "yellow", "not yet": "dim", "met": "green"}
_STATES: dict[Outcome, State] = {
    "pass": "met",
    "fail": "missed",
    "inconclusive": "open",
    "invalid": "not yet",
}
_SIDES = {"limit": "r", "measured": "r", "state": "l"}
_HEAD = Text("SO FAR", "bold")
_MANY = 8
_VALUE = 12  # characters, so that the columns stay where they are
_LABEL = re.compile(r'[{,]\w+="([^"]*)"}?')


def so_far(verdicts: Sequence[Verdict], rows: int, *, width: int) -> list[Text]:
    """A heading and the verdicts, in so many rows: where they are too many, the worst of them."""
    shown = _worst(verdicts, rows - 1)
    left = Counter(map(_state, verdicts)) - Counter(map(_state, shown))
    if not shown:
        return [Text.assemble(_HEAD, f"  {_counted(left)}")]
    lines = fitting(_tables(shown), width)
    return [*lines, Text(f"and {_counted(left)}", "dim")] if left else lines


def rows_of(verdicts: Sequence[Verdict]) -> int:
    """How many rows it takes to show them all."""
    told = _told(verdicts)
    return len(told) + 1 + (len(told) < len(verdicts)) if told else 1


def _told(verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    """Those that are worth a row: many of which nothing is known are not."""
    known = [verdict for verdict in verdicts if _state(verdict) != "not yet"]
    return verdicts if len(verdicts) - len(known) <= _MANY else known


def _worst(verdicts: Sequence[Verdict], rows: int) -> Sequence[Verdict]:
    """Those that there is room for beside a line that counts the others, if there are any."""
    told = _told(verdicts)
    if len(told) <= rows - (len(told) < len(verdicts)):
        return told
    order = list(_STYLES)
    by_state = sorted(told, key=lambda verdict: order.index(_state(verdict)))
    return by_state[: max(0, rows - 1)]


def _state(verdict: Verdict) -> State:
    return _STATES[verdict.outcome]


def _counted(counts: Counter[State]) -> str:
    return ", ".join(f"{counts[state]} {state}" for state in _STYLES if counts[state])


def _short(metric: str, most: int = 1000) -> str:
    """A metric without the names of its labels, and no longer than that."""
    words = _LABEL.sub(r" \1", metric)
    return words if len(words) <= most else words[: most - 1] + "…"


# the columns beside the metric, and how that is written; the first that fit are taken
_CHOICES: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    (("limit", "measured", "state"), str),
    (("limit", "measured", "state"), _short),
    (("measured", "state"), _short),
    (("measured", "state"), partial(_short, most=24)),
    (("state",), partial(_short, most=30)),
)


def _tables(verdicts: Sequence[Verdict]) -> Iterator[tuple[list[Row], str]]:
    for names, written in _CHOICES:
        heads = (Text("" if name == "state" else name) for name in names)
        rows = (_row(verdict, names, written) for verdict in verdicts)
        yield [(_HEAD, *heads), *rows], "l" + "".join(_SIDES[name] for name in names)


def _row(verdict: Verdict, names: Sequence[str], written: Callable[[str], str]) -> Row:
    state = _state(verdict)
    cells = {
        "limit": Text(verdict.limit),
        "measured": Text(f"{measured(verdict):>{_VALUE}}"),
        "state": Text(state, _STYLES[state]),
    }
    return (Text(written(verdict.metric)), *(cells[name] for name in names))
