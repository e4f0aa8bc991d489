"""What one user does: the slots it owes, and the request that is open."""

from __future__ import annotations

from collections import deque
from functools import partial
from math import nan
from random import Random
from time import monotonic

from asapbench.offer import Flag, Outcome
from asapbench.workers.generate.connection import Connection
from asapbench.workers.generate.deck import deck
from asapbench.workers.generate.failure import Failure, wrong_status
from asapbench.workers.generate.scene import Scene

# plain numbers: those of an enum are made anew by each `|`, which costs a microsecond
_WAITED, _CONNECTED, _CENSORED = map(int, (Flag.WAITED, Flag.CONNECTED, Flag.CENSORED))
_NEVER_SENT = _CENSORED | _WAITED
_UNKNOWN = (nan, nan)

_BACKOFF = 0.1  # seconds until a closed loop tries again to connect: it must not spin
_DISTURBED = Failure(Outcome.INVALID, 0, "before it came an answer that no request asked for")


class Session:
    """A user's requests, one at a time over its connection, which opens when the user is made.

    A request waited if the connection was busy at its planned time: with the request before it, or
    with those behind which that one waited. Slots that came late because this process was late find
    the connection idle at their time, and have not waited.
    """

    def __init__(self, scene: Scene, user: int) -> None:
        self._scene = scene
        self._user = user
        self._deck = deck(scene.weights, scene.seed + user)
        self._random = Random(scene.seed + user)  # noqa: S311 - a load, not a secret
        self._owed: deque[float] = deque()
        self._busy = True  # with opening the connection
        self._busy_since = self._free_at = monotonic()
        self._disturbed = False
        self._leaving = False
        self._pauses = 0
        self.asking = False
        self._connection = Connection(scene.loop, scene.origin, self)
        self._connection.open()

    @property
    def finished(self) -> bool:
        """It is leaving, and owes nothing any more."""
        return self._leaving and not self._busy and not self._owed

    @property
    def idle(self) -> bool:
        """No request is open, and none is owed."""
        return not self._busy and not self._owed

    def due(self, planned: float) -> None:
        """Send a request for this slot, as soon as those before it are answered."""
        if self._busy or self._owed:
            self._owed.append(planned)
        else:
            self._ask(planned)

    def resume(self) -> None:
        """Send what is to be sent now; nothing while a request is open."""
        if self._busy:
            return
        self._pauses += 1
        if self._owed:
            self._ask(self._owed.popleft())
        elif self._scene.pause is not None and not self._leaving:
            self._ask(None)

    def leave(self) -> None:
        """Begin no new request but those owed."""
        self._leaving = True

    def expire(self, before: float, now: float) -> None:
        """Give up what began before a time and is not finished."""
        self._connection.expire(before, now)

    def surrender(self) -> list[float]:
        """Give back the slots that are owed, but for those that this process was late for.

        Those are from before the connection was busy, so no server kept them waiting.
        """
        owed, self._owed = self._owed, deque()
        return [planned for planned in owed if planned >= self._busy_since]

    def forgo(self, planned: float, now: float) -> None:
        """Write down a slot that is never to be sent."""
        row = (planned, nan, now, 0, self._user, next(self._deck))
        self._scene.records.row(*row, 0, _NEVER_SENT, nan, nan)

    def abandon(self, now: float) -> None:
        """Write down the request that is still open, and close the connection."""
        if self.asking:
            self._scene.open -= 1
            self._row(now, Outcome.OK, 0, _CENSORED)
        self._connection.close()

    def opened(self) -> None:
        self._free(monotonic())
        self.resume()

    def answered(self, done: float, status: int, body: bytes, split: tuple[float, float]) -> None:
        if status == 200:
            failure = self._exchange.check(self._number, body)
        else:
            failure = wrong_status(status, body)
        self._finish(done, failure, split)
        if failure is not None and failure.outcome is Outcome.MISMATCH:
            self._connection.close()  # it may be one answer behind, and stay so
        self._go_on()

    def failed(self, done: float, failure: Failure) -> None:
        self._finish(done, failure)
        if self._scene.pause is not None and failure.outcome is Outcome.CONNECT:
            self._scene.agenda.at(monotonic() + _BACKOFF, self.resume)
        else:
            # going on at once could fail at once, and so on, without an end
            self._scene.loop.run_callback(self._go_on)

    def disturbed(self) -> None:
        self._disturbed = True

    def _ask(self, planned: float | None) -> None:
        self._busy = self.asking = True
        self._endpoint = next(self._deck)
        self._exchange = self._scene.exchanges[self._endpoint]
        self._number = next(self._scene.numbers)
        request = self._exchange.request(self._number)
        self._sent = now = monotonic()
        self._planned = now if planned is None else planned
        self._waited = self._busy_since <= self._planned < self._free_at
        if not self._waited:
            self._busy_since = now
        self._scene.open += 1
        self._connection.send(request, now, planned=planned is not None)

    def _finish(
        self, done: float, failure: Failure | None, split: tuple[float, float] = _UNKNOWN
    ) -> None:
        self._scene.open -= 1
        if self._disturbed:
            self._disturbed = False
            failure = failure or _DISTURBED
        if failure is None:
            self._row(done, 0, 0, 0, split)
        else:
            self._row(done, failure.outcome, failure.code, 0, split)
            self._scene.records.failed(self._endpoint, failure)
        self._free(done)

    def _row(
        self,
        done: float,
        outcome: int,
        code: int,
        flags: int,
        split: tuple[float, float] = _UNKNOWN,
    ) -> None:
        if self._waited:
            flags |= _WAITED
        if self._connection.opened_for_request:
            flags |= _CONNECTED
        ask = (self._planned, self._sent, done, code, self._user, self._endpoint)
        arrived, departed = split
        if not self._sent <= arrived <= departed <= done:
            arrived = departed = nan
        self._scene.records.row(*ask, outcome, flags, arrived, departed)

    def _free(self, now: float) -> None:
        self._busy = self.asking = False
        self._free_at = now

    def _go_on(self) -> None:
        """Send the next request, in a closed loop after a pause."""
        pause = self._scene.pause
        if pause is None or not pause[1] or self._owed:
            self.resume()
        else:
            at = monotonic() + self._random.uniform(*pause)
            self._pauses += 1
            self._scene.agenda.at(at, partial(self._end_pause, self._pauses))

    def _end_pause(self, number: int) -> None:
        """Go on, unless a load that came meanwhile did: each user has one loop, not several."""
        if number == self._pauses:
            self.resume()
