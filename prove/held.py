"""A generator that is held as by a CPU quota: it runs for a tenth of the time, in turns."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from asapbench.cores import CorePlan
from asapbench.engine import start_server
from asapbench.model import Plan, Tick
from asapbench.selfcheck.row import Row, Stage
from asapbench.selfcheck.rows.starved import judge, plan_for
from asapbench.store import Recording
from asapbench.system import System

_PERIOD, _QUOTA = 0.1, 0.01  # seconds, as the kernel's; of each of them so many may be used


class Hold:
    """Stops and continues the generator from the warm-up on: before, it would not even start."""

    def __init__(self) -> None:
        self._begun, self._over = threading.Event(), threading.Event()

    def watch(self, tick: Tick) -> None:
        """Wait for the warm-up."""
        if tick.phase == "warm-up":
            self._begun.set()

    @contextmanager
    def start(self, plan: Plan, recording: Recording, cores: CorePlan) -> Iterator[System]:
        """The embedded server, and the thread that holds the generator."""
        thread = threading.Thread(target=self._hold)
        with start_server(plan, recording, cores) as system:
            thread.start()
            try:
                yield system
            finally:
                self._over.set()
                self._begun.set()
                thread.join()

    def _hold(self) -> None:
        self._begun.wait()
        pids = [] if self._over.is_set() else _generators()
        try:
            while not self._over.wait(_QUOTA):
                _tell(pids, signal.SIGSTOP)
                self._over.wait(_PERIOD - _QUOTA)
                _tell(pids, signal.SIGCONT)
        except ProcessLookupError:
            return


def _generators() -> list[int]:
    children = psutil.Process().children(recursive=True)
    return [one.pid for one in children if "asapbench.workers.generate" in one.cmdline()]


def _tell(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, what)


def _stage(quick: bool) -> Stage:
    hold = Hold()
    return Stage(plan_for(quick), hold.start, hold.watch)


ROW = Row(
    "held",
    f"the generator may run for {_QUOTA / _PERIOD:.0%} of the time, as under a CPU quota",
    _stage,
    judge,
    sound=False,
)
