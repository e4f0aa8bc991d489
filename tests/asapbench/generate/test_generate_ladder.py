"""What a ladder asks of the generator: bursts, rest between loads, one loop a user."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench import samples, store
from asapbench.cores import CorePlan
from asapbench.environment import read_environment
from asapbench.model import Plan, Run
from asapbench.offer import Endpoint, Load, Offer
from asapbench.selfcheck.behaviour import Behaviour
from asapbench.store import Recording
from asapbench.system import Access, system_under_test
from asapbench.traffic import generator
from asapbench.workers.generate.turns import Turns

POSTS = (Endpoint(name="asap", weight=1),)


@given(st.floats(1, 1e5), st.floats(1, 1000), st.integers(1, 50))
def test_bursts_are_the_same_plan_with_quiet_times_let_into_it(
    start: float, rate: float, seats: int
) -> None:
    until = start + 21.0
    slots = list(Turns(start, rate, seats, burst=(5.0, 2.0)).due(until))
    # at the very border a rounding error may put a slot on either side
    phases = [(at - start) % 7.0 for at, _ in slots]
    assert all(phase < 5.0 + 1e-6 or phase > 7.0 - 1e-6 for phase in phases)
    assert len(slots) == pytest.approx(rate * 15, abs=2)
    assert [seat for _, seat in slots] == [k % seats for k in range(len(slots))]


@given(st.integers(1, 4), st.integers(4, 20))
def test_generators_that_share_bursts_have_the_slots_of_one(shares: int, seats: int) -> None:
    whole = [at for at, _ in Turns(10.0, 50.0, seats, burst=(1.0, 0.5)).due(16.0)]
    parts = [
        at
        for share in range(shares)
        for at, _ in Turns(10.0, 50.0, seats, share, shares, (1.0, 0.5)).due(16.0)
    ]
    assert sorted(parts) == whole


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return store.begin("stress", Plan(), read_environment(CorePlan()), tmp_path)


def take(ticks: Iterator[Any]) -> None:
    for _ in ticks:
        pass


def slow(recording: Recording, **behaviour: Any) -> Any:
    """A server of slots, as a context."""
    asked = Behaviour.model_validate(behaviour).model_dump_json()
    words = [sys.executable, "-m", "asapbench.workers.truth", "{port}"]
    command = subprocess.list2cmdline([*words, str(recording.path("truth").absolute())])
    command += f" '{asked}'"
    return system_under_test(None, command, Access(), recording.path("server.log"), ())


def requests(run: Run, name: str) -> samples.Requests:
    (window,) = (window for window in run.story.windows if window.name == name)
    return samples.requests_in(run, window)


def test_users_come_and_go_and_a_backlog_is_worked_off_in_between(recording: Recording) -> None:
    with slow(recording, steps=[[0.01, 1]], slots=2) as system:
        offer = Offer(url=system.server.url, endpoints=POSTS)
        with generator(offer, recording, ()) as traffic:
            for users, rate in ((10, 100.0), (40, 400.0), (5, 50.0)):
                take(traffic.ramp(Load(users=users, spawn_rate=1000, rate=rate)))
                take(traffic.hold(f"{users} users", 1.0))
                take(traffic.rest("drain", 20.0))
    run = recording.run()
    # 200 req/s is what the server can: of the 400, half are answered in the time of the step
    overloaded = requests(run, "40 users")
    assert not overloaded.open.any()
    assert overloaded.latency()[-1] > 0.5
    after = requests(run, "5 users")
    assert len(after.planned) == pytest.approx(50, abs=2)
    assert len(after.planned) == int(after.served.sum())
    gaps = [later - one for one, later in pairwise(np.sort(after.planned))]
    assert gaps == pytest.approx([1 / 50] * len(gaps), abs=1e-6)


def test_a_backlog_that_is_not_worked_off_is_given_up_and_written_down(
    recording: Recording,
) -> None:
    with slow(recording, steps=[[0.5, 1]], slots=1) as system:
        offer = Offer(url=system.server.url, endpoints=POSTS)
        with generator(offer, recording, ()) as traffic:
            take(traffic.ramp(Load(users=5, spawn_rate=1000, rate=100.0)))
            take(traffic.hold("too much", 1.0))
            take(traffic.rest("drain", 0.5))
            take(traffic.rest("drain again", 5.0))
    rows = requests(recording.run(), "too much")
    assert len(rows.planned) == pytest.approx(100, abs=5)
    assert int(np.isnan(rows.sent).sum()) > 80
    assert bool(rows.open[np.isnan(rows.sent)].all())


def test_a_closed_loop_is_one_loop_a_user_however_often_the_load_changes(
    recording: Recording,
) -> None:
    with slow(recording) as system:
        offer = Offer(url=system.server.url, endpoints=POSTS)
        load = Load(users=2, spawn_rate=1000, rate=None, pause=(0.05, 0.05))
        with generator(offer, recording, ()) as traffic:
            for _ in range(5):
                take(traffic.ramp(load))
            take(traffic.hold("measured", 2.0))
    run = recording.run()
    (table,) = (table for table in run.measurements if table.name == "requests")
    window = run.story.windows[0]
    for user in (0, 1):
        own = table.columns["user"] == user
        inside = own & (table.columns["sent"] >= window.start)
        done = np.sort(table.columns["done"][own])
        for sent in table.columns["sent"][inside]:
            before = done[done < sent]
            # a pause of 50 ms lies between any answer and the next request
            assert not len(before) or sent - before[-1] >= 0.0499
