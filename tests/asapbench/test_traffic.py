"""Generators as the parent drives them: one or several, against real servers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from asapbench import samples, store, usage
from asapbench.at_a_look import with_open
from asapbench.climb import Climb, Pace
from asapbench.cores import CorePlan
from asapbench.environment import read_environment
from asapbench.errors import BrokenRun
from asapbench.ladder.alone import ALONE, ANSWERS
from asapbench.ladder.evidence import STEPS
from asapbench.model import Plan, Run, Window
from asapbench.offer import Endpoint, Flag, Load, Offer
from asapbench.process import in_background
from asapbench.series import Writer
from asapbench.store import Recording
from asapbench.system import Access, embedded
from asapbench.traffic import Traffic, generator

BOTH = (Endpoint(name="asap", weight=1), Endpoint(name="metrics", weight=1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    with embedded("serve", Access(), log, ()) as system:
        yield system.server.url


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return store.begin("load", Plan(), read_environment(CorePlan()), tmp_path)


Working = Callable[..., Any]


@pytest.fixture
def working(server: str, recording: Recording) -> Working:
    @contextmanager
    def start(processes: int = 1, **offer: Any) -> Iterator[Traffic]:
        asked = Offer.model_validate({"url": server, "endpoints": BOTH} | offer)
        with generator(asked, recording, (), processes) as traffic:
            yield traffic

    return start


def take(ticks: Iterator[Any]) -> None:
    for _ in ticks:
        pass


def load(users: int, rate: float | None, spawn_rate: float = 1000.0) -> Load:
    return Load(users=users, spawn_rate=spawn_rate, rate=rate)


def planned(run: Run, name: str = "measured") -> np.ndarray[Any, Any]:
    """The planned times of the requests of a window, in order."""
    (window,) = (window for window in run.story.windows if window.name == name)
    return np.sort(samples.requests_in(run, window).planned)


def children() -> set[int]:
    """The generators, and whatever they started."""
    found = psutil.Process().children(recursive=True)
    return {one.pid for one in found if "asapbench.workers.generate" in one.cmdline()}


def test_a_window_reaches_to_the_look_that_decides(working: Working, recording: Recording) -> None:
    asked: list[int] = []

    def decided() -> bool:
        run = recording.run()
        asked.append(len(planned(with_open(run, run.story.windows[0], 5 / 200))))
        return len(asked) == 2

    with working() as traffic:
        take(traffic.ramp(load(users=5, rate=200)))
        take(traffic.hold_until_decided("measured", (0.5, 1.0, 30.0), decided))
    (window,) = recording.story.windows
    assert window.end - window.start == pytest.approx(1.0)
    assert asked == pytest.approx([100, 200], abs=10)


@pytest.mark.parametrize("processes", [1, 3])
def test_the_plan_is_one_even_grid_over_all_processes(
    working: Working, recording: Recording, processes: int
) -> None:
    with working(processes) as traffic:
        take(traffic.ramp(load(users=10, rate=300)))
        take(traffic.hold("measured", 1.0))
    run = recording.run()
    slots = planned(run)
    assert len(slots) == pytest.approx(300, abs=1)
    assert [later - one for one, later in pairwise(slots)] == pytest.approx(
        [1 / 300] * (len(slots) - 1), abs=1e-6
    )
    rows = np.concatenate([t.columns["user"] for t in run.measurements if t.name == "requests"])
    assert len(set(rows.tolist())) == 10


def test_the_grid_stays_exact_when_users_come_and_go_and_begins_when_it_is_said(
    working: Working, recording: Recording
) -> None:
    loads = {(3, 150.0): 0.0, (8, 400.0): 0.0, (5, 200.0): 0.0}
    with working(2) as traffic:
        for users, rate in loads:
            take(traffic.ramp(load(users, rate)))
            loads[users, rate] = traffic.begins
            take(traffic.hold(f"{users} users", 0.5))
    run = recording.run()
    for (users, rate), begun in loads.items():
        slots = planned(run, f"{users} users")
        assert [later - one for one, later in pairwise(slots)] == pytest.approx(
            [1 / rate] * (len(slots) - 1), abs=1e-6
        )
        since = (slots[0] - begun) * rate
        assert since == pytest.approx(round(since), abs=1e-3)


def test_a_closed_loop_runs_in_all_processes(working: Working, recording: Recording) -> None:
    with working(2) as traffic:
        take(traffic.ramp(load(users=4, rate=None)))
        take(traffic.hold("measured", 0.5))
    tables = [table for table in recording.run().measurements if table.name == "requests"]
    assert len(tables) == 2
    assert all(len(table.columns["planned"]) > 20 for table in tables)


def test_nobody_else_asks_while_one_user_is_alone(working: Working, recording: Recording) -> None:
    with working() as traffic, Writer(recording.path("steps.series"), STEPS) as steps:
        take(Climb(traffic, recording, Pace(10.0, 0.2, 0.4), steps).warm_up(500.0))
    run = recording.run()
    alone, warm = run.story.windows
    assert (alone.name, warm.name) == (ALONE, "warm-up")
    rows = samples.rows_of(run)
    then = rows.where((rows.sent < alone.end) & (rows.done > alone.start))
    assert len(then.sent) >= ANSWERS
    assert len(set(then.user.tolist())) == 1
    assert len(set(samples.within(rows, warm).user.tolist())) == 50


def test_totals_and_percentiles_are_those_of_all_rows_together(
    working: Working, recording: Recording
) -> None:
    with working(2) as traffic:
        take(traffic.ramp(load(users=6, rate=400)))
        take(traffic.hold("measured", 1.0))
    run = recording.run()
    window = run.story.windows[0]
    tables = [table.columns for table in run.measurements if table.name == "requests"]
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    inside = (joined["planned"] >= window.start) & (joined["planned"] < window.end)
    waited = (joined["flags"] & Flag.WAITED.value) > 0
    since = np.where(waited, joined["planned"], joined["sent"])
    latency = np.sort((joined["done"] - since)[inside])
    requests = samples.requests_in(run, window)
    found = {m.key: m for m in samples.request_metrics(requests, (), paced=True)}
    assert found["latency.p95"].n == len(latency) == found["error_rate"].n
    assert found["latency.max"].value == latency[-1]
    assert found["latency.p95"].value in latency
    assert found["latency.p95"].value == pytest.approx(np.quantile(latency, 0.95), rel=0.2)


def test_each_process_is_sampled_and_their_sum_is_the_generators(
    working: Working, recording: Recording
) -> None:
    with working(2) as traffic:
        take(traffic.ramp(load(users=4, rate=200)))
        take(traffic.hold("measured", 2.0))
    run = recording.run()
    used = {m.name: m.value for m in usage.cpu_and_memory(run, run.story.windows[0])}
    assert set(used) == {
        f"{name}.{kind}"
        for name in ("generator", "generator-0", "generator-1", "master")
        for kind in ("cpu", "rss")
    }
    assert used["generator.cpu"] == used["generator-0.cpu"] + used["generator-1.cpu"] > 0


def test_a_worker_that_is_killed_breaks_the_run_and_takes_the_others_with_it(
    working: Working, recording: Recording
) -> None:
    def run() -> None:
        with working(3) as traffic:
            take(traffic.ramp(load(users=6, rate=100)))
            take(traffic.hold("before", 0.5))
            (victim,) = (pid for pid in children() if own_log(pid) == "generator-1.log")
            os.kill(victim, signal.SIGKILL)
            take(traffic.hold("measured", 30.0))

    with pytest.raises(BrokenRun, match="the generator-1 ended with signal 9"):
        run()
    assert not children()
    rows = [t for t in recording.run().measurements if t.name == "requests"]
    assert len(rows) == 3
    assert all(len(table.columns["planned"]) for table in rows)


def own_log(pid: int) -> str:
    """The file that a process has as standard error."""
    return Path(f"/proc/{pid}/fd/2").readlink().name


@pytest.mark.parametrize("processes", [1, 2])
def test_an_offer_that_is_refused_says_why_and_leaves_nothing(
    working: Working, processes: int
) -> None:
    with (
        pytest.raises(BrokenRun, match=r"exit code 2:\n.*http://HOST"),
        working(processes, url="ftp://127.0.0.1"),
    ):
        pass
    assert not children()


def test_the_embedded_server_tells_where_the_time_of_each_request_goes(
    working: Working, recording: Recording
) -> None:
    with working() as traffic:
        take(traffic.ramp(load(users=4, rate=400)))
        take(traffic.hold("measured", 1.0))
    run = recording.run()
    requests = samples.requests_in(run, run.story.windows[0])
    assert not np.isnan(requests.arrived[requests.served]).any()
    found = {m.key: m.value for m in samples.split_metrics(requests, ("asap", "metrics"))}
    assert set(found) == set(samples.split_units(("asap", "metrics")))
    assert 0 < found["split.server.p50"] <= found["split.server.p95"]
    assert found["split.network.p50"] > 0
    assert found["split.reading.p50"] > 0


def test_each_generator_has_a_pulse(working: Working, recording: Recording) -> None:
    with working(2) as traffic:
        take(traffic.ramp(load(users=2, rate=100)))
        take(traffic.hold("measured", 1.0))
    pulses = [table.columns for table in recording.run().measurements if table.name == "pulse"]
    assert len(pulses) == 2
    for pulse in pulses:
        assert len(pulse["at"]) > 20
        assert (np.diff(pulse["at"]) >= 0.02).all()
        assert (pulse["late"] >= 0).all()


def test_workers_are_reached_from_this_machine_alone(working: Working) -> None:
    with working(2) as traffic:
        take(traffic.ramp(load(users=2, rate=10)))
        listening = {
            one.laddr.ip
            for pid in children()
            for one in psutil.Process(pid).net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        }
    assert listening == {"127.0.0.1"}


def test_a_rate_far_out_of_reach_is_ramped_held_and_stopped_all_the_same(
    working: Working, recording: Recording
) -> None:
    with working() as traffic:
        take(traffic.ramp(load(users=20, rate=1e6, spawn_rate=20)))
        take(traffic.hold("measured", 0.5))
    run = recording.run()
    requests = samples.requests_in(run, Window(name="all", start=0, end=1e12))
    assert requests.served.sum() > 100
    (table,) = (table for table in run.measurements if table.name == "requests")
    assert set(table.columns["user"].tolist()) == set(range(20))
    assert len(requests.planned) < 0.1 * 1e6  # the rest is the generator's, not the server's


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle scheduling")
def test_a_parent_that_a_full_machine_leaves_no_cpu_takes_turns_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of seconds would take minutes: what is idle gets a thousandth of a full machine."""
    late = 0.0
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + late)

    def oversleep(_: float) -> None:
        nonlocal late
        late += 5.0

    traffic = Traffic([], None, recording)
    with in_background():
        next(traffic.settle("rest", 0.01))
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        monkeypatch.setattr(time, "sleep", oversleep)
        next(traffic.settle("rest", 0.01))
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
