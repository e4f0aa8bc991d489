"""A plan beyond all reach must leave their turn to answers, commands and users."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from time import monotonic, sleep
from typing import Any

import gevent
import pytest
from gevent.event import Event as Signal
from hypothesis import given
from hypothesis import strategies as st

from asapbench.offer import Endpoint, Flag, Load, Offer
from asapbench.workers.generate import crowd as generate_crowd
from asapbench.workers.generate.agenda import Agenda, LoopTimer, TimerFd
from asapbench.workers.generate.crowd import Crowd
from asapbench.workers.generate.scene import scene_of
from asapbench.workers.generate.turns import Turns

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    yield
    gevent.get_hub().destroy(destroy_loop=True)


@pytest.mark.parametrize("alarm", [TimerFd, LoopTimer])
def test_what_is_always_due_leaves_the_loop_its_turns(alarm: Callable[..., Any]) -> None:
    agenda = Agenda(gevent.get_hub().loop, alarm)
    calls: list[float] = []
    other = Signal()

    def again() -> None:
        calls.append(monotonic())
        if not other.ready() and calls[-1] - calls[0] < PATIENCE:
            agenda.at(calls[0], again)

    agenda.at(monotonic(), again)
    gevent.spawn_later(0.01, other.set)
    assert other.wait(PATIENCE)
    assert calls[-1] - calls[0] < PATIENCE


def test_a_late_call_does_not_come_before_those_that_were_due_with_it() -> None:
    agenda = Agenda(gevent.get_hub().loop)
    called: list[str] = []
    done = Signal()

    def added() -> None:
        called.append("added")
        done.set()

    def first() -> None:
        called.append("first")
        agenda.at(0.5, added)

    agenda.at(1.0, first)
    agenda.at(2.0, lambda: called.append("second"))
    assert done.wait(PATIENCE)
    assert called == ["first", "second", "added"]


@given(st.integers(0, 30), st.integers(1, 5))
def test_no_more_slots_are_given_out_at_once_than_asked_for(most: int, seats: int) -> None:
    turns, whole = Turns(10.0, 100.0, seats), Turns(10.0, 100.0, seats)
    first = list(turns.due(10.105, most))
    assert len(first) == min(most, 11)
    assert [*first, *turns.due(10.105)] == list(whole.due(10.105))


def test_a_plan_that_ends_gives_out_the_slots_before_its_end_and_no_other() -> None:
    turns = Turns(10.0, 100.0, 3)
    turns.end(10.035)
    assert [planned for planned, _ in turns.due(99.0)] == [10.0, 10.01, 10.02, 10.03]
    assert turns.next == inf


class Rows:
    """A crowd whose server is silent, and the planned times and flags that it wrote."""

    def __init__(self) -> None:
        asked = Offer(url="http://127.0.0.1:9", endpoints=(Endpoint(name="asap", weight=1),))
        self.planned: list[float] = []
        self.flags: list[int] = []
        self.crowd = Crowd(scene_of(asked, gevent.get_hub().loop, self._row, print), _ignore)

    def _row(self, planned: float, *others: Any) -> None:
        self.planned.append(planned)
        self.flags.append(others[6])

    def stop(self) -> None:
        stopped = Signal()
        self.crowd.stop(0.0, stopped.set)
        assert stopped.wait(PATIENCE)


def _ignore(_: object) -> None:
    pass


def test_slots_of_a_plan_that_changed_are_given_out_however_many_are_late() -> None:
    rows = Rows()
    rows.crowd.join()
    rows.crowd.offer(Load(users=1, spawn_rate=1, rate=100_000))
    sleep(0.02)  # the event loop stands still: ten times what is given out at once
    rows.crowd.offer(Load(users=1, spawn_rate=1, rate=0.001))
    gevent.sleep(0.1)
    rows.stop()
    planned = sorted(rows.planned)
    old = [time for time in planned if time - planned[0] < 0.0199]
    assert len(old) >= 1980
    assert [time - old[0] for time in old] == pytest.approx(
        [slot / 100_000 for slot in range(len(old))], abs=1e-9
    )


def test_slots_never_sent_are_written_in_order_and_no_longer_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generate_crowd, "_WRITE_OFF", 0.05)
    rows = Rows()
    sessions = [rows.crowd.join() for _ in range(3)]  # busy with connecting
    now = monotonic()
    for slot in range(900_000):
        sessions[slot % 3].due(now + slot / 1e6)
    began = monotonic()
    rows.stop()
    assert monotonic() - began < PATIENCE / 2
    unsent = [p for p, flags in zip(rows.planned, rows.flags, strict=True) if flags & Flag.WAITED]
    assert 1000 <= len(unsent) < 900_000
    assert unsent == sorted(unsent)
