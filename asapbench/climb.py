"""Up the ladder with real users: offers each step, waits for it to settle, measures, lets it rest.

Which load comes next is decided by `asapbench.ladder` from what was recorded so far.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from asapbench.ladder.alone import ALONE, ANSWERS
from asapbench.ladder.conclude import so_far
from asapbench.ladder.evidence import PAUSE, rungs_of, steps_of
from asapbench.ladder.plateau import next_users
from asapbench.ladder.recovery import Refuge, collapsed, refuge
from asapbench.ladder.rung import ROLES, Role, Rung, users_for
from asapbench.ladder.search import Ladder, Next, find, next_load, trials
from asapbench.ladder.shock import recovered_in
from asapbench.model import Metric, Recorder, Tick, Window
from asapbench.offer import Load
from asapbench.series import Writer
from asapbench.traffic import Traffic

SPAWN_RATE = 2000.0  # users/s: what a step shows must not depend on how its users came
_LEAD = 0.1  # seconds from the command to the first slot of a load
_RECOVERY_LOOKS = (0.0, 0.25, 0.5, 1.0, 2.0)  # times the length of a step
_LEAST_PATIENCE = 5.0  # seconds for a backlog
_COLD = 0.5  # seconds of one user that are thrown away: a server is slower at its first requests
_ALONE = 1.0  # seconds at least in which one user is looked at
_ALONE_LOOK = 0.5  # seconds between two looks whether it has got enough answers
# word, field of a rung, unit
_SHOWN = (
    ("users", "users", "count"),
    ("offered", "offered", "req/s"),
    ("achieved", "achieved", "req/s"),
    ("p50", "p50", "s"),
    ("p95", "p95", "s"),
    ("p99", "p99", "s"),
    ("errors", "error_rate", "ratio"),
    ("in flight", "in_flight", "count"),
    ("CPU", "server_cpu", "cores"),
    ("memory", "server_rss", "B"),
)


@dataclass(frozen=True)
class Pace:
    """How levels become loads and how long each is held; times in seconds.

    `per_user` is req/s (a level in req/s), or None where a level is a number of users in a closed
    loop. `burst` are busy and quiet seconds. `timeout` is how long a request may take.
    """

    per_user: float | None
    settle: float
    measure: float
    burst: tuple[float, float] | None = None
    timeout: float = 10.0

    def users(self, level: float, least: int = 1) -> int:
        """How many users a level takes; never a part of one. `least` may share a rate."""
        if self.per_user is None:
            return max(1, round(level))
        return max(least, users_for(level, self.per_user))

    def rate(self, level: float) -> float | None:
        """What they offer together on average."""
        return None if self.per_user is None else level

    def load(self, level: float, least: int = 1) -> Load:
        """The load as the generators are told, of so many users at least; it begins in a moment."""
        rate = self.rate(level)
        busy = 1.0 if self.burst is None else sum(self.burst) / self.burst[0]
        return Load(
            users=self.users(level, least),
            spawn_rate=SPAWN_RATE,
            rate=None if rate is None else rate * busy,
            pause=PAUSE if rate is None else (0.0, 0.0),
            burst=self.burst,
            start=time.monotonic() + _LEAD,
        )


class Climb:
    """The steps of one run; every method yields ticks."""

    def __init__(self, traffic: Traffic, recorder: Recorder, pace: Pace, steps: Writer) -> None:
        self._traffic = traffic
        self._recorder = recorder
        self._pace = pace
        self._steps = steps
        self._number = 0
        self._recovered = False
        self._so_far: tuple[Metric, ...] = ()
        self.rungs: list[Rung] = []

    def warm_up(self, level: float) -> Iterator[Tick]:
        """See what one user gets alone; then offer a load whose numbers are thrown away."""
        self._write(level, "warm-up")
        if self._pace.per_user is not None:
            yield from self._alone()
        yield from self._told(level, "warm-up", self._traffic.ramp(self._load(level)))
        held = self._traffic.hold("warm-up", max(1.0, self._pace.settle))
        yield from self._told(level, "warm-up", held)
        yield from self._rest()

    def _alone(self) -> Iterator[Tick]:
        """One user of each generator, request after request: what an answer takes by itself.

        That is before any other user has come: from then on all of them ask when a load begins. A
        server that is slow is waited for, until it has answered some or one is overdue.
        """
        load = Load(users=self._traffic.size, spawn_rate=SPAWN_RATE, rate=None, pause=PAUSE)
        yield from self._told(0.0, "warm-up", self._traffic.ramp(load))
        yield from self._told(0.0, "warm-up", self._traffic.settle("warm-up", _COLD))
        before = self._traffic.answers

        def enough() -> bool:
            return self._traffic.answers - before >= ANSWERS

        held = self._traffic.hold_until_decided(ALONE, _looks(self._pace.timeout), enough)
        yield from self._told(0.0, "warm-up", held)
        yield from self._rest()

    def search(self, ladder: Ladder, enough: Callable[[], bool]) -> Iterator[Tick]:
        """Up to the first load that breaks the server, then between that and the last good one.

        `enough` is asked before each step of the latter. Where the server does not get over a load
        that was too much, that is the end: how it does from then on says nothing of other loads.
        """
        following = next_users if ladder.whole else next_load
        while (load := following(self.rungs, ladder)) is not None:
            if load.role == "search" and enough():
                return
            if not (yield from self._survived(load)):
                return

    def _survived(self, load: Next) -> Generator[Tick, None, bool]:
        """Offer a load; say whether the server can be asked more."""
        before = refuge(self.rungs, load.level)
        again = load.role == "repeat" and self.rungs[-1].broken
        yield from self._step(load.level, load.role)
        well = None
        if again and not self._recovered:
            # dropped at once: what is measured is how the server gets over this very load
            well = yield from self.recover(before)
        yield from self._rest()
        yield from self._judge()
        if not self._recovered or well or (well is None and not collapsed(self.rungs)):
            return True
        # now nothing is owed any more: one that is not well is so of itself
        well = yield from self.recover(before)
        yield from self._rest()
        return well

    def spike(self, quiet: float, most: float) -> Iterator[Tick]:
        """A quiet level, a jump, and back."""
        yield from self._quiet(quiet)
        yield from self._step(most, "spike")
        yield from self.recover(refuge(self.rungs, 2 * quiet))
        yield from self._rest()
        yield from self._judge()

    def _quiet(self, level: float) -> Iterator[Tick]:
        """Offer the level from which a spike rises; where it is broken, once more.

        What is still owed is known only after a rest, so that is when it counts as broken.
        """
        while True:
            yield from self._step(level, "quiet")
            yield from self._judge()
            if not self.rungs[-1].broken:
                return
            yield from self._rest()
            yield from self._judge()
            if trials(self.rungs)[-1].outcome in ("bad", "limited"):
                return

    def recover(self, to: Refuge) -> Generator[Tick, None, bool]:
        """Drop to a level and wait until the server is as it was there, or for some time.

        Says whether it is.
        """
        dropped, level, well = time.monotonic(), to.level, False
        self._write(level, "recovery")
        name = f"recovery-{self._number}"
        yield from self._told(level, "recovery", self._traffic.ramp(self._load(level)))
        looks = tuple(1.5 + self._pace.measure * share for share in _RECOVERY_LOOKS)

        def healthy() -> bool:
            nonlocal well
            run = self._recorder.run()
            window = Window(name=name, start=dropped, end=time.monotonic())
            well = recovered_in(run, steps_of(run)[-1], window, to.worst) is not None
            return well

        held = self._traffic.hold_until_decided(name, looks, healthy)
        yield from self._told(level, "recovery", held)
        return well

    def _step(self, level: float, role: Role) -> Iterator[Tick]:
        """Offer a load, let it settle, measure it; a spike is measured from its onset on."""
        self._number += 1
        self._write(level, role)
        name = f"step {self._number}"
        yield from self._told(level, name, self._traffic.ramp(self._load(level)))
        settle = 0.0 if role == "spike" else self._pace.settle
        yield from self._told(level, name, self._traffic.settle(name, self._left(settle)))
        seconds = self._pace.measure + self._pace.settle - settle
        yield from self._told(level, name, self._traffic.hold(f"step-{self._number}", seconds))

    def _load(self, level: float) -> Load:
        return self._pace.load(level, self._least)

    @property
    def _least(self) -> int:
        """The users of the lowest load that was too much: they are there, and share a lower one.

        Fewer come to less by themselves where answers take long, and that is no end of the server.
        """
        bad = find(self.rungs).bad
        return bad.users if bad else 1

    def _left(self, settle: float) -> float:
        """Until the window begins: in bursts that is with one of them."""
        return max(0.0, self._traffic.begins + settle - time.monotonic())

    def _judge(self) -> Iterator[Tick]:
        """Judge all steps, now that no request of theirs is missing."""
        run = self._recorder.run()
        shown, self.rungs = len(self.rungs), rungs_of(run)
        broken = find(self.rungs).bad is not None
        self._recovered = broken and any(step.role == "recovery" for step in steps_of(run))
        self._so_far = so_far(self.rungs, closed=self._pace.per_user is None)
        yield from map(_shown, self.rungs[shown:])

    def _rest(self) -> Iterator[Tick]:
        ticks = self._traffic.rest("drain", max(_LEAST_PATIENCE, self._pace.measure))
        yield from self._told(0.0, "drain", ticks)

    def _told(self, level: float, phase: str, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Ticks with what is offered beside what is seen."""
        users = self._pace.users(level, self._least) if level else 0
        rate = self._pace.rate(level)
        for tick in ticks:
            seen = {name: (value, unit) for name, value, unit in tick.numbers}
            numbers: list[tuple[str, float, str]] = [("users", float(users), "count")]
            if rate is not None:
                numbers.append(("offered", rate, "req/s"))
            for name, word in (("throughput", "achieved"), ("latency.p95", "p95")):
                if name in seen:
                    numbers.append((word, *seen[name]))
            yield tick.model_copy(
                update={"phase": phase, "numbers": tuple(numbers), "so_far": self._so_far}
            )

    def _write(self, level: float, role: Role) -> None:
        rate = self._pace.rate(level)
        cycle = math.nan if self._pace.burst is None else sum(self._pace.burst)
        self._steps.append(
            time.monotonic(),
            self._number,
            ROLES.index(role),
            level,
            self._pace.users(level, self._least),
            math.nan if rate is None else rate,
            cycle,
        )


def _looks(most: float) -> tuple[float, ...]:
    """When to look whether one user has got enough answers, up to that many seconds."""
    more = math.ceil(max(0.0, most - _ALONE) / _ALONE_LOOK)
    return tuple(_ALONE + _ALONE_LOOK * number for number in range(1 + more))


def _shown(rung: Rung) -> Tick:
    """A step that is done, as a line that stays."""
    fields = ((word, getattr(rung, field), unit) for word, field, unit in _SHOWN)
    return Tick(
        phase=f"step {rung.step}",
        doing=rung.state,
        elapsed=0.0,
        progress=1.0,
        numbers=tuple(
            (word, float(value), unit) for word, value, unit in fields if value is not None
        ),
        kept=True,
    )
