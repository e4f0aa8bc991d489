"""The doctor's judgement: each finding in each state, at the edge of its thresholds."""

from __future__ import annotations

from typing import Any

import pytest

from asapbench.doctor.finding import Finding
from asapbench.doctor.judge import CHECKS, concerns, examine
from asapbench.doctor.machine import (
    Activity,
    Busy,
    Machine,
    Memory,
    Network,
    Pressure,
    Processor,
    Quota,
)

GB = 10**9
PROCESSOR = Processor(
    allowed=(0, 1, 2, 3),
    cores=4,
    nodes=1,
    governors=("performance",),
    boost=False,
    idle_exit=1e-6,
    overheated=0,
    virtual=False,
    clock_source="tsc",
    clock_cost=50e-9,
)
ACTIVITY = Activity(
    duration=1.0,
    others=0.0,
    stolen=0.0,
    stolen_since_boot=0.0,
    switches=100.0,
    swapped=0.0,
    stops=0,
    late_median=80e-6,
    late_p99=200e-6,
    late_worst=300e-6,
)
MEMORY = Memory(total=16 * GB, available=15 * GB, swap=0, swap_used=0, huge_pages="madvise")
NETWORK = Network(ports=28_232, time_wait=0, backlog=4096)
HEALTHY = Machine(
    system="Linux 6.1 x86_64",
    processor=PROCESSOR,
    quota=Quota(),
    load_average=0.1,
    activity=ACTIVITY,
    pressure=Pressure(cpu=0.0, memory=0.0, io=0.0),
    memory=MEMORY,
    network=NETWORK,
    open_files=20_000,
    nice=0,
    disk_free=50 * GB,
)


def changed(part: str = "", **facts: Any) -> Machine:
    """The healthy machine with other facts, in one of its parts or in itself."""
    if not part:
        return HEALTHY.model_copy(update=facts)
    inner = getattr(HEALTHY, part).model_copy(update=facts)
    return HEALTHY.model_copy(update={part: inner})


def activity(**facts: Any) -> Machine:
    return changed("activity", **facts)


def processor(**facts: Any) -> Machine:
    return changed("processor", **facts)


def memory(**facts: Any) -> Machine:
    return changed("memory", **facts)


def network(**facts: Any) -> Machine:
    return changed("network", **facts)


def pressure(**facts: Any) -> Machine:
    return changed("pressure", **facts)


def quota(cpus: float | None, **facts: Any) -> Machine:
    return changed(quota=Quota(cpus=cpus, period=0.1, **facts))


def the(code: str, machine: Machine) -> Finding:
    return next(finding for finding in examine(machine) if finding.code == code)


