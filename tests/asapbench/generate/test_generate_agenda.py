"""Calls at planned times, by either alarm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event

from asapbench.workers.generate.agenda import Agenda, LoopTimer, TimerFd

PATIENCE = 10.0


@pytest.fixture(params=[TimerFd, LoopTimer])
def agenda(request: pytest.FixtureRequest) -> Iterator[Agenda]:
    yield Agenda(gevent.get_hub().loop, request.param)
    gevent.get_hub().destroy(destroy_loop=True)


def test_calls_come_in_the_order_of_their_times_and_never_early(agenda: Agenda) -> None:
    start = monotonic()
    called: list[tuple[float, float]] = []
    done = Event()

    def note(at: float) -> Callable[[], Any]:
        return lambda: called.append((at, monotonic()))

    for offset in (0.03, 0.01, 0.02, -1.0, 0.01):
        agenda.at(start + offset, note(start + offset))
    agenda.at(start + 0.04, done.set)
    assert done.wait(PATIENCE)
    assert [planned for planned, _ in called] == sorted(planned for planned, _ in called)
    assert len(called) == 5
    assert all(at >= planned for planned, at in called)


def test_a_call_can_put_the_next_on_the_agenda(agenda: Agenda) -> None:
    times: list[float] = []
    done = Event()

    def again() -> None:
        times.append(monotonic())
        if len(times) < 5:
            agenda.at(times[-1] + 0.005, again)
        else:
            done.set()

    agenda.at(monotonic(), again)
    assert done.wait(PATIENCE)
    assert all(later - one >= 0.005 for one, later in pairwise(times))


def test_an_agenda_that_ran_empty_goes_on(agenda: Agenda) -> None:
    for _ in range(2):
        done = Event()
        agenda.at(monotonic() + 0.005, done.set)
        assert done.wait(PATIENCE)


def test_every_calls_now_and_then_again(agenda: Agenda) -> None:
    calls: list[float] = []
    done = Event()

    def call() -> None:
        calls.append(monotonic())
        if len(calls) == 3:
            done.set()

    agenda.every(0.005, call)
    assert len(calls) == 1
    assert done.wait(PATIENCE)
    assert all(later - one >= 0.005 for one, later in pairwise(calls))
