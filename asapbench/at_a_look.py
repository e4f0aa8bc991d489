"""The requests that are open while a run goes on: no generator has written them down yet.

A generator writes a row when its request ends, and those of what is open or owed when it stops.
Whoever looks before that sees a slow server as one that was asked for less. But each user has its
slots one stride apart, and works them off in their order: behind the last one that is written,
those up to now are open, the first of them sent, the others owed. What a generator that stands
still has not given out is none of them: they reach to its last beat.

What was sent just before the look has hardly waited, however long it will take. So a look judges
what was planned up to as long before it as answers take, but never less than half of the window:
where answers take longer than that, most of what is judged is open. How long that has waited is a
lower bound, which may miss a limit and never meets one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from asapbench.model import Measurement, Metric, Run, Window
from asapbench.offer import PULSE, REQUESTS, Flag, Outcome
from asapbench.samples import PERCENTILES, Requests, longest_answer, rows_of
from asapbench.stats import Array

_MOST = 1_000_000  # rows; more are owed only by a plan beyond all reach
_CUT = 0.5  # of the window, at most
_FEW = 0.1  # of those that may lie beyond a percentile
_UNKNOWN = 255  # the endpoint, which the generator has not drawn yet


def looked_at(run: Run, window: Window, stride: float) -> tuple[Run, Window]:
    """The run with what is open, and the part of the window that a look at its end can judge."""
    end = window.end - min(longest_answer(rows_of(run)), _CUT * (window.end - window.start))
    return with_open(run, window, stride), window.model_copy(update={"end": end})


def without_ends(metrics: Iterable[Metric], requests: Requests) -> Iterator[Metric]:
    """The metrics, but for upper bounds of times that what is open may still exceed."""
    waited = requests.where(requests.open).latency()
    for metric in metrics:
        exceeded = len(waited) and _exceeded(metric, waited)
        yield metric.model_copy(update=_endless(metric)) if exceeded else metric


def _exceeded(metric: Metric, waited: Array) -> bool:
    """Whether those that have waited so long may lie on the other side of the bound when done.

    Which endpoint is open nobody knows, so none of them is in the times of one.
    """
    kind, _, summary = metric.name.partition(".")
    if kind not in {"latency", "service_time"} or summary == "min":
        return False
    if summary not in PERCENTILES or metric.high is None:
        return True
    unseen = len(waited) if metric.labels else 0
    beyond = (1 - PERCENTILES[summary]) * metric.n
    return unseen > _FEW * beyond or float(waited.min()) < metric.high


def _endless(metric: Metric) -> dict[str, float]:
    return {"low": metric.value if metric.low is None else metric.low, "high": np.inf}


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
    users, planned, free = _last_slots(table)
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


def _last_slots(table: Measurement) -> tuple[Array, Array, Array]:
    """Of each user its last slot that is written, and when it was last free."""
    users, each = np.unique(table.columns["user"], return_inverse=True)
    planned, free = (np.full(len(users), -np.inf) for _ in range(2))
    np.maximum.at(planned, each, table.columns["planned"])
    np.maximum.at(free, each, table.columns["done"])
    return users, planned, free
