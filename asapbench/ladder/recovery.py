"""How long a server needs until it is healthy again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asapbench.ladder.rung import Rule, State, judge
from asapbench.samples import Requests, Rows

_BIN = 0.25  # seconds
_STEADY = 4  # bins in a row, up to the end
_ORDER: tuple[State, ...] = ("healthy", "degraded", "severe", "broken")


def recovered(requests: Requests, rules: Sequence[Rule], worst: State = "healthy") -> float | None:
    """Seconds from the start of a window until each quarter of a second is no worse than `worst`.

    What counts is what is answered in that time, whenever it was planned. None where that is not so
    for a second at the end of the window.
    """
    window, rows = requests.window, requests.ended
    bins = int((window.end - window.start) / _BIN)
    index = ((rows.done - window.start) / _BIN).astype(int)
    good = [
        _ORDER.index(_state(rows.where(index == number), rules)) <= _ORDER.index(worst)
        for number in range(bins)
    ]
    steady = next((n for n, fine in enumerate(reversed(good)) if not fine), bins)
    return (bins - steady) * _BIN if steady >= _STEADY else None


def _state(rows: Rows, rules: Sequence[Rule]) -> State:
    if not len(rows.planned):
        return "broken"
    latency = rows.latency()
    values: dict[str, float | None] = {"error_rate": float(rows.failed.mean())}
    if len(latency):
        values |= {f"latency.p{q}": float(np.quantile(latency, q / 100)) for q in (50, 95, 99)}
    return judge(values, rules)[0]