STATES: dict[str, list[tuple[Machine, str]]] = {
    "busy-machine": [
        (activity(others=0.20), "ok"),
        (activity(others=0.21), "warn"),
        (activity(others=1.00), "warn"),
        (activity(others=1.01), "bad"),
        (changed(activity=None, load_average=2.0), "ok"),
        (changed(activity=None, load_average=2.1), "warn"),
        (changed(activity=None, load_average=4.1), "bad"),
        (activity(others=None), "ok"),
        (Machine(), "unknown"),
    ],
    "stolen-time": [
        (activity(stolen=0.01), "ok"),
        (activity(stolen=0.011), "warn"),
        (activity(stolen=0.051), "bad"),
        (activity(stolen_since_boot=0.011), "warn"),
        (activity(stolen=None), "unknown"),
        (Machine(), "unknown"),
    ],
    "late-wake-ups": [
        (activity(late_p99=0.001), "ok"),
        (activity(late_p99=0.0011), "warn"),
        (activity(late_p99=0.0051), "bad"),
        (Machine(), "unknown"),
    ],
    "context-switches": [
        (activity(switches=20_000.0), "ok"),
        (activity(switches=20_001.0), "warn"),
        (activity(switches=200_001.0), "bad"),
        (activity(switches=None), "unknown"),
    ],
    "pressure": [
        (pressure(cpu=0.05, memory=0.01, io=0.10), "ok"),
        (pressure(cpu=0.051), "warn"),
        (pressure(cpu=0.251), "bad"),
        (pressure(memory=0.011), "warn"),
        (pressure(memory=0.101), "bad"),
        (pressure(io=0.101), "warn"),
        (pressure(io=0.501, cpu=0.06), "bad"),
        (Machine(), "unknown"),
    ],
    "cpu-quota": [
        (quota(None), "ok"),
        (quota(4.0), "ok"),
        (quota(3.9), "warn"),
        (quota(2.0), "warn"),
        (quota(1.9), "bad"),
        (Machine(), "unknown"),
    ],
    "cpu-throttling": [
        (quota(2.0), "ok"),
        (quota(2.0, stops=1, stopped=0.05), "warn"),
        (activity(stops=1), "bad"),
        (Machine(), "unknown"),
    ],
    "shared-cores": [
        (processor(cores=1), "bad"),
        (processor(cores=2), "warn"),
        (processor(cores=3), "ok"),
        (Machine(), "unknown"),
    ],
    "smt-neighbours": [
        (processor(neighbours=(4,)), "warn"),
        (processor(cores=2), "ok"),
        (Machine(), "unknown"),
    ],
    "numa-nodes": [
        (processor(nodes=1), "ok"),
        (processor(nodes=2), "warn"),
        (Machine(), "unknown"),
    ],
    "cpu-governor": [
        (processor(governors=("performance",)), "ok"),
        (processor(governors=("performance", "powersave")), "warn"),
        (Machine(), "unknown"),
    ],
    "turbo": [
        (processor(boost=False), "ok"),
        (processor(boost=True), "warn"),
        (Machine(), "unknown"),
    ],
    "idle-states": [
        (processor(idle_exit=100e-6), "ok"),
        (processor(idle_exit=101e-6), "warn"),
        (Machine(), "unknown"),
    ],
    "overheating": [
        (processor(overheated=0), "ok"),
        (processor(overheated=1), "warn"),
        (Machine(), "unknown"),
    ],
    "battery": [
        (processor(on_battery=None), "ok"),
        (processor(on_battery=False), "ok"),
        (processor(on_battery=True), "warn"),
    ],
    "virtual-machine": [
        (processor(virtual=False), "ok"),
        (processor(virtual=True), "warn"),
        (Machine(), "unknown"),
    ],
    "clock-source": [
        (processor(clock_cost=500e-9), "ok"),
        (processor(clock_cost=501e-9), "warn"),
        (processor(clock_cost=2.1e-6), "bad"),
        (Machine(), "unknown"),
    ],
    "free-memory": [
        (memory(available=3_200_000_000), "ok"),
        (memory(available=3_199_999_000), "warn"),
        (memory(available=799_000_000), "bad"),
        (memory(limit=2 * GB, available=GB), "ok"),
        (memory(limit=2 * GB, available=GB // 20), "bad"),
        (Machine(), "unknown"),
    ],
    "swapping": [
        (memory(swap=0), "ok"),
        (memory(swap=4 * GB, swap_used=160_000_000), "ok"),
        (memory(swap=4 * GB, swap_used=160_000_001), "warn"),
        (activity(swapped=4096.0), "bad"),
        (Machine(), "unknown"),
    ],
    "huge-pages": [
        (memory(huge_pages="madvise"), "ok"),
        (memory(huge_pages="never"), "ok"),
        (memory(huge_pages="always"), "warn"),
        (Machine(), "unknown"),
    ],
    "open-files": [
        (changed(open_files=1024), "ok"),
        (changed(open_files=2**63 - 1), "ok"),
        (changed(open_files=1023), "warn"),
        (changed(open_files=255), "bad"),
        (Machine(), "unknown"),
    ],
    "ephemeral-ports": [
        (network(ports=10_000, time_wait=5_000), "ok"),
        (network(ports=10_000, time_wait=5_001), "warn"),
        (network(ports=10_000, time_wait=8_001), "bad"),
        (network(ports=9_999), "warn"),
        (network(time_wait=None), "ok"),
        (Machine(), "unknown"),
    ],
    "accept-queue": [
        (network(backlog=1024), "ok"),
        (network(backlog=1023), "warn"),
        (Machine(), "unknown"),
    ],
    "disk-space": [
        (changed(disk_free=GB), "ok"),
        (changed(disk_free=GB - 1), "warn"),
        (changed(disk_free=GB // 10 - 1), "bad"),
        (Machine(), "unknown"),
    ],
    "priority": [
        (changed(nice=0), "ok"),
        (changed(nice=-5), "ok"),
        (changed(nice=1), "warn"),
        (Machine(), "unknown"),
    ],
    "python": [
        (changed(), "ok"),
        (changed(preloaded="LD_PRELOAD"), "warn"),
        (changed(slowed_by=("PYTHONDEVMODE",)), "bad"),
    ],
}
CASES = [
    pytest.param(code, machine, state, id=f"{code}-{place}-{state}")
    for code, cases in STATES.items()
    for place, (machine, state) in enumerate(cases)
]


@pytest.mark.parametrize(("code", "machine", "state"), CASES)
def test_a_finding_has_the_state_of_its_facts(code: str, machine: Machine, state: str) -> None:
    assert the(code, machine).state == state


@pytest.mark.parametrize(("code", "machine", "state"), CASES)
def test_what_is_ill_has_a_remedy_and_nothing_else_has(
    code: str, machine: Machine, state: str
) -> None:
    assert bool(the(code, machine).hint) == (state in {"warn", "bad"})


def test_every_finding_is_judged_above() -> None:
    assert [finding.code for finding in examine(HEALTHY)] == list(STATES)
    assert len(STATES) == len(CHECKS)


def test_a_healthy_machine_has_nothing_but_ok() -> None:
    assert {finding.state for finding in examine(HEALTHY)} == {"ok"}


def test_of_a_machine_nothing_is_known_about_nothing_is_said_to_be_ill() -> None:
    assert {finding.state for finding in examine(Machine())} == {"ok", "unknown"}


def test_the_processes_that_are_busy_are_named() -> None:
    busy = activity(others=1.5, busiest=(Busy(name="mypy", pid=7, cpus=1.25),))
    assert "others use 1.50 of 4 CPUs in 1s: mypy (pid 7) 1.25" in the("busy-machine", busy).text


def test_a_quota_says_how_much_it_allows_in_which_period() -> None:
    assert "1.5 of 4 CPUs in every 100 ms" in the("cpu-quota", quota(1.5)).text


def test_in_a_virtual_machine_the_speed_is_said_to_be_its_hosts() -> None:
    machine = processor(virtual=True, hypervisor="KVM", governors=())
    assert "host" in the("cpu-governor", machine).text
    assert "(KVM)" in the("virtual-machine", machine).text


def test_open_files_are_told_in_users() -> None:
    assert "about 924 users" in the("open-files", changed(open_files=1024)).text


def test_a_run_on_a_healthy_machine_has_no_concern() -> None:
    assert concerns(HEALTHY) == ()


@pytest.mark.parametrize(
    "machine",
    [activity(others=0.3), activity(others=3.0), quota(3.0), processor(governors=("powersave",))],
)
def test_a_run_has_to_say_what_falsifies_its_numbers(machine: Machine) -> None:
    assert len(concerns(machine)) == 1


@pytest.mark.parametrize(
    "machine", [processor(virtual=True), processor(boost=True), memory(huge_pages="always")]
)
def test_a_run_is_silent_about_what_is_only_good_to_know(machine: Machine) -> None:
    assert concerns(machine) == ()


def test_a_run_mentions_late_wake_ups_only_where_they_reach_a_latency_limit() -> None:
    assert concerns(activity(late_p99=0.003)) == ()
    assert [finding.code for finding in concerns(activity(late_p99=0.006))] == ["late-wake-ups"]
