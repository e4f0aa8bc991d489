"""A server that stands still for a second: every request planned in that second waits.

Of a window of W seconds in which the server stands still for F, a share F/W of the requests waits,
uniformly from 0 to F seconds. So the slowest share s of all waited at least F - s*W.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from asapbench.commands.load import LoadPlan
from asapbench.cores import CorePlan
from asapbench.model import Plan, Tick
from asapbench.selfcheck.behaviour import Behaviour
from asapbench.selfcheck.row import Check, Row, Seen, Stage, near
from asapbench.selfcheck.rows.known_delays import SETTLED
from asapbench.selfcheck.serving import serving
from asapbench.series import Column, Layout, Writer
from asapbench.store import Recording
from asapbench.system import System
from asapbench.units import show

RELATIVE = 0.05
_RATE = 100.0
# few users, so that most of the requests that wait do so behind one of their own user: those are
# the ones that a closed loop never sends
_USERS = 5
_DURATION, _BEFORE, _STOPPED = 10.0, 4.0, 1.0
STOPS = Layout("stops", (Column("from", "s", "d"), Column("to", "s", "d")))
_SLOWEST = {"latency.p95": 0.05, "latency.p99": 0.01}


class Stop:
    """Stops the server once, some time into the measured window, and writes down when."""

    def __init__(self) -> None:
        self._measuring, self._over = threading.Event(), threading.Event()

    def watch(self, tick: Tick) -> None:
        """Wait for the measured window."""
        if tick.phase == "measured":
            self._measuring.set()

    @contextmanager
    def start(self, plan: Plan, recording: Recording, cores: CorePlan) -> Iterator[System]:
        """The truth server, without a delay of its own, and the thread that will stop it."""
        file = recording.path(STOPS.name + ".series")
        with serving(Behaviour())(plan, recording, cores) as system, Writer(file, STOPS) as stops:
            assert system.server.pid is not None  # noqa: S101 - it was started here
            thread = threading.Thread(target=self._stop, args=(system.server.pid, stops))
            thread.start()
            try:
                yield system
            finally:
                self._over.set()
                self._measuring.set()
                thread.join()

    def _stop(self, pid: int, stops: Writer) -> None:
        self._measuring.wait()
        if self._over.wait(_BEFORE):
            return
        os.kill(pid, signal.SIGSTOP)
        stopped = monotonic()
        try:
            self._over.wait(_STOPPED)
        finally:
            os.kill(pid, signal.SIGCONT)
        stops.append(stopped, monotonic())


def judge(seen: Seen) -> tuple[Check, ...]:
    """The tail that the stop predicts, and that no planned request is missing."""
    window = next(one for one in seen.run.story.windows if one.name == "measured")
    seconds = window.end - window.start
    stood = _stood(seen)
    metric = seen.report.find("latency.p95")
    read = float(metric.n) if metric else None
    return (
        near("requests", _RATE * seconds, read, "count", relative=0, absolute=1),
        *(
            near(key, stood - share * seconds, seen.metric(key), "s", relative=RELATIVE)
            for key, share in _SLOWEST.items()
        ),
    )


def _stood(seen: Seen) -> float:
    columns = seen.table(STOPS.name).columns
    return float((columns["to"] - columns["from"]).sum())


def _remark(seen: Seen) -> str:
    closed = [seen.metric(f"service_time.{name}") for name in ("p95", "p99")]
    shown = " and ".join(show(value, "s") for value in closed if value is not None)
    return (
        f"a closed loop sends nothing while it waits: it would show {_USERS} slow requests, one a "
        f"user, and {shown} for p95 and p99"
    )


def _stage(_quick: bool) -> Stage:
    stop = Stop()
    plan = LoadPlan(users=_USERS, spawn_rate=50, rps=_RATE, warmup=0.5, duration=_DURATION)
    return Stage(plan, stop.start, stop.watch, limits=SETTLED)


ROW = Row("stopped", "the server stands still for 1 s of 10 s (SIGSTOP)", _stage, judge, _remark)
