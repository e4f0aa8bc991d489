"""An operation that is set up, in whatever way it says that it is to be awaited."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from asapbench.suite import benchmark
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
