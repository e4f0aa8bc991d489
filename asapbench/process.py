"""The only module that starts processes, and the one that ends them."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Self

from asapbench.errors import BrokenRun

_TAIL = 12
_LONGEST = 32 << 20  # bytes of a log
_KEPT = 64 << 10  # of one that was too long


class Child:
    """A program in a fresh interpreter, told things on standard input, one line each.

    Its standard input doubles as its lifeline: every worker ends when it is closed, so none
    outlives this process, however that ends. What it writes to standard error goes to `log`.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        *,
        pass_fds: Sequence[int] = (),
        cpus: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as errors:
            # a group of its own: Ctrl-C must reach the parent alone, which then ends the rest;
            # not a session, since Linux shares CPU time out by session, and `in_background` is
            # heeded within one only
            self._popen = subprocess.Popen(
                # what lies in the folder of the user must not stand in for our own modules
                [sys.executable, "-P", *argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                pass_fds=tuple(pass_fds),
                process_group=0,
            )
        self.pid = self._popen.pid
        self.silent = False  # whether all that it said was read, and no more will come
        _as_usual(self.pid)
        pin(self.pid, cpus)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True, name=f"{name} output")
        self._reader.start()

    def send(self, line: str) -> None:
        """Write a line to the child; a child that is gone is noticed by `check`."""
        assert self._popen.stdin is not None  # noqa: S101 - it was opened as a pipe above
        with suppress(BrokenPipeError):
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()

    def lines(self) -> Iterator[str]:
        """Yield what the child has written since the last call."""
        with suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                yield line

    def line(self, timeout: float) -> str | None:
        """The next line, or None where none comes within `timeout` seconds or the child ended."""
        with suppress(queue.Empty):
            line = self._lines.get(timeout=timeout)
            self.silent = line is None
            return line
        return None

    def check(self) -> None:
        """Raise BrokenRun with the child's last words if it has ended."""
        _shorten(self.log)
        code = self._popen.poll()
        if code is not None:
            raise BrokenRun(f"the {self.name} ended with {_how(code)}{self.last_words()}")

    def last_words(self) -> str:
        """The tail of what the child wrote to standard error, on lines of their own."""
        with suppress(OSError):
            tail = _end_of(self.log).decode(errors="replace").strip().splitlines()[-_TAIL:]
            return ":\n" + "\n".join(f"  {line}" for line in tail) if tail else " and said nothing"
        return ""

    def stop(self, patience: float = 5.0) -> None:
        """Close the lifeline, then end the child by force if it lingers."""
        with suppress(BrokenPipeError):
            if self._popen.stdin is not None:
                self._popen.stdin.close()
        try:
            self._popen.wait(patience)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._reader.join(patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _read(self) -> None:
        assert self._popen.stdout is not None  # noqa: S101 - it was opened as a pipe above
        with self._popen.stdout as lines:
            for line in lines:
                self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)


def _end_of(log: Path) -> bytes:
    with log.open("rb") as file:
        file.seek(-min(_KEPT, log.stat().st_size), os.SEEK_END)
        return file.read()


def _shorten(log: Path) -> None:
    """Keep only the end of a log that grows and grows: its writer appends, so it goes on there."""
    with suppress(OSError):
        if log.stat().st_size > _LONGEST:
            end = _end_of(log)
            with log.open("r+b") as file:
                file.truncate(0)
                file.write(end)


def pin(pid: int, cpus: Sequence[int]) -> None:
    """Keep a process on these logical CPUs, where the system can do that."""
    if cpus and hasattr(os, "sched_setaffinity"):
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cpus)


@contextmanager
def in_background() -> Iterator[None]:
    """Give way to the server and the generators while they are measured.

    Drawing a progress bar takes milliseconds; without this it would take them from a generator.
    Where there would be no way back it stays as it is: what it takes is seen by the gates.
    """
    if not _may_give_way():
        yield
        return
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@cache
def _may_give_way() -> bool:
    """Whether this process may leave the background again: many a user may not (sched(7))."""
    if not hasattr(os, "SCHED_IDLE"):
        return False
    # scheduling is by thread, so one that ends at once can try
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_there_and_back).result()


def _there_and_back() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        return False
    return True


def to_foreground() -> None:
    """Take turns again like any program: in the background of a full machine there are none."""
    _as_usual(0)


def _as_usual(pid: int) -> None:
    """Schedule a child like any program: one started `in_background` would inherit that."""
    if hasattr(os, "sched_setscheduler"):
        with suppress(ProcessLookupError, PermissionError):
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
