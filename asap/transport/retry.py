"""When to try again, and how long to wait before."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import uniform
from typing import TypeVar

from asap.errors import ASAPConnectionError, ASAPError
from asap.models.constants import DEFAULT_BASE_DELAY, DEFAULT_MAX_DELAY
from asap.transport.metrics import count_retry

T = TypeVar("T")

_JITTER = 0.1
_MAX_DOUBLINGS = 1000  # a float overflows soon after


@dataclass(frozen=True)
class RetryConfig:
    """`max_retries` is the total number of attempts; delays are in seconds."""

    max_retries: int = 3
    base_delay: float = DEFAULT_BASE_DELAY
    max_delay: float = DEFAULT_MAX_DELAY
    jitter: bool = True


class Retryable(Exception):
    """An attempt failed in a way that another may not; `wait` in seconds if the peer named one."""

    def __init__(self, error: ASAPError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


async def with_retries(attempt: Callable[[], Awaitable[T]], config: RetryConfig) -> T:
    """The first result; else the error of the last attempt."""
    for failures in range(config.max_retries):
        try:
            return await attempt()
        except Retryable as failure:
            if failures + 1 == config.max_retries:
                raise failure.error from failure.__cause__
            delay = delay_before_retry(failures, failure.wait, config)
        count_retry()
        await sleep(delay)
    raise ASAPConnectionError(f"max_retries is {config.max_retries}: no attempt was made")


def delay_before_retry(failures: int, wait: float | None, config: RetryConfig) -> float:
    """Seconds to wait: what the peer asked for up to `max_delay`, else the backoff."""
    if wait is None:
        return backoff(failures, config)
    return min(max(0.0, wait), config.max_delay)


def backoff(failures: int, config: RetryConfig) -> float:
    """min(base_delay * 2**failures, max_delay), and up to a tenth more as jitter."""
    delay = min(config.base_delay * 2.0 ** min(failures, _MAX_DOUBLINGS), config.max_delay)
    spread = _JITTER * delay if config.jitter else 0.0
    return delay + uniform(0, spread)  # noqa: S311 (it spreads load, it guards nothing)


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for, or None if it cannot be read."""
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        return _seconds_until(value, now or datetime.now(UTC))


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        date = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    return ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
