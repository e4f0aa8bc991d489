"""Runs in the process that is measured: let it settle, then read what it holds."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable

import psutil

from asapbench.leak.held import Together, held_together

PATIENCE = 5.0  # seconds for what is still being worked on
_LOOK = 0.01
_MOMENTS, _PAUSE = 3, 0.1  # of processes that the app started, which are not told to settle


class Meters:
    """Answers "settle" with a reading, as JSON. `idle` says whether all work is done."""

    def __init__(self, idle: Callable[[], bool] = lambda: True) -> None:
        self._idle = idle
        self._process = psutil.Process()

    def answer(self, question: str) -> str:
        """Settle and read. Raises ValueError for any other question."""
        if question != "settle":
            raise ValueError(f"{question!r} is no question")
        self.drain()
        began = time.thread_time()
        reading = self._read()
        return json.dumps(reading | {"cost": time.thread_time() - began})

    def drain(self) -> None:
        """Wait until nothing is being worked on; what hangs is not waited for."""
        deadline = time.monotonic() + PATIENCE
        while not self._idle() and time.monotonic() < deadline:
            time.sleep(_LOOK)

    def _read(self) -> dict[str, float | None]:
        if gc.isenabled():  # else nobody collects: what is in cycles is kept for good
            gc.collect()
            gc.collect()  # what finalizers of the first have let go
        blocks = sys.getallocatedblocks()
        heap = _heap()
        together = self._together()
        collected = sum(generation["collected"] for generation in gc.get_stats())
        return {
            "rss": together.rss,
            "uss": together.uss,
            "heap": heap if together.processes == 1 else None,  # that of others is not known
            "blocks": blocks,
            "collected": collected,
        }

    def _together(self) -> Together:
        """With all that the app started: the least of some moments where there is any."""
        moments = [held_together(self._process)]
        while moments[0].processes > 1 and len(moments) < _MOMENTS:
            time.sleep(_PAUSE)
            moments.append(held_together(self._process))
        rss, uss, _ = (min(values) for values in zip(*moments, strict=True))
        return Together(rss, uss, moments[0].processes)


def _heap() -> float | None:
    """Give free pages back to the system, and say what malloc has in use, if that can be told."""
    if not hasattr(psutil, "heap_trim"):
        return None
    psutil.heap_trim()
    info = psutil.heap_info()
    return float(info.heap_used + info.mmap_used)
