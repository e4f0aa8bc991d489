"""A whole `asapbench stress` in simulated time: users with one request each, a made-up server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from math import inf, nan
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from asapbench.climb import Climb
from asapbench.commands.stress import BENCH, StressPlan
from asapbench.conclusion import conclude
from asapbench.ladder.evidence import STEPS
from asapbench.model import Environment, Measurement, Report, Run, Story, Target, Tick, Window
from asapbench.offer import REQUESTS, Flag, Load, Outcome
from asapbench.series import Layout
from asapbench.targets import read_table

_JITTER = 0.2e-3  # seconds, the scale of what the network adds to each answer
_MACHINE = Environment(
    hostname="",
    system="",
    cpu="",
    cores=2,
    memory=2**34,
    python="",
    versions={},
    commit=None,
    load_average=0.0,
    server_cpus=(),
    generator_cpus=(),
)


@dataclass(frozen=True)
class Server:
    """What a request takes by how many are in flight with it, in one of so many slots.

    What finds `most` in flight is turned away at once. `late` is what is added to each answer when
    so many a second are asked.
    """

    takes: Callable[[int], float]
    slots: int = 10_000
    most: float = inf
    late: Callable[[float], float] = lambda _: 0.0


def slots(number: int, seconds: float) -> Server:
    """So many requests at a time, of which each takes so long."""
    return Server(lambda _: seconds, number)


class Crowd:
    """Stands in for the generators, the clock, and what is written down: see Traffic, Recorder.

    A row is there once its request is answered, as on disk.
    """

    def __init__(self, server: Server, story: Story, seed: int) -> None:
        self.story, self.now, self.begins, self.size = story, 100.0, 0.0, 1
        self._server, self._random = server, np.random.default_rng(seed)
        self._slots = [0.0] * server.slots
        self._flying: list[float] = []
        self._rows: list[tuple[float, ...]] = []
        self._steps: list[tuple[float, ...]] = []
        self._users: list[_User] = []
        self._due: list[tuple[float, int]] = []  # when which user sends
        self._load: Load | None = None
        self._turn = 0

    @property
    def answers(self) -> int:
        return sum(row[2] <= self.now for row in self._rows)

    def ramp(self, load: Load) -> Iterator[Tick]:
        self._load, self._turn = load, 0
        self.begins = self.now if load.start is None else load.start
        while len(self._users) < load.users:
            self._users.append(_User())
        if load.rate is None:
            self._due = [(self.now, user) for user in range(load.users)]
        yield from self._pass(self.begins)

    def settle(self, _: str, seconds: float) -> Iterator[Tick]:
        yield from self._pass(self.now + seconds)

    def hold(self, name: str, seconds: float) -> Iterator[Tick]:
        yield from self.hold_until_decided(name, (seconds,), lambda: True)

    def hold_until_decided(
        self, name: str, looks: Sequence[float], decided: Callable[[], bool]
    ) -> Iterator[Tick]:
        began = self.now
        for look in looks:
            yield from self._pass(began + look)
            window = Window(name=name, start=began, end=self.now)
            self.tell(windows=self.story.windows_with(window))
            if decided():
                return

    def rest(self, _: str, patience: float) -> Iterator[Tick]:
        self._load, deadline = None, self.now + patience
        while self._due and self._due[0][0] <= deadline:
            self._send()
        last = max((user.free for user in self._users), default=self.now)
        self.now = deadline if self._due else max(self.now, min(last, deadline))
        for number, user in enumerate(self._users):
            self._rows += [_never_sent(planned, self.now, number) for planned in user.owed]
            user.owed.clear()
        self._due = []
        yield from ()

    def tell(self, **changes: Any) -> None:
        self.story = self.story.model_copy(update=changes)

    def append(self, *values: float) -> None:
        self._steps.append(values)

    def run(self) -> Run:
        rows = [row for row in self._rows if row[2] <= self.now]
        return Run(self.story, (_table(REQUESTS, rows), _table(STEPS, self._steps)))

    def _pass(self, until: float) -> Iterator[Tick]:
        while min(turn := self._next_turn(), self._due[0][0] if self._due else inf) < until:
            if self._due and self._due[0][0] <= turn:
                self._send()
            else:
                self._give(turn)
        self.now = max(self.now, until)
        yield Tick(phase="", elapsed=0.0, progress=0.0)

    def _next_turn(self) -> float:
        if self._load is None or self._load.rate is None:
            return inf
        return self.begins + self._turn / self._load.rate

    def _give(self, planned: float) -> None:
        assert self._load is not None  # noqa: S101 - else there is no turn
        number = self._turn % self._load.users
        user = self._users[number]
        if not user.owed:
            heappush(self._due, (max(planned, user.free), number))
        user.owed.append(planned)
        self._turn += 1

    def _send(self) -> None:
        sent, number = heappop(self._due)
        user = self._users[number]
        planned = user.owed.popleft() if user.owed else sent
        done, outcome = self._answered(sent)
        flags = Flag.WAITED if sent > planned else Flag(0)
        self._rows.append((planned, sent, done, 0, number, 0, outcome, flags, nan, nan))
        user.free = done
        if user.owed:
            heappush(self._due, (done, number))
        elif self._load is not None and self._load.rate is None:
            heappush(self._due, (done + self._random.uniform(*self._load.pause), number))

    def _answered(self, sent: float) -> tuple[float, Outcome]:
        while self._flying and self._flying[0] <= sent:
            heappop(self._flying)
        if len(self._flying) >= self._server.most:
            return sent + 1e-3, Outcome.HTTP_5XX
        ready = max(sent, self._slots[0]) + self._server.takes(len(self._flying) + 1)
        heapreplace(self._slots, ready)
        rate = self._load.rate if self._load and self._load.rate else 0.0
        done = ready + self._server.late(rate) + self._random.gamma(2, _JITTER)
        heappush(self._flying, done)
        return done, Outcome.OK


class _User:
    """What it owes, and when its last request is answered."""

    def __init__(self) -> None:
        self.owed: deque[float] = deque()
        self.free = 0.0


def _never_sent(planned: float, now: float, user: int) -> tuple[float, ...]:
    return (planned, nan, now, 0, user, 0, 0, Flag.CENSORED | Flag.WAITED, nan, nan)


def _table(layout: Layout, rows: Sequence[tuple[float, ...]]) -> Measurement:
    whole = np.array(rows, float).reshape(-1, len(layout.columns)).T
    columns = {
        column.name: values if column.code == "d" else values.astype(int)
        for column, values in zip(layout.columns, whole, strict=True)
    }
    return Measurement(layout.name, columns, {})


def stressed(
    server: Server, plan: StressPlan, targets: Sequence[Target] = (), seed: int = 0
) -> Report:
    """What `asapbench stress` reports of such a server."""
    rows = tuple(targets) or read_table("stress", None)
    story = Story(
        command="stress",
        started_at="",
        plan=plan.model_dump(mode="json"),
        environment=_MACHINE,
        targets=rows,
        ended="complete",
    )
    crowd: Any = Crowd(server, story, seed)
    first, top = plan.level(plan.step_users), plan.level(plan.max_users)
    with patch("asapbench.climb.time", SimpleNamespace(monotonic=lambda: crowd.now)):
        climb = Climb(crowd, crowd, plan.pace, crowd)
        for _ in climb.warm_up(first):
            pass
        spike = plan.profile == "spike"
        for _ in climb.spike(first, top) if spike else climb.search(plan.ladder, lambda: False):
            pass
    return conclude(BENCH, crowd.run())
