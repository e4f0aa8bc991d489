"""What a process and all that it started hold, as seen from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

import psutil

from asapbench.errors import ServerDied, UsageError
from asapbench.leak.held import held

_Held = dict[psutil.Process, tuple[float, float]]  # RSS and USS of each, in bytes


class ProcessTree:
    """A server that may have started others: which of them there are, and what they hold."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        # in how many readings; equal only if started at one time
        self._seen: dict[psutil.Process, int] = {}
        try:
            self._root = psutil.Process(pid)
        except psutil.NoSuchProcess as error:
            raise ServerDied(f"the server's process {pid} has ended") from error

    def check(self) -> None:
        """Raise ServerDied if the process has ended, also where another has its number now."""
        try:
            lives = self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:  # it ended between the two
            lives = False
        if not lives:
            raise ServerDied(f"the server's process {self._pid} has ended")

    def read(self, looks: int, pause: float) -> tuple[float, float]:
        """The least RSS and USS of some moments, as one reading: the server is not settled.

        Raises ServerDied where a process that was there in two readings is gone: what it held is
        gone with it.
        """
        moments = []
        for _ in range(looks):
            time.sleep(pause)
            moments.append(self._moment())
        # a helper that comes and goes within one is no restart
        there = set.intersection(*map(set, moments))
        self._seen = {process: self._seen.get(process, 0) + 1 for process in there}
        rss, uss = (min(values) for values in zip(*map(_total, moments), strict=True))
        return rss, uss

    def held(self) -> tuple[float, float]:
        """RSS and USS of all of them right now, in bytes; no reading.

        Raises UsageError where that may not be read.
        """
        return _total(self._moment())

    def _moment(self) -> _Held:
        self.check()
        there = dict(self._readings())
        if self._root not in there:
            raise ServerDied(f"the server's process {self._pid} has ended")
        gone = [one.pid for one, times in self._seen.items() if times > 1 and one not in there]
        if gone:
            raise ServerDied(
                f"process {gone[0]} of the server has ended: it has restarted, or a worker of it"
            )
        return there

    def _readings(self) -> Iterator[tuple[psutil.Process, tuple[float, float]]]:
        try:
            family = [self._root, *self._root.children(recursive=True)]
            for process in family:
                with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                    yield process, held(process)
        except psutil.AccessDenied as error:
            raise UsageError(
                f"the memory of process {error.pid} cannot be read: run asapbench as the user of "
                "the server"
            ) from error
        except psutil.NoSuchProcess as error:
            raise ServerDied(f"the server's process {self._pid} has ended") from error


def _total(there: _Held) -> tuple[float, float]:
    rss, uss = (sum(values) for values in zip(*there.values(), strict=True))
    return rss, uss
