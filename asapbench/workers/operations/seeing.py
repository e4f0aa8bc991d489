"""What is done with an operation that is set up: calibrated, timed, or its memory looked at."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from time import monotonic

from asapbench.catalogue import Batch, Job, Said, is_clean
from asapbench.workers.operations.setting import Ready

_AGAIN = 2  # times the batches wanted, at most
_MEMORY_RUNS = 8
_LONGEST = 10_000_000  # loops


def calibrate(key: str, ready: Ready, job: Job) -> Said:
    """How many loops a batch takes: doubled until they last as long as a batch should."""
    ready.once()
    loops, seconds = 1, 0.0
    while loops < _LONGEST:
        seconds, *_ = ready.batch(loops)
        if seconds >= job.batch / 2:
            break
        loops *= 2
    loops = max(1, round(loops * job.batch / seconds))
    batch = ready.batch(loops)
    return Said(
        what="timed", key=key, at=monotonic(), loops=loops, batches=(batch,), numbers=ready.numbers
    )


def time(key: str, ready: Ready, job: Job) -> Said:
    """Batches of a number of loops that is known, after one that is thrown away."""
    loops = job.loops[key]
    gc.collect()
    if job.warm_up:
        ready.batch(loops)
    wanted, clean = job.batches[key], 0
    batches: list[Batch] = []
    while clean < wanted and len(batches) < _AGAIN * wanted:
        batches.append(ready.batch(loops))
        clean += is_clean(*batches[-1])
    return Said(what="timed", key=key, at=monotonic(), loops=loops, batches=tuple(batches))


def memory(key: str, ready: Ready, job: Job) -> Said:  # noqa: ARG001 - like the others
    """The blocks that the result of an operation holds, and the most bytes held at once."""
    for _ in range(3):  # what is made once, caches and the like, is none of an operation's
        ready.once()
    gc.collect()
    kept: list[object] = [None] * _MEMORY_RUNS
    before = sys.getallocatedblocks()
    for index in range(_MEMORY_RUNS):
        kept[index] = ready.once()
    blocks = (sys.getallocatedblocks() - before) / _MEMORY_RUNS
    kept.clear()
    return Said(what="memory", key=key, at=monotonic(), blocks=max(0.0, blocks), peak=_peak(ready))


def _peak(ready: Ready) -> float:
    tracemalloc.start()
    try:
        ready.once()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        ready.once()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return float(max(0, peak - before))
