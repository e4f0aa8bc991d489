"""Calls of the application that may block."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call in a thread returns, awaited where it is an awaitable."""
    found = await asyncio.to_thread(_called, call, arguments)
    return await found if inspect.isawaitable(found) else found


def _called(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return call(*arguments)
    except StopIteration as error:
        # a future cannot carry a StopIteration: whoever awaits it would wait for ever
        raise RuntimeError("the application raised StopIteration") from error
