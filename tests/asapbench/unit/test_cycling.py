"""Cycles of requests on servers that are made up: large leaks, slow ones, ends before the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from asapbench import cycling, store
from asapbench.commands.memory import MemoryPlan
from asapbench.cycling import Cycles, Wanted, until
from asapbench.errors import BrokenRun
from asapbench.leak.cycles import Reading
from asapbench.model import Environment, Tick
from asapbench.offer import Load
from asapbench.traffic import Traffic

FREE = 8e9  # bytes, at first
MB = 1e6


@dataclass
class Made:
    """Generators, their server and its meter in one, on a clock of their own."""

    each: float = 0.0  # bytes that a request leaves behind
    most: float = 5000.0  # req/s that it bears
    now: float = 1000.0
    answers: int = 0
    failures: int = 0
    sizes: list[int] = field(default_factory=list)
    held_open: int = 0

    def ramp(self, load: Load) -> Iterator[Tick]:
        yield Tick(phase="ramp", elapsed=0.0, progress=1.0)

    def rest(self, phase: str, patience: float) -> Iterator[Tick]:
        yield from ()

    def hold(self, phase: str, seconds: float) -> Iterator[Tick]:
        self.held_open += 1
        yield self._served(round(self.most * seconds), self.most)

    def send(self, phase: str, load: Load, patience: float) -> Iterator[Tick]:
        assert load.requests is not None
        assert load.rate is not None
        self.sizes.append(load.requests)
        yield self._served(load.requests, load.rate)

    def _served(self, requests: int, rate: float) -> Tick:
        self.answers += requests
        self.now += requests / min(rate, self.most)
        return Tick(phase="", elapsed=0.0, progress=1.0)

    def held(self) -> float:
        return 40e6 + self.each * self.answers

    def read(self) -> Reading:
        return Reading(rss=self.held(), uss=self.held())

    def check(self) -> None:
        """It lives."""


Start = Callable[[Made], Cycles]


@pytest.fixture
def start(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    with ExitStack() as runs:

        def begun(made: Made) -> Cycles:
            monkeypatch.setattr(cycling, "time", SimpleNamespace(monotonic=lambda: made.now))
            monkeypatch.setattr(cycling, "_free", lambda: FREE - made.held())
            recording = store.begin("memory", MemoryPlan(), environment, tmp_path)
            run = Cycles(cast("Traffic", made), made, recording, "http://127.0.0.1:1", 5)
            return runs.enter_context(closing(run))

        yield begun


def test_what_each_request_leaves_behind_is_known_before_there_are_many(start: Start) -> None:
    made = Made(each=1 * MB)
    run = start(made)
    list(run.feel(100.0))
    run.wanted = Wanted(1000, 10.0)
    run.fit()
    assert made.answers <= 80
    assert 10 <= run.size < 100


def test_a_large_leak_is_not_probed_by_all_that_the_users_can_send(start: Start) -> None:
    large, small = Made(each=1 * MB), Made(each=200.0)
    for made in (large, small):
        list(start(made).raise_rate(100.0, 3000.0, 1.0))
    assert (large.held_open, small.held_open) == (0, 1)
    assert large.answers <= 80


def test_a_run_ends_once_memory_is_used_up_whoever_took_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(Made())
    monkeypatch.setattr(cycling, "_free", lambda: 0.01 * FREE)
    with pytest.raises(BrokenRun, match=r"memory is used up: 80\.\d MB are left"):
        list(run.begin())


def test_a_slow_server_gets_cycles_that_last_as_long_as_they_were_meant_to(start: Start) -> None:
    made = Made(most=20.0)
    run = start(made)
    list(run.feel(100.0))
    run.rate, run.wanted = 100.0, Wanted(1000, 10.0)
    run.fit()
    assert run.size == 200
    list(run.warm_up(1))
    run.fit()
    assert run.size == 200


def test_a_server_that_was_slow_at_first_gets_all_requests_later(start: Start) -> None:
    made = Made(most=20.0)
    run = start(made)
    list(run.feel(100.0))
    made.most = 5000.0
    run.rate, run.wanted = 100.0, Wanted(1000, 10.0)
    run.fit()
    list(run.warm_up(1))
    run.fit()
    assert run.size == 1000


def test_a_hopeless_run_ends_before_the_next_look(start: Start) -> None:
    made = Made()
    run = start(made)
    run.rate, run.size = 100.0, 100
    asked: list[tuple[int, int]] = []

    def hopeless(kept: int, look: int) -> bool:
        asked.append((kept, look))
        return kept == 5

    list(until(lambda: False, (4, 8), run, hopeless))
    assert asked == [(1, 4), (2, 4), (3, 4), (4, 4), (5, 8)]
    assert run.done == 5
    assert run.seconds == pytest.approx(5.0)


def test_only_failures_of_cycles_that_count_are_counted(start: Start) -> None:
    made = Made()
    run = start(made)
    run.rate, run.size = 100.0, 100
    made.failures = 7
    assert run.failed == 0
    list(run.keep(1))
    made.failures = 10
    assert run.failed == 3
