"""What the processes and the machine used while a window lasted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from asapbench import stats
from asapbench.model import Measurement, Metric, Run, Window
from asapbench.stats import Array

PROCESSES, MACHINE = "resources", "machine"  # the names of their tables
_FEWEST_SECONDS = 5  # of which a mean gets bounds
_SUMS = ("cpu", "waited", "switches", "preempted")


def cpu_and_memory(
    run: Run, window: Window, confidence: float = stats.CONFIDENCE
) -> Iterator[Metric]:
    """Cores used on average, and the most memory held, by each process that was sampled.

    Several generators also have a sum, under the name of one.
    """
    used = [
        metric
        for table in run.tables(PROCESSES)
        for metric in _cpu_and_memory(table, window, confidence)
    ]
    yield from used
    for kind in ("cpu", "rss"):
        several = [m for m in used if re.fullmatch(rf"generator-\d+\.{kind}", m.name)]
        if several:
            yield _sum(f"generator.{kind}", several)


def _sum(name: str, metrics: Sequence[Metric]) -> Metric:
    """Of each bound the sum: they hold together, or one of them does not hold by itself."""
    lows, highs = [m.low for m in metrics], [m.high for m in metrics]
    return Metric(
        name=name,
        unit=metrics[0].unit,
        value=sum(metric.value for metric in metrics),
        low=None if None in lows else sum(low for low in lows if low is not None),
        high=None if None in highs else sum(high for high in highs if high is not None),
        n=min(metric.n for metric in metrics),
        confidence=metrics[0].confidence,
    )


def processes_per_second(run: Run, window: Window) -> list[dict[str, Any]]:
    """What each process used in each whole second: cores, bytes at its end, the rest per second."""
    return [row for table in run.tables(PROCESSES) for row in _seconds(table, window)]


def stolen_per_second(run: Run, window: Window) -> list[dict[str, Any]]:
    """CPU seconds that the hypervisor gave to others in each whole second."""
    return [
        {"second": second, "stolen": stats.known(stolen)}
        for table in run.tables(MACHINE)
        for second, stolen in enumerate(_growth(table, "steal", _whole(window)), start=1)
    ]


def growth_rate(table: Measurement, column: str, window: Window) -> float | None:
    """What a sum grew by in a second of the window; None with fewer than two readings of it."""
    rows = table.within(window)
    known = ~np.isnan(rows[column])
    at, total = rows["at"][known], rows[column][known]
    if len(at) < 2 or at[-1] <= at[0]:
        return None
    return float((total[-1] - total[0]) / (at[-1] - at[0]))


def _cpu_and_memory(table: Measurement, window: Window, confidence: float) -> Iterator[Metric]:
    """From as much of the window as lies between two readings: on a full machine these are few."""
    at, rss = table.columns["at"], table.columns["rss"]
    known = np.clip([window.start, window.end], at.min(initial=np.inf), at.max(initial=-np.inf))
    if len(at) < 2 or known[1] <= known[0]:
        return
    name, inside = table.labels["process"], (at >= known[0]) & (at <= known[1])
    most = max(_at(table, "rss", known).max(), rss[inside].max(initial=0.0))
    n = int(inside.sum())
    yield _cores(f"{name}.cpu", table, known, confidence)
    yield Metric(name=f"{name}.rss", unit="B", value=float(most), n=n)


def _cores(name: str, table: Measurement, known: Array, confidence: float) -> Metric:
    """Cores used on average; the bounds are those of a mean over whole seconds."""
    used = float(_growth(table, "cpu", known)[0] / (known[1] - known[0]))
    borders = _whole(Window(name=name, start=known[0], end=known[1]))
    each = _growth(table, "cpu", borders)
    if len(each) < _FEWEST_SECONDS:
        return Metric(name=name, unit="cores", value=used, n=len(each))
    found = stats.mean(stats.sample(each, borders[1:]), confidence)
    return Metric(
        name=name,
        unit="cores",
        value=used,
        low=max(0.0, used - (found.value - found.low)),
        high=used + (found.high - found.value),
        n=len(each),
        confidence=confidence,
    )


def _seconds(table: Measurement, window: Window) -> Iterator[dict[str, Any]]:
    borders = _whole(window)
    held = _at(table, "rss", borders)[1:]
    sums = [_growth(table, name, borders) for name in _SUMS]
    for second, (rss, *used) in enumerate(zip(held, *sums, strict=True), start=1):
        numbers = {"rss": stats.known(rss), **dict(zip(_SUMS, map(stats.known, used), strict=True))}
        yield {"process": table.labels["process"], "second": second, **numbers}


def _whole(window: Window) -> Array:
    # the length of a window is the difference of two clock readings: 60 may be 59.999999999
    seconds = np.arange(int(window.end - window.start + 1e-6) + 1, dtype=np.float64)
    return seconds + window.start


def _growth(table: Measurement, column: str, borders: Array) -> Array:
    """How much a sum grew from border to border."""
    return np.diff(_at(table, column, borders))


def _at(table: Measurement, column: str, times: Array) -> Array:
    """A column between its readings; NaN before the first, and as it was after the last."""
    at = table.columns["at"]
    if not len(at):
        return np.full(len(times), np.nan)
    return np.asarray(np.interp(times, at, table.columns[column], left=np.nan))
