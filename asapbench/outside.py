"""What a process and all that it started hold, as seen from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import psutil

from asapbench.errors import ServerDied, UsageError
from asapbench.leak.held import held


class ProcessTree:
    """A server that may have started others: which of them there are, and what they hold."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._seen: dict[psutil.Process, int] = {}  # how often; equal only if started at one time
        try:
            self._root = psutil.Process(pid)
        except psutil.NoSuchProcess as error:
            raise ServerDied(f"the server's process {pid} has ended") from error

    def check(self) -> None:
        """Raise ServerDied if the process has ended, also where another has its number now."""
        if not self._root.is_running() or self._root.status() == psutil.STATUS_ZOMBIE:
            raise ServerDied(f"the server's process {self._pid} has ended")

    def held(self) -> tuple[float, float]:
        """RSS and USS of all of them, in bytes.

        Raises ServerDied where one that served for a while is gone: what it held is gone with it.
        """
        self.check()
        there = dict(self._readings())
        gone = [one.pid for one, times in self._seen.items() if times > 1 and one not in there]
        if gone:
            raise ServerDied(
                f"process {gone[0]} of the server has ended: it has restarted, or a worker of it"
            )
        self._seen = {process: self._seen.get(process, 0) + 1 for process in there}
        rss, uss = (sum(values) for values in zip(*there.values(), strict=True))
        return rss, uss

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
