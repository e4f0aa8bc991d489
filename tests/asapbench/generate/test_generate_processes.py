"""A load that several generator processes share: one plan, in parts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import inf

import psutil
from hypothesis import given
from hypothesis import strategies as st

from asapbench.offer import Command, Endpoint, Event, Load, Offer
from asapbench.workers.generate.turns import Turns

PATIENCE = 20.0


@given(st.floats(1, 1e6), st.floats(0.1, 10_000), st.integers(1, 50), st.integers(1, 8), st.data())
def test_the_shares_of_a_plan_are_together_the_whole_plan_slot_by_slot(
    start: float, rate: float, seats: int, shares: int, data: st.DataObject
) -> None:
    now = start + data.draw(st.floats(0, 300)) / rate
    whole = [planned for planned, _ in Turns(start, rate, seats).due(now)]
    parts = [list(Turns(start, rate, seats, share, shares).due(now)) for share in range(shares)]
    assert sorted(planned for planned, _ in chain(*parts)) == whole


@given(st.integers(1, 50), st.integers(1, 8))
def test_a_share_numbers_its_own_seats_and_each_has_the_slots_of_its_user(
    seats: int, shares: int
) -> None:
    user_of = dict(Turns(10.0, 100.0, seats).due(12.0))
    for share in range(shares):
        for planned, seat in Turns(10.0, 100.0, seats, share, shares).due(12.0):
            assert user_of[planned] == share + seat * shares


def test_a_share_without_a_seat_gives_out_nothing() -> None:
    turns = Turns(10.0, 100.0, 2, 2, 3)
    assert turns.next == inf
    assert list(turns.due(99.0)) == []


class Process:
    """A generator process and its parent's side of the talk."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen

    def say(self, message: Offer | Command) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(message.model_dump_json().encode() + b"\n")
        self.popen.stdin.flush()

    def hear(self) -> Event:
        assert self.popen.stdout is not None
        return Event.model_validate(json.loads(self.popen.stdout.readline()))


@contextmanager
def master() -> Iterator[Process]:
    argv = [sys.executable, "-m", "asapbench.workers.generate"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe) as popen:
        try:
            process = Process(popen)
            asap = Endpoint(name="asap", weight=1)
            process.say(Offer(role="master", url="http://127.0.0.1:9", endpoints=(asap,)))
            yield process
        finally:
            popen.kill()


def test_a_master_tells_the_local_port_where_workers_find_it() -> None:
    with master() as process:
        ready = process.hear()
        listening = [
            one.laddr
            for one in psutil.Process(process.popen.pid).net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        ]
    assert ready.event == "ready"
    assert listening == [("127.0.0.1", ready.port)]


def test_the_end_of_its_input_ends_a_master_at_once_also_while_users_are_awaited() -> None:
    with master() as process:
        process.hear()
        load = Load(users=5, spawn_rate=1, rate=1)
        process.say(Command(do="load", load=load))
        assert process.popen.stdin is not None
        process.popen.stdin.close()
        assert process.popen.wait(PATIENCE) == 1


def test_a_master_told_to_stop_says_so_and_ends() -> None:
    with master() as process:
        process.hear()
        process.say(Command(do="stop"))
        assert process.hear().event == "stopped"
        assert process.popen.wait(PATIENCE) == 0
