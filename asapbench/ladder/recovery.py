"""How long a server needs until it is healthy again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asapbench.ladder.rung import Rule, Rung, State, judge
from asapbench.ladder.search import LITTLE_LESS, find
from asapbench.samples import Requests, Rows

_BIN = 0.25  # seconds
_STEADY = 4  # bins in a row, up to the end
_ORDER: tuple[State, ...] = ("healthy", "degraded", "severe", "broken")


@dataclass(frozen=True)
class Refuge:
    """The load to drop to after one that was too much, and the worst state that is well there."""

    level: float
    worst: State


def refuge(history: Sequence[Rung], level: float) -> Refuge:
    """The highest load that was sustained, or, where none was, half of the one that was not.

    Half may be too much as well, so that there any answer will do.
    """
    good = find(history).good
    return Refuge(good.level, good.state) if good else Refuge(level / 2, "broken")


def collapsed(history: Sequence[Rung]) -> bool:
    """Whether the last step broke and answered less than a lower load, so that it may be over."""
    last, good = history[-1], find(history).good
    least = LITTLE_LESS * good.achieved if good and good.level < last.level else 0.0
    return last.broken and last.achieved <= least


def recovered(
    requests: Requests, rules: Sequence[Rule], worst: State = "healthy", gap: float = 0.0
) -> float | None:
    """Seconds from the start of a window until each quarter of a second is no worse than `worst`.

    What counts is what is answered in that time, whenever it was planned; for `gap` seconds there
    need be no answer. None where that is not so for a second at the end of the window.
    """
    window, rows = requests.window, requests.ended
    bins = int((window.end - window.start) / _BIN)
    index = ((rows.done - window.start) / _BIN).astype(int)
    parts = [rows.where(index == number) for number in range(bins)]
    steady = _steady(parts, rules, worst, gap)
    return (bins - steady) * _BIN if steady >= _STEADY else None


def _steady(parts: Sequence[Rows], rules: Sequence[Rule], worst: State, gap: float) -> int:
    """How many parts up to the end are well; none where nothing was served in them."""
    well, silent, served = 0, 0.0, False
    for number, rows in enumerate(reversed(parts), start=1):
        if not len(rows.planned):
            silent += _BIN
            if silent > gap:
                break
            continue
        if _ORDER.index(_state(rows, rules)) > _ORDER.index(worst):
            break
        silent, well, served = 0.0, number, served or bool(rows.served.any())
    return well if served else 0


def _state(rows: Rows, rules: Sequence[Rule]) -> State:
    latency = rows.latency()
    values: dict[str, float | None] = {"error_rate": float(rows.failed.mean())}
    if len(latency):
        values |= {f"latency.p{q}": float(np.quantile(latency, q / 100)) for q in (50, 95, 99)}
    return judge(values, rules)[0]
