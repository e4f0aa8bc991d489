"""What a watcher wants to know of requests while they come: the last seconds, a window so far.

Nothing is judged by it. It is counted row by row, so that it takes as little in the last second of
an hour as in the first; the analysis of the run counts anew.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain

from asapbench.model import Metric
from asapbench.offer import Flag, Outcome
from asapbench.series import Follower

_HORIZON = 2.0  # seconds
_PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_BEYOND = 5  # samples that must be slower than a percentile that is shown
_SOON = 1.0  # seconds until a rate says something


class Recent:
    """Takes the rows of all generators as they are written."""

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0
        self._users: set[float] = set()
        self._last: deque[tuple[float, float]] = deque()
        self._window = _Window(0.0)

    def take(self, followers: Iterable[Follower]) -> None:
        """Count what was written since the last call."""
        window = self._window
        rows = chain.from_iterable(follower.new_rows() for follower in followers)
        for planned, sent, done, _code, user, _endpoint, outcome, flags, *_split in rows:
            failed = outcome != Outcome.OK
            latency = done - (planned if int(flags) & Flag.WAITED else sent)
            self.done += 1
            self.failed += failed
            self._users.add(user)
            self._last.append((done, latency))
            if done >= window.start:
                window.count(latency, failed=failed)
        horizon = time.monotonic() - _HORIZON
        while self._last and self._last[0][0] < horizon:
            self._last.popleft()

    def numbers(self) -> tuple[tuple[str, float, str], ...]:
        """Users so far, rate and p95 of the last seconds, failures so far."""
        times = sorted(latency for _, latency in self._last)
        numbers = [
            ("users", float(len(self._users)), "count"),
            ("throughput", len(times) / _HORIZON, "req/s"),
        ]
        if times:
            numbers.append(("latency.p95", times[int(len(times) * 0.95)], "s"))
        return (*numbers, ("failures", float(self.failed), "count"))

    def begin(self, start: float) -> None:
        """Count what ends from now on as a window of its own."""
        self._window = _Window(start)

    def so_far(self) -> tuple[Metric, ...]:
        """What this window comes to so far: without bounds, and percentiles to 1 %."""
        seconds = time.monotonic() - self._window.start
        return tuple(self._window.metrics(seconds)) if seconds >= _SOON else ()


class _Window:
    """Counts of what ended since a time; latencies in steps of 1 %."""

    def __init__(self, start: float) -> None:
        self.start = start
        self._ended = self._failed = 0
        self._steps: Counter[int] = Counter()

    def count(self, latency: float, *, failed: bool) -> None:
        self._ended += 1
        self._failed += failed
        if latency > 0:
            self._steps[math.floor(math.log(latency) * 100)] += 1

    def metrics(self, seconds: float) -> Iterator[Metric]:
        served = self._ended - self._failed
        yield Metric(name="throughput", unit="req/s", value=served / seconds, n=served)
        if self._ended:
            share = self._failed / self._ended
            yield Metric(name="error_rate", unit="ratio", value=share, n=self._ended)
        yield from self._percentiles()

    def _percentiles(self) -> Iterator[Metric]:
        n, seen = self._steps.total(), 0
        steps = iter(sorted(self._steps.items()))
        value = 0.0
        for name, q in _PERCENTILES.items():
            if n * (1 - q) < _BEYOND:
                return
            while seen <= n * q:
                step, count = next(steps)
                seen, value = seen + count, math.exp((step + 0.5) / 100)
            yield Metric(name=f"latency.{name}", unit="s", value=value, n=n)
