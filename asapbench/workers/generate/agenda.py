"""Calls back at planned times, to a tenth of a millisecond: gevent's own timers come 1 ms late."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import CLOCK_MONOTONIC, monotonic
from typing import Any, Protocol

from asapbench.workers.generate.libev import READ

_FAR = 1e6  # seconds; what an alarm with nothing to wait for waits


class Alarm(Protocol):
    """Calls back once, at a time of the monotonic clock."""

    def set(self, at: float) -> None: ...


if sys.version_info >= (3, 13):

    def _create_timer() -> int:
        return os.timerfd_create(CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

    def _set_timer(fd: int, at: float) -> None:
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=int(at * 1e9))

else:
    _LIBC = ctypes.CDLL(None, use_errno=True)
    _TFD_TIMER_ABSTIME = 1

    def _create_timer() -> int:
        fd: int = _LIBC.timerfd_create(CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        return fd

    def _set_timer(fd: int, at: float) -> None:
        seconds = int(at)
        # struct itimerspec: the interval (none), then the time
        timer = (ctypes.c_long * 4)(0, 0, seconds, int((at - seconds) * 1e9))
        _LIBC.timerfd_settime(fd, _TFD_TIMER_ABSTIME, timer, None)


class TimerFd:
    """An alarm that the kernel's high resolution timer rings."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._fd = _create_timer()
        self._watcher = loop.io(self._fd, READ)
        self._watcher.start(ring)

    def set(self, at: float) -> None:
        """Setting it anew also takes back that it rang, so it is never read."""
        _set_timer(self._fd, at)


class LoopTimer:
    """An alarm for systems without a timerfd; about 1 ms late."""

    def __init__(self, loop: Any, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._timer = loop.timer(_FAR)

    def set(self, at: float) -> None:
        self._timer.stop()
        self._timer = self._loop.timer(max(0.0, at - monotonic()))
        self._timer.start(self._ring, update=True)


_BEST = TimerFd if sys.platform == "linux" else LoopTimer


class Agenda:
    """What is to be called, and when (monotonic clock, seconds)."""

    def __init__(
        self, loop: Any, alarm: Callable[[Any, Callable[[], None]], Alarm] | None = None
    ) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._waking = False
        self._alarm = (alarm or _BEST)(loop, self._wake)

    def at(self, time: float, call: Callable[[], None]) -> None:
        entry = (time, next(self._order), call)
        heappush(self._entries, entry)
        if self._entries[0] is entry and not self._waking:
            self._alarm.set(time)

    def every(self, period: float, call: Callable[[], None]) -> None:
        """Call now and then every `period` seconds; a late call moves the later ones."""
        call()
        self.at(monotonic() + period, lambda: self.every(period, call))

    def _wake(self) -> None:
        """Call what is due by now. What comes due meanwhile waits: answers have their turn too."""
        self._waking = True
        now, due = monotonic(), []
        while self._entries and self._entries[0][0] <= now:
            due.append(heappop(self._entries)[2])
        for call in due:
            call()
        self._waking = False
        self._alarm.set(self._entries[0][0] if self._entries else monotonic() + _FAR)
