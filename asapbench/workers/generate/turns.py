"""The plan of an open load: slot k is at `start + k / rate` and belongs to seat `k % seats`.

So every user has slots `seats / rate` apart, the users are staggered evenly, and together they are
an even grid. A slot is given out once, however late.
"""

from __future__ import annotations

from collections.abc import Iterator


class Turns:
    """Gives out the slots of one load."""

    def __init__(self, start: float, rate: float, seats: int) -> None:
        self._start = start
        self._rate = rate
        self._seats = seats
        self._slot = 0

    @property
    def next(self) -> float:
        """When the next slot is."""
        # a product, not a running sum: an hour of rounding errors would be a drift
        return self._start + self._slot / self._rate

    def due(self, now: float) -> Iterator[tuple[float, int]]:
        """Take the slots up to `now`: their planned times and seats."""
        while (planned := self.next) <= now:
            seat = self._slot % self._seats
            self._slot += 1
            yield planned, seat
