"""What happened between two snapshots of a machine."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from asapbench.doctor.machine import Activity, Busy
from asapbench.doctor.read.activity import CpuTimes, Snapshot, Work, between, take_snapshot, watch
from asapbench.doctor.read.files import Tree

BEFORE = Snapshot(
    at=100.0,
    cpus=CpuTimes(busy=50.0, total=400.0, stolen=2.0),
    own_cpu=1.0,
    switches=10_000,
    own_switches=100,
    swapped=4096,
    stops=7,
    processes={},
)
QUIET = replace(BEFORE, at=102.0, cpus=CpuTimes(busy=50.0, total=404.0, stolen=2.0))


def after(**facts: Any) -> Activity:
    """Two seconds later, on two CPUs."""
    return between(BEFORE, replace(QUIET, **facts), [0.0])


def test_nothing_happens_on_a_quiet_machine() -> None:
    quiet = after()
    assert quiet.duration == 2.0
    assert (quiet.others, quiet.stolen, quiet.switches) == (0.0, 0.0, 0.0)
    assert (quiet.swapped, quiet.stops, quiet.busiest) == (0.0, 0, ())


def test_our_own_work_is_not_that_of_others() -> None:
    busy = after(cpus=CpuTimes(busy=53.0, total=404.0, stolen=2.0), own_cpu=2.0)
    assert busy.others == pytest.approx(1.0)


def test_what_was_stolen_is_a_share_of_the_time_of_the_cpus() -> None:
    activity = after(cpus=CpuTimes(busy=50.0, total=404.0, stolen=2.1))
    assert activity.stolen == pytest.approx(0.025)
    assert activity.stolen_since_boot == pytest.approx(2.1 / 404)


def test_each_of_our_naps_costs_two_switches_that_are_not_those_of_others() -> None:
    assert after(switches=14_000, own_switches=1_100).switches == pytest.approx(1_000)


def test_swap_traffic_is_a_rate() -> None:
    assert after(swapped=4096 + 8192).swapped == pytest.approx(4096)


def test_stops_by_the_quota_are_those_since_before() -> None:
    assert after(stops=9).stops == 2
    assert after(stops=None).stops is None


def test_clocks_of_cpus_that_stand_still_tell_nothing() -> None:
    assert after(cpus=BEFORE.cpus).others is None
    assert after(cpus=BEFORE.cpus).stolen is None


def test_cpus_that_cannot_be_seen_tell_nothing() -> None:
    unseen = between(replace(BEFORE, cpus=None), replace(QUIET, cpus=None), [0.0])
    assert (unseen.others, unseen.stolen, unseen.stolen_since_boot) == (None, None, None)


def test_a_platform_that_knows_no_stealing_tells_none() -> None:
    assert after(cpus=CpuTimes(busy=50.0, total=404.0, stolen=None)).stolen is None


def test_the_three_busiest_processes_are_named_from_the_top() -> None:
    used = {1: 0.2, 2: 2.0, 3: 1.0, 4: 0.4, 5: 0.0}
    activity = after(processes={(pid, 0.0): Work(f"p{pid}", cpu) for pid, cpu in used.items()})
    assert activity.busiest == (
        Busy(name="p2", pid=2, cpus=1.0),
        Busy(name="p3", pid=3, cpus=0.5),
        Busy(name="p4", pid=4, cpus=0.2),
    )


def test_a_process_counts_only_what_it_used_meanwhile() -> None:
    before = replace(BEFORE, processes={(1, 5.0): Work("cron", 900.0)})
    later = replace(QUIET, processes={(1, 5.0): Work("cron", 901.0)})
    assert between(before, later, [0.0]).busiest == (Busy(name="cron", pid=1, cpus=0.5),)


def test_a_pid_that_was_given_again_is_another_process() -> None:
    before = replace(BEFORE, processes={(1, 5.0): Work("old", 900.0)})
    later = replace(QUIET, processes={(1, 101.0): Work("new", 1.0)})
    assert between(before, later, [0.0]).busiest == (Busy(name="new", pid=1, cpus=0.5),)


def test_work_between_the_kernel_s_ticks_is_seen_in_the_processes() -> None:
    assert after(processes={(1, 0.0): Work("short", 1.0)}).others == pytest.approx(0.5)


def test_lateness_is_told_in_the_middle_at_p99_and_at_worst() -> None:
    late = between(BEFORE, QUIET, [float(n) for n in reversed(range(200))])
    assert (late.late_median, late.late_p99, late.late_worst) == (100.0, 198.0, 199.0)


def test_watching_lasts_as_long_as_it_is_told_to() -> None:
    assert watch(0.05, (), Tree()).duration >= 0.05


def test_we_are_not_among_the_others() -> None:
    allowed = tuple(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ()
    pids = {pid for pid, _ in take_snapshot(allowed, Tree()).processes}
    assert os.getpid() not in pids


def test_a_process_that_may_run_elsewhere_is_named_but_not_counted_on_our_cpus() -> None:
    activity = after(processes={(1, 0.0): Work("wide", 60.0, ours=False)})
    assert activity.others == 0.0
    assert activity.busiest == (Busy(name="wide", pid=1, cpus=30.0),)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="nobody says who runs where")
def test_a_process_is_ours_if_it_can_run_nowhere_else() -> None:
    everywhere = tuple(range(os.cpu_count() or 1))
    assert any(work.ours for work in take_snapshot(everywhere, Tree()).processes.values())
    assert not any(work.ours for work in take_snapshot((99_999,), Tree()).processes.values())
