"""All users of this generator: who is there, and what load they offer together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from time import monotonic

from asapbench.offer import Event, Load
from asapbench.workers.generate.scene import Scene
from asapbench.workers.generate.session import Session
from asapbench.workers.generate.turns import Turns

SWEEP = 0.1  # seconds between two looks for what took too long
_DRAIN_LOOK = 0.005  # seconds between two looks whether the last request was answered


class Crowd:
    """Users join and leave as locust says; slot and seat meet here."""

    def __init__(self, scene: Scene, tell: Callable[[Event], None]) -> None:
        self._scene = scene
        self._tell = tell
        self._numbers = count()
        self._seated: list[Session] = []
        self._leaving: list[Session] = []
        self._turns: Turns | None = None
        self._awaited: int | None = None
        scene.agenda.every(SWEEP, self._sweep)

    def offer(self, load: Load) -> None:
        """Begin or change the load; the users for it come and go as locust says."""
        self._awaited = load.users
        self._give_due()
        if load.rate is None:
            self._turns = None
            self._scene.pause = load.pause
            for session in self._seated:
                session.resume()
        else:
            self._scene.pause = None
            self._turns = Turns(monotonic(), load.rate, load.users)
            self._give_turns(self._turns)
        self._tell_ramped()

    def join(self) -> Session:
        session = Session(self._scene, next(self._numbers))
        self._seated.append(session)
        self._tell_ramped()
        return session

    def leave(self, session: Session) -> None:
        """Give up the seat; what is owed is still sent."""
        self._seated.remove(session)
        self._leaving.append(session)
        session.leave()
        self._tell_ramped()

    def stop(self, drain: float, stopped: Callable[[], None]) -> None:
        """Begin no request any more; when all are answered, or after `drain` s, call back."""
        now = monotonic()
        for planned, session in self._due(now):
            session.owe(planned)
        self._turns = self._scene.pause = None
        for session in self._everyone():
            session.halt(now)
        self._await_answers(now + drain, stopped)

    def _give_turns(self, turns: Turns) -> None:
        if turns is self._turns:
            self._give_due()
            self._scene.agenda.at(turns.next, partial(self._give_turns, turns))

    def _give_due(self) -> None:
        for planned, session in self._due(monotonic()):
            session.due(planned)

    def _due(self, now: float) -> Iterator[tuple[float, Session]]:
        """Take the slots up to now whose seat has a user."""
        for planned, seat in self._turns.due(now) if self._turns else ():
            if seat < len(self._seated):
                yield planned, self._seated[seat]

    def _await_answers(self, until: float, stopped: Callable[[], None]) -> None:
        now = monotonic()
        if now < until and any(session.asking for session in self._everyone()):
            again = partial(self._await_answers, until, stopped)
            self._scene.agenda.at(now + _DRAIN_LOOK, again)
            return
        for session in self._everyone():
            session.abandon(now)
        stopped()

    def _sweep(self) -> None:
        now = monotonic()
        for session in self._everyone():
            session.expire(now - self._scene.timeout, now)
        for session in [session for session in self._leaving if session.finished]:
            session.abandon(now)
            self._leaving.remove(session)

    def _everyone(self) -> list[Session]:
        return [*self._seated, *self._leaving]

    def _tell_ramped(self) -> None:
        if self._awaited == len(self._seated):
            self._awaited = None
            self._tell(Event(event="ramped", at=monotonic(), users=len(self._seated)))
