"""All benchmarks of a round set up at once and visited in turn, again and again.

What disturbs a machine lasts tenths of a second. A benchmark that is timed in one go lies in such a
time or beside it; one that is visited over the whole life of its process lies in some of both.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic

from asapbench.catalogue import IDLE, Batch, Job, Said
from asapbench.headers import conceal
from asapbench.suite import Benchmark
from asapbench.workers.operations.seeing import visit, visits
from asapbench.workers.operations.setting import Ready, ready

Tell = Callable[[Said], None]


@dataclass(eq=False)
class _Timing:
    """A benchmark that is set up, and its batches so far."""

    key: str
    ready: Ready
    stack: ExitStack
    visits: int
    agent: bool = False
    batches: list[Batch] = field(default_factory=list)
    used: float = field(default_factory=monotonic)

    @property
    def rested(self) -> bool:
        """Whether its connection to the agent may have been closed, or soon will be."""
        return self.agent and monotonic() - self.used > IDLE / 2


def time(job: Job, found: dict[str, Benchmark], tell: Tell) -> None:
    """Batches of a number of loops that is known; each benchmark is told of when all are done."""
    timings = list(_set_up(job, found, tell))
    gc.collect()
    gc.freeze()  # what was imported and set up need not be looked at in each collection
    passes = max((one.visits for one in timings), default=0)
    for number in range(passes):
        for one in [one for one in timings if _is_due(one, number, passes)]:
            tell(Said(what="began", key=one.key))
            if not _visit(one, job, tell):
                timings.remove(one)
    for one in timings:
        _end(one, job, tell)


def _set_up(job: Job, found: dict[str, Benchmark], tell: Tell) -> Iterator[_Timing]:
    for key in job.keys:
        tell(Said(what="began", key=key))
        stack = ExitStack()
        try:
            operation = stack.enter_context(
                ready(found[key], job.agent, awaited=key in job.awaited)
            )
        except Exception as error:
            tell(failed(key, error, job))
        else:
            wanted = visits(job.loops[key], job.batches[key])
            yield _Timing(key, operation, stack, wanted, agent=found[key].entry.agent)


def _is_due(one: _Timing, number: int, passes: int) -> bool:
    """Whether one of its visits, spread evenly over all passes, is in this one."""
    return number * one.visits // passes != (number + 1) * one.visits // passes


def _visit(one: _Timing, job: Job, tell: Tell) -> bool:
    loops = job.loops[one.key]
    # an operation that takes long warms itself up, but for its first
    warm_up = job.warm_up and (loops > 1 or not one.batches)
    try:
        if one.rested and not warm_up:
            one.ready.once()  # else to connect anew would be timed: times the distance to an agent
        one.batches += visit(one.ready, loops, warm_up=warm_up)
    except Exception as error:
        tell(failed(one.key, error, job))
        _clean_up(one.stack, job)
        return False
    one.used = monotonic()
    return True


def _end(one: _Timing, job: Job, tell: Tell) -> None:
    """What a clean-up raises is a failure too."""
    tell(Said(what="began", key=one.key))
    try:
        one.stack.close()
    except Exception as error:
        tell(failed(one.key, error, job))
    else:
        loops, batches = job.loops[one.key], tuple(one.batches)
        tell(Said(what="timed", key=one.key, at=monotonic(), loops=loops, batches=batches))


def _clean_up(stack: ExitStack, job: Job) -> None:
    """Clean up after a failure: what else fails is in the log."""
    try:
        stack.close()
    except Exception as error:
        _log(error, job)


def failed(key: str, error: Exception, job: Job) -> Said:
    """Of a benchmark that raised; where is in the log. An agent may have repeated a secret."""
    _log(error, job)
    return Said(what="failed", key=key, error=_concealed(in_words(error), job))


def _log(error: Exception, job: Job) -> None:
    sys.stderr.write(_concealed("".join(traceback.format_exception(error)), job))


def _concealed(text: str, job: Job) -> str:
    return conceal(text, job.agent.headers) if job.agent else text


def in_words(error: BaseException) -> str:
    """On one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
