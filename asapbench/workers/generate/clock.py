"""The wall clock as requests carry it, read a few times a second instead of once a request."""

from __future__ import annotations

from datetime import UTC, datetime

PERIOD = 0.05  # seconds


class Clock:
    """`now` is ISO 8601 in UTC, always of the same length; it stands still between ticks."""

    def __init__(self) -> None:
        self.tick()

    def tick(self) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        self.now = f"{now.isoformat(timespec='milliseconds')}Z".encode()
