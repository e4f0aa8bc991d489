"""The requests that are open while a run goes on: no generator has written them down yet.

A generator writes a row when its request ends, and those of what is open or owed when it stops.
Whoever looks before that sees a slow server as one that was asked for less. But each user has its
slots one stride apart, and works them off in their order: behind the last one that is written,
those up to now are open, the first of them sent, the others owed. What a generator that stands
still has not given out is none of them: they reach to its last beat.

What was sent just before the look has hardly waited, however long it will take. So a look judges
what was planned up to as long before it as answers take.
"""

from __future__ import annotations

import numpy as np

from asapbench.model import Measurement, Run, Window
from asapbench.offer import PULSE, REQUESTS, Flag, Outcome
from asapbench.samples import longest_answer, rows_of
from asapbench.stats import Array

_MOST = 1_000_000  # rows; more are owed only by a plan beyond all reach
_UNKNOWN = 255  # the endpoint, which the generator has not drawn yet


def looked_at(run: Run, window: Window, stride: float) -> tuple[Run, Window]:
    """The run with what is open, and the part of the window that a look at its end can judge."""
    end = max(window.start, window.end - longest_answer(rows_of(run)))
    return with_open(run, window, stride), window.model_copy(update={"end": end})


def with_open(run: Run, window: Window, stride: float) -> Run:
    """The run with the requests that are open at the end of a window; `stride` seconds apart."""
    until = _until(run, window)
    more = [_open(table, until, stride) for table in run.tables(REQUESTS.name)]
    return Run(run.story, (*run.measurements, *more), run.parts)


def _until(run: Run, window: Window) -> float:
    """The end of the window, or the last sign of life of a generator that stands still."""
    beats = (table.columns["at"] for table in run.tables(PULSE.name))
    return min([window.end, *(float(at.max(initial=-np.inf)) for at in beats)])


def _open(table: Measurement, until: float, stride: float) -> Measurement:
    users, planned, free = _latest(table)
    counts = np.maximum(0, np.ceil((until - planned) / stride - 1e-9).astype(int) - 1)
    if counts.sum() > _MOST:
        counts[:] = 0
    each = np.repeat(np.arange(len(users)), counts)
    number = np.arange(len(each)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    due = planned[each] + number * stride
    first = number == 1
    waited = ~first | (due < free[each])
    unknown = np.full(len(each), np.nan)
    columns = {
        "planned": due,
        "sent": np.where(first, np.minimum(until, np.maximum(due, free[each])), np.nan),
        "done": np.full(len(each), until),
        "code": np.zeros(len(each), int),
        "user": users[each],
        "endpoint": np.full(len(each), _UNKNOWN),
        "outcome": np.full(len(each), Outcome.OK.value),
        "flags": Flag.CENSORED.value + Flag.WAITED.value * waited,
        "arrived": unknown,
        "departed": unknown,
    }
    return Measurement(table.name, columns, table.units, table.labels)


def _latest(table: Measurement) -> tuple[Array, Array, Array]:
    """Of each user its last slot that is written, and when it was last free."""
    users, each = np.unique(table.columns["user"], return_inverse=True)
    planned, free = (np.full(len(users), -np.inf) for _ in range(2))
    np.maximum.at(planned, each, table.columns["planned"])
    np.maximum.at(free, each, table.columns["done"])
    return users, planned, free
