"""The plan of an open load: slot k is at `start + k / rate` and belongs to seat `k % seats`.

So every user has slots `seats / rate` apart, the users are staggered evenly, and together they are
an even grid. A slot is given out once, however late. Generators that share a load have the same
plan: the one with share i of n has every n-th seat, from seat i on.

With bursts that is the plan of the busy time alone: quiet time is let into it after each burst.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf


class Turns:
    """Gives out the slots that one generator has of a load; its own seats are numbered from 0."""

    def __init__(
        self,
        start: float,
        rate: float,
        seats: int,
        share: int = 0,
        shares: int = 1,
        burst: tuple[float, float] | None = None,
    ) -> None:
        self._start = start
        self._burst = burst
        self._rate = rate
        self._seats = seats
        self._first, self._step = share, shares
        self._own_seats = len(range(share, seats, shares))
        self._end = inf
        self._round = self._seat = 0
        self._next = self._time_of(share) if self._own_seats else inf

    @property
    def next(self) -> float:
        """When the next slot is; infinite where no more will be."""
        return self._next

    def end(self, at: float) -> None:
        """Give out no slot planned at this time or later."""
        self._end = min(self._end, at)
        if self._next >= self._end:
            self._next = inf

    def due(self, now: float, most: int | None = None) -> Iterator[tuple[float, int]]:
        """Take the slots up to `now`, or the first of them: planned times and own seats."""
        while self._next <= now and most != 0:
            due = self._next, self._seat
            self._advance()
            if most is not None:
                most -= 1
            yield due

    def _advance(self) -> None:
        self._seat += 1
        if self._seat == self._own_seats:
            self._round, self._seat = self._round + 1, 0
        slot = self._round * self._seats + self._first + self._seat * self._step
        planned = self._time_of(slot)
        self._next = planned if planned < self._end else inf

    def _time_of(self, slot: int) -> float:
        # a product, not a running sum: an hour of rounding errors would be a drift
        busy = slot / self._rate
        if self._burst is None:
            return self._start + busy
        length, quiet = self._burst
        return self._start + busy + busy // length * quiet
