"""A benchmark set up: its operation, ready to be run, and the loop that runs it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import (
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from itertools import repeat
from typing import Any

from asapbench.catalogue import Agent
from asapbench.suite import Benchmark, Operation
from asapbench.workers.operations.waiting import Waiting


class Ready:
    """An operation that is set up.

    Whether it is awaited is seen by what it returns, since any function may return a coroutine.
    """

    def __init__(
        self,
        operation: Operation,
        loop: asyncio.AbstractEventLoop,
        waiting: Waiting,
        awaited: bool,
    ) -> None:
        self.numbers = dict(operation.numbers)
        self.size = operation.size or 0
        self.awaited = awaited
        self._run = operation.run
        self._loop = loop
        self._waiting = waiting

    def once(self) -> Any:
        """Run it once and return what it returns, awaited."""
        made = self._run()
        if not inspect.isawaitable(made):
            return made
        self.awaited = True
        return self._loop.run_until_complete(_await(made))

    def batch(self, loops: int) -> tuple[float, float, float]:
        """Run it so many times: seconds by the clock, of CPU, and of waiting for a core."""
        before = self._waiting.seconds()
        if self.awaited:
            seconds, cpu = self._loop.run_until_complete(_async_batch(self._run, loops))
        else:
            seconds, cpu = _batch(self._run, loops)
        return seconds, cpu, self._waiting.seconds() - before


@contextmanager
def ready(benchmark: Benchmark, agent: Agent | None, *, awaited: bool = False) -> Iterator[Ready]:
    """Set a benchmark up on an event loop of its own, and clean up.

    `awaited` is what running it once has shown.
    """
    with asyncio.Runner() as runner, ExitStack() as stack:
        loop = runner.get_loop()
        asyncio.set_event_loop(loop)
        opened = AsyncExitStack()
        stack.callback(lambda: runner.run(opened.aclose()))
        operation = runner.run(_set_up(benchmark, _given(benchmark, agent), opened))
        if not isinstance(operation, Operation):
            operation = Operation(operation)
        if not callable(operation.run):
            raise TypeError(f"its set-up returns {type(operation.run).__name__}, not a function")
        waiting = stack.enter_context(
            Waiting(agent.pid if agent and benchmark.entry.agent else None)
        )
        yield Ready(operation, loop, waiting, awaited)


async def _set_up(benchmark: Benchmark, given: dict[str, Any], opened: AsyncExitStack) -> Any:
    set_up = benchmark.set_up
    if inspect.isasyncgenfunction(set_up):
        return await opened.enter_async_context(asynccontextmanager(set_up)(**given))
    if inspect.isgeneratorfunction(set_up):
        return opened.enter_context(contextmanager(set_up)(**given))
    made = set_up(**given)
    return await made if inspect.isawaitable(made) else made


def _given(benchmark: Benchmark, agent: Agent | None) -> dict[str, Any]:
    values = {"agent": agent, "size": benchmark.entry.size}
    return {name: values[name] for name in benchmark.wants}


def _batch(run: Callable[[], Any], loops: int) -> tuple[float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    for _ in repeat(None, loops):
        run()
    end = time.perf_counter()
    return end - start, time.process_time() - cpu


async def _await(made: Awaitable[Any]) -> Any:
    return await made


async def _async_batch(run: Callable[[], Any], loops: int) -> tuple[float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    for _ in repeat(None, loops):
        await run()
    end = time.perf_counter()
    return end - start, time.process_time() - cpu
