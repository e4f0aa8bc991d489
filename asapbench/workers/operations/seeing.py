"""What is done with an operation that is set up: calibrated, timed, or its memory looked at."""

from __future__ import annotations

import gc
import math
import sys
import tracemalloc
from collections.abc import Callable
from time import monotonic

from asapbench.catalogue import CLEAN, Batch, Job, Said
from asapbench.workers.operations.pace import pace
from asapbench.workers.operations.setting import Ready

_AGAIN = 2  # times the batches wanted, at most
BURST = 4  # batches of a visit
_WARM = 1 / 4  # of a batch, after which caches are warm
_SHORT = 3  # batches that an operation may last to be run several times in each
_MEMORY_RUNS = 8
_LONGEST = 10_000_000  # loops


def calibrate(key: str, ready: Ready, job: Job, still: Callable[[], None]) -> Said:
    """How many loops a batch takes: doubled until they last as long as a batch should.

    A batch that was held up looks long, so it counts only if the next one is as long. `still` is
    called between runs, of which each may take long.
    """
    ready.once()
    loops, seconds = 1, 0.0
    while loops < _LONGEST:
        still()
        seconds, *_ = ready.batch(loops)
        if seconds >= job.batch / 2:
            still()
            seconds = min(seconds, ready.batch(loops)[0])
        if seconds >= job.batch / 2:
            break
        loops *= 2
    own = seconds / loops
    loops = max(2 if own < _SHORT * job.batch else 1, round(job.batch / own))
    still()
    batch = (*ready.batch(loops), pace())
    return Said(
        what="timed",
        key=key,
        at=monotonic(),
        loops=loops,
        batches=(batch,),
        numbers=ready.numbers,
        size=ready.size,
        awaited=ready.awaited,
    )


def visits(loops: int, batches: int) -> int:
    """In how many visits so many batches are made; one each of an operation that takes long."""
    return math.ceil(batches / BURST) if loops > 1 else batches


def visit(ready: Ready, loops: int, *, warm_up: bool) -> list[Batch]:
    """A few batches in a row, after some that do not count: who comes back finds cold caches."""
    gc.collect()
    if warm_up:
        ready.batch(math.ceil(_WARM * loops))
    wanted, clean = BURST if loops > 1 else 1, 0
    batches: list[Batch] = []
    before = pace()
    while clean < wanted and len(batches) < _AGAIN * wanted:
        seconds, cpu, waited = ready.batch(loops)
        after = pace()
        batches.append((seconds, cpu, waited, max(before, after)))
        before = after
        clean += waited <= CLEAN * seconds
    return batches


def memory(
    key: str,
    ready: Ready,
    job: Job,  # noqa: ARG001 - like the others
    still: Callable[[], None],
) -> Said:
    """The blocks that the result of an operation holds, and the most bytes held at once."""
    for _ in range(3):  # what is made once, caches and the like, is none of an operation's
        still()
        ready.once()
    gc.collect()
    kept: list[object] = [None] * _MEMORY_RUNS
    before = sys.getallocatedblocks()
    for index in range(_MEMORY_RUNS):
        still()
        kept[index] = ready.once()
    blocks = (sys.getallocatedblocks() - before) / _MEMORY_RUNS
    kept.clear()
    peak = _peak(ready, still)
    return Said(what="memory", key=key, at=monotonic(), blocks=max(0.0, blocks), peak=peak)


def _peak(ready: Ready, still: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        still()
        ready.once()
        still()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        ready.once()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return float(max(0, peak - before))
