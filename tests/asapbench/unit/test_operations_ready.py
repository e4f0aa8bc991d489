"""An operation that is set up, in whatever way it says that it is to be awaited."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest

from asapbench.catalogue import Job
from asapbench.suite import benchmark
from asapbench.workers.operations.seeing import calibrate
from asapbench.workers.operations.setting import ready


class Fetch:
    """An operation that counts how often it came to its end."""

    def __init__(self) -> None:
        self.ended = 0

    async def __call__(self) -> str:
        await asyncio.sleep(0)
        self.ended += 1
        return "fetched"


def wrapped(fetch: Fetch) -> Callable[[], Awaitable[str]]:
    @functools.wraps(fetch.__call__)
    def call() -> Awaitable[str]:
        return fetch()

    return call


def coroutine_function(fetch: Fetch) -> Callable[[], Awaitable[str]]:
    async def call() -> str:
        return await fetch()

    return call


@pytest.mark.parametrize(
    "made", [lambda fetch: lambda: fetch(), wrapped, coroutine_function, lambda fetch: fetch]
)
def test_what_returns_an_awaitable_is_awaited_each_time(made: Callable[[Fetch], Any]) -> None:
    fetch = Fetch()
    (one,) = benchmark(group="g", name="fetch")(lambda: made(fetch))
    with ready(one, None) as operation:
        assert operation.once() == "fetched"
        operation.batch(5)
        assert operation.awaited
    assert fetch.ended == 6
    with ready(one, None, awaited=True) as operation:  # in a process that did not run it once
        operation.batch(5)
    assert fetch.ended == 11


def test_what_returns_a_value_is_not_awaited() -> None:
    (one,) = benchmark(group="g", name="plain")(lambda: lambda: 1)
    with ready(one, None) as operation:
        assert operation.once() == 1
        operation.batch(5)
        assert not operation.awaited


class HeldUp:
    """An operation of a microsecond, of which the batches of these numbers are held up."""

    numbers: ClassVar[dict[str, float]] = {}
    size, awaited = 0, False

    def __init__(self, *held_up: int) -> None:
        self.held_up, self.number = held_up, 0

    def once(self) -> None:
        """Nothing comes of it."""

    def batch(self, loops: int) -> tuple[float, float, float]:
        self.number += 1
        seconds = loops * 1e-6 + 0.02 * (self.number in self.held_up)
        return seconds, seconds, 0.0


@pytest.mark.parametrize("held_up", [(), (1,), (3,), (2, 9)])
def test_a_batch_that_is_held_up_while_calibrating_makes_no_batch_short(
    held_up: tuple[int, ...],
) -> None:
    operation: Any = HeldUp(*held_up)
    job = Job(suite="s", do="calibrate", batch=0.001)
    said = calibrate("g/one", operation, job, lambda: None)
    assert said.loops == pytest.approx(1000, rel=0.01)
