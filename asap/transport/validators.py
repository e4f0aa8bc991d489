"""Is an envelope fresh, and is it the first of its nonce?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from asap.errors import InvalidNonceError, InvalidTimestampError
from asap.models.constants import (
    MAX_ENVELOPE_AGE_SECONDS,
    MAX_FUTURE_TOLERANCE_SECONDS,
    NONCE_TTL_SECONDS,
)
from asap.models.envelope import Envelope

_SHOWN = 200  # characters of a nonce that is refused
_MAX_AGE = timedelta(seconds=MAX_ENVELOPE_AGE_SECONDS)
_MIN_AGE = timedelta(seconds=-MAX_FUTURE_TOLERANCE_SECONDS)


class NonceStore(Protocol):
    def check_and_mark(self, nonce: str, ttl_seconds: float) -> bool:
        """True if `nonce` was seen within its time to live; else it is marked as seen."""


class InMemoryNonceStore:
    """Nonces of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # by digest: a nonce may be as long as a request
        self._expiry: OrderedDict[bytes, float] = OrderedDict()

    def check_and_mark(self, nonce: str, ttl_seconds: float) -> bool:
        now = self._clock()
        self._forget_expired(now)
        digest = sha256(nonce.encode(errors="surrogatepass")).digest()
        if self._expiry.get(digest, now) > now:
            return True
        self._expiry[digest] = now + ttl_seconds
        return False

    def __len__(self) -> int:
        return len(self._expiry)

    def _forget_expired(self, now: float) -> None:
        # One time to live is used in practice, so the oldest entry is the first to expire.
        while self._expiry and next(iter(self._expiry.values())) <= now:
            self._expiry.popitem(last=False)


def validate_envelope_timestamp(envelope: Envelope, *, now: datetime | None = None) -> None:
    """Raises InvalidTimestampError unless the envelope is at most 300 s old and 30 s ahead."""
    if envelope.timestamp is None:
        return
    sent = _aware(envelope.timestamp)
    age = (now or datetime.now(UTC)) - sent
    if age > _MAX_AGE:
        raise _too_old(envelope, sent, age.total_seconds())
    if age < _MIN_AGE:
        raise _too_far_ahead(envelope, sent, -age.total_seconds())


def validate_envelope_nonce(envelope: Envelope, store: NonceStore | None) -> None:
    """Raises InvalidNonceError for a malformed or repeated nonce; having none is allowed."""
    extensions = envelope.extensions
    if store is None or not extensions or "nonce" not in extensions:
        return
    nonce = extensions["nonce"]
    if not isinstance(nonce, str) or not nonce:
        raise _invalid_nonce(envelope, nonce, "Nonce must be a non-empty string")
    if store.check_and_mark(nonce, NONCE_TTL_SECONDS):
        raise _invalid_nonce(envelope, nonce, f"Duplicate nonce detected: {nonce[:_SHOWN]}")


def _aware(timestamp: datetime) -> datetime:
    return timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)


def _too_old(envelope: Envelope, sent: datetime, age: float) -> InvalidTimestampError:
    return InvalidTimestampError(
        timestamp=sent.isoformat(),
        message=f"Envelope timestamp is too old: {age:.1f} s (limit {MAX_ENVELOPE_AGE_SECONDS} s)",
        age_seconds=age,
        details={"envelope_id": envelope.id, "max_age_seconds": MAX_ENVELOPE_AGE_SECONDS},
    )


def _too_far_ahead(envelope: Envelope, sent: datetime, offset: float) -> InvalidTimestampError:
    limit = MAX_FUTURE_TOLERANCE_SECONDS
    return InvalidTimestampError(
        timestamp=sent.isoformat(),
        message=f"Envelope timestamp is in the future: {offset:.1f} s ahead (limit {limit} s)",
        future_offset_seconds=offset,
        details={"envelope_id": envelope.id, "max_future_tolerance_seconds": limit},
    )


def _invalid_nonce(envelope: Envelope, nonce: object, message: str) -> InvalidNonceError:
    return InvalidNonceError(
        nonce=str(nonce)[:_SHOWN], message=message, details={"envelope_id": envelope.id}
    )
