"""How a climb goes on after each step: what is played is the steps, not the server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

from asapbench.climb import Climb, Pace
from asapbench.ladder.recovery import Refuge
from asapbench.ladder.rung import Role, Rung
from asapbench.ladder.search import Ladder, find
from asapbench.model import Tick

LADDER = Ladder(step=500, top=3000, most=3000)


class Played(Climb):
    """A climb on a server that answers as it is told, until a step from which on it is lost."""

    def __init__(
        self, answer: Callable[[float], float], wedged: int, *, backlog: bool = False
    ) -> None:
        nothing: Any = None
        super().__init__(nothing, nothing, Pace(10.0, 1.0, 4.0), nothing)
        self._answer, self._wedged, self._backlog = answer, wedged, backlog
        self.did: list[tuple[str, float]] = []
        self._seen: list[Rung] = []

    def _step(self, level: float, role: Role) -> Iterator[Tick]:
        achieved = self._answer(level) if len(self._seen) + 1 < self._wedged else 0.0
        self._seen.append(
            Rung(
                step=len(self._seen) + 1,
                role=role,
                level=level,
                users=round(level / 10),
                offered=level,
                achieved=achieved,
                low=achieved,
                state="healthy" if achieved == level else "broken",
            )
        )
        self.did.append((role, level))
        yield from ()

    def recover(self, to: Refuge) -> Generator[Tick, None, bool]:
        self.did.append(("recovery", to.level))
        yield from ()
        owed = self.did[-2][0] == "repeat"
        return len(self._seen) < self._wedged and not (owed and self._backlog)

    def _rest(self) -> Iterator[Tick]:
        yield from ()

    def _judge(self) -> Iterator[Tick]:
        self.rungs = list(self._seen)
        done = any(role == "recovery" for role, _ in self.did)
        self._recovered = done and find(self.rungs).bad is not None
        yield from ()


NEVER = 1000


def played(
    answer: Callable[[float], float], wedged: int = NEVER, *, backlog: bool = False
) -> Played:
    climb = Played(answer, wedged, backlog=backlog)
    list(climb.search(LADDER, lambda: False))
    return climb


def up_to(capacity: float) -> Callable[[float], float]:
    return lambda level: min(level, capacity)


def test_a_server_that_does_not_recover_is_asked_nothing_more() -> None:
    climb = played(up_to(4000), wedged=3)
    assert climb.did == [
        ("ladder", 500),
        ("ladder", 1000),
        ("ladder", 1500),
        ("repeat", 1500),
        ("recovery", 1000),
        ("recovery", 1000),
    ]
    found = find(climb.rungs)
    assert (found.low, found.high) == (1000, 1500)


def test_one_that_recovers_is_searched_to_the_end() -> None:
    climb = played(lambda level: level if level <= 1210 else 0.0)
    found = find(climb.rungs)
    assert found.high is not None
    assert found.low <= 1210 <= found.high
    assert found.high - found.low < 100


def test_one_that_is_lost_in_the_search_is_asked_nothing_more_either() -> None:
    whole = played(up_to(1210))
    searched = next(number for number, rung in enumerate(whole.rungs, 1) if rung.role == "search")
    climb = played(up_to(1210), wedged=searched)
    assert [role for role, _ in climb.did[-2:]] == ["search", "recovery"]
    found = find(climb.rungs)
    assert found.good is not None
    assert (found.good.level, found.bad and found.bad.level) == (1000, 1500)


def test_a_step_that_was_flaky_is_no_reason_to_see_whether_the_server_recovers() -> None:
    levels = iter([500.0, 0.0])
    climb = played(lambda level: next(levels, level))
    assert find(climb.rungs).high is None
    assert climb.rungs[-1].level == 3000


def test_a_backlog_that_takes_long_to_work_off_does_not_end_the_search() -> None:
    climb = played(up_to(1210), backlog=True)
    found = find(climb.rungs)
    assert found.high is not None
    assert found.high - found.low < 100


class Owing(Played):
    """Before a rest the plan of a step that broke seems not to have been sent: much is owed."""

    def _step(self, level: float, role: Role) -> Iterator[Tick]:
        yield from super()._step(level, role)
        if self._seen[-1].broken:
            self._seen[-1] = self._seen[-1].model_copy(update={"doubt": "never sent"})

    def _rest(self) -> Iterator[Tick]:
        self._seen = [rung.model_copy(update={"doubt": ""}) for rung in self._seen]
        yield from ()


def spiked(answer: Callable[[float], float], played: type[Played] = Played) -> Played:
    climb = played(answer, NEVER)
    list(climb.spike(500, 3000))
    return climb


def test_a_quiet_level_that_was_flaky_is_offered_again_before_the_spike() -> None:
    levels = iter([0.0])
    climb = spiked(lambda level: next(levels, level))
    roles = [role for role, _ in climb.did]
    assert roles == ["quiet", "quiet", "spike", "recovery"]
    assert find(climb.rungs).low == 3000


def test_a_quiet_level_that_is_too_much_breaks_twice_and_the_spike_comes_all_the_same() -> None:
    climb = spiked(lambda _: 100.0)
    assert [role for role, _ in climb.did] == ["quiet", "quiet", "spike", "recovery"]
    assert find(climb.rungs).high == 500


def test_a_quiet_level_that_broke_is_judged_by_all_that_it_owed_and_offered_twice() -> None:
    climb = spiked(lambda _: 100.0, Owing)
    assert [role for role, _ in climb.did] == ["quiet", "quiet", "spike", "recovery"]
    assert find(climb.rungs).high == 500
