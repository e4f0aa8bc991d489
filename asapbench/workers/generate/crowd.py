"""All users of this generator: who is there, and what load they offer together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from heapq import merge
from itertools import islice, repeat
from math import inf
from operator import itemgetter
from time import monotonic

from asapbench.offer import Event, Load
from asapbench.workers.generate.scene import Scene
from asapbench.workers.generate.session import Session
from asapbench.workers.generate.turns import Turns

SWEEP = 0.1  # seconds between two looks for what took too long
_DRAIN_LOOK = 0.005  # seconds between two looks whether the last request was answered
_REST_LOOK = 0.02  # seconds between two looks whether all users rest
_AT_ONCE = 200  # slots given out before answers and commands have their turn
_OFF_AT_ONCE = 1000  # the same of slots that were never sent
_WRITE_OFF = 2.0  # seconds for slots that were never sent; a million of them


class Crowd:
    """Users join and leave as locust says; slot and seat meet here."""

    def __init__(self, scene: Scene, tell: Callable[[Event], None]) -> None:
        self._scene = scene
        self._tell = tell
        self._seated: list[Session] = []
        self._leaving: list[Session] = []
        self._plans: list[Turns] = []  # the last is in force, those before have slots left
        self._awaited: int | None = None
        scene.agenda.every(SWEEP, self._sweep)

    def offer(self, load: Load) -> None:
        """Begin or change the load; the users for it come and go as locust says.

        Once they are there that is told, but of a shared load: its users may be anywhere.
        """
        self._awaited = load.users if load.shares == 1 else None
        start = monotonic() if load.start is None else load.start
        for turns in self._plans:
            turns.end(start)
            self._give(turns)
        if load.rate is None:
            self._scene.pause = load.pause
            for session in self._seated:
                session.resume()
        else:
            self._scene.pause = None
            turns = Turns(start, load.rate, load.users, load.share, load.shares, load.burst)
            if load.requests is not None:
                turns.end(start + (load.requests - 0.5) / load.rate)  # between two slots
            self._plans.append(turns)
            self._give_turns(turns)
        self._look_whether_ramped()

    def tell_ramped(self) -> None:
        """Tell that all users are there, of which this generator may have a part."""
        self._tell(Event(event="ramped", at=monotonic(), users=len(self._seated)))

    def join(self) -> Session:
        session = Session(self._scene, next(self._scene.users))
        self._seated.append(session)
        self._look_whether_ramped()
        return session

    def leave(self, session: Session) -> None:
        """Give up the seat; what is owed is still sent."""
        self._seated.remove(session)
        self._leaving.append(session)
        session.leave()
        self._look_whether_ramped()

    def rest(self, patience: float) -> None:
        """Plan nothing any more, and tell when no user owes a request.

        Slots not sent within `patience` seconds are written as censored; a request that is then
        still open stays so.
        """
        now = monotonic()
        self._scene.pause = None
        for turns in self._plans:
            turns.end(now)
        self._await_rest(now + patience)

    def _await_rest(self, deadline: float) -> None:
        now = monotonic()
        if now < deadline and (self._plans or not all(one.idle for one in self._everyone())):
            self._scene.agenda.at(now + _REST_LOOK, partial(self._await_rest, deadline))
            return
        self._forgo_all(self._surrendered(), now)

    def _forgo_all(self, unsent: Iterator[tuple[float, Session]], began: float) -> None:
        """Write off what was never sent, in portions: answers and commands have their turn too."""
        if self._write_off(unsent, began) and monotonic() < began + _WRITE_OFF:
            self._scene.agenda.at(monotonic(), partial(self._forgo_all, unsent, began))
        else:
            self._tell(Event(event="rested", at=monotonic()))

    def stop(self, drain: float, stopped: Callable[[], None]) -> None:
        """Begin no request any more; when all are answered, or after `drain` s, call back.

        Slots that users owe because the server keeps them waiting are written as censored, in the
        order of their times, for as many as a few seconds allow. Slots that this process has not
        given out are not: no server is to blame, and what is missing can be told from the plan.
        """
        now = monotonic()
        self._scene.pause = None
        self._wind_down(self._surrendered(), now, drain, stopped)

    def _give_turns(self, turns: Turns) -> None:
        if turns not in self._plans:
            return
        self._give(turns)
        if turns.next == inf:
            self._plans.remove(turns)
        else:
            self._scene.agenda.at(turns.next, partial(self._give_turns, turns))

    def _give(self, turns: Turns) -> None:
        """Give the slots up to now to those in their seats; a seat may be empty."""
        for planned, seat in turns.due(monotonic(), _AT_ONCE):
            if seat < len(self._seated):
                self._seated[seat].due(planned)

    def _surrendered(self) -> Iterator[tuple[float, Session]]:
        """Take the slots that users owe, and end all plans."""
        owed = [zip(session.surrender(), repeat(session)) for session in self._everyone()]
        self._plans = []
        return merge(*owed, key=itemgetter(0))

    def _wind_down(
        self,
        unsent: Iterator[tuple[float, Session]],
        began: float,
        drain: float,
        stopped: Callable[[], None],
    ) -> None:
        more = self._write_off(unsent, began)
        now = monotonic()
        more = more and now < began + _WRITE_OFF
        if more or (now < began + drain and any(one.asking for one in self._everyone())):
            again = partial(self._wind_down, unsent, began, drain, stopped)
            self._scene.agenda.at(now if more else now + _DRAIN_LOOK, again)
            return
        for session in self._everyone():
            session.abandon(now)
        stopped()

    @staticmethod
    def _write_off(unsent: Iterator[tuple[float, Session]], now: float) -> bool:
        """Write a portion of slots as never sent; say whether there may be more."""
        written = 0
        for planned, session in islice(unsent, _OFF_AT_ONCE):
            session.forgo(planned, now)
            written += 1
        return written == _OFF_AT_ONCE

    def _sweep(self) -> None:
        now = monotonic()
        for session in self._everyone():
            session.expire(now - self._scene.timeout, now)
        for session in [session for session in self._leaving if session.finished]:
            session.abandon(now)
            self._leaving.remove(session)

    def _everyone(self) -> list[Session]:
        return [*self._seated, *self._leaving]

    def _look_whether_ramped(self) -> None:
        if self._awaited == len(self._seated):
            self._awaited = None
            self.tell_ramped()
