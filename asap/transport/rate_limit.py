"""Rate limiting by moving windows, one set of limits for each caller."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.storage import Storage
    from starlette.requests import Request

DEFAULT_RATE_LIMIT = "10/second;100/minute"
_TEST_LIMIT = "100000/minute"
_MEMORY = "memory://"

KeyFunc = Callable[["Request"], str]


class RateLimitExceeded(Exception):
    """The caller used up `limit`; `retry_after` is in whole seconds."""

    def __init__(self, detail: str, *, retry_after: int = 60, limit: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.limit = limit


class ASAPRateLimiter:
    """Counts requests of each key against all limits.

    `limits` are strings such as `"10/second;100/minute"`; ValueError if one cannot be read.
    """

    def __init__(
        self,
        *,
        key_func: KeyFunc,
        limits: Sequence[str] | None = None,
        storage_uri: str | None = None,
    ) -> None:
        # Imported here: an application without a limiter should not pay for the library.
        from limits import parse_many
        from limits.strategies import MovingWindowRateLimiter

        self.limits: list[RateLimitItem] = [
            item for text in limits or (DEFAULT_RATE_LIMIT,) for item in parse_many(text)
        ]
        self._key_func = key_func
        self._window = MovingWindowRateLimiter(_open_storage(storage_uri or _MEMORY))

    def check(self, request: Request) -> None:
        """Count one request; RateLimitExceeded if a limit is used up."""
        self.check_n(request, 1)

    def check_n(self, request: Request, n: int) -> None:
        """Count `n` requests, all of them or none."""
        key = self._key_func(request)
        # Every limit is asked before any is charged, so a refused request costs nothing.
        for consume in (self._window.test, self._window.hit):
            for item in self.limits:
                if not consume(item, key, cost=n):
                    raise self._refusal(item, key)

    def test(self, request: Request) -> bool:
        """Would one more request pass? Nothing is counted."""
        key = self._key_func(request)
        return all(self._window.test(item, key) for item in self.limits)

    def _refusal(self, item: RateLimitItem, key: str) -> RateLimitExceeded:
        reset = self._window.get_window_stats(item, key).reset_time
        wait = math.ceil(reset - time.time())
        return RateLimitExceeded(f"Rate limit exceeded: {item}", retry_after=wait, limit=str(item))


def create_limiter(
    limits: Sequence[str] | None = None,
    *,
    key_func: KeyFunc | None = None,
    storage_uri: str | None = None,
) -> ASAPRateLimiter:
    """A limiter with the default limits and key, counting in `ASAP_RATE_LIMIT_BACKEND` if set."""
    return ASAPRateLimiter(
        key_func=key_func or get_sender_or_address,
        limits=limits,
        storage_uri=storage_uri or os.environ.get("ASAP_RATE_LIMIT_BACKEND"),
    )


def create_test_limiter(
    limits: Sequence[str] | None = None, *, key_func: KeyFunc | None = None
) -> ASAPRateLimiter:
    """A limiter of its own memory, by default so wide that no test meets it."""
    return ASAPRateLimiter(
        key_func=key_func or get_sender_or_address, limits=limits or (_TEST_LIMIT,)
    )


def get_remote_address(request: Request) -> str:
    return request.client.host if request.client else "127.0.0.1"


def get_sender_or_address(request: Request) -> str:
    """The sender's URN if something upstream left it on `request.state`, else the IP."""
    envelope = _envelope_of(request.state)
    sender = (
        envelope.get("sender") if isinstance(envelope, dict) else getattr(envelope, "sender", None)
    )
    return sender if isinstance(sender, str) else get_remote_address(request)


def _envelope_of(state: object) -> object:
    params = getattr(getattr(state, "rpc_request", None), "params", None) or {}
    return getattr(state, "envelope", None) or params.get("envelope")


def _open_storage(uri: str) -> Storage:
    from limits.errors import ConfigurationError
    from limits.storage import Storage, storage_from_string

    # The URI may hold a password, so no message quotes it.
    try:
        storage = storage_from_string(uri)
    except ConfigurationError as error:
        if uri.startswith("redis"):
            raise ImportError("rate limits in redis need the 'redis' package") from error
        raise
    if not isinstance(storage, Storage):
        raise TypeError("rate limits need a synchronous storage, without 'async+'")
    return storage
