"""Which side runs where."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench import cores
from asapbench.cores import CorePlan, parse_cpu_list, physical_cores, plan_cores

machines = st.integers(1, 16).flatmap(
    lambda cores: st.sampled_from(
        [
            [frozenset({cpu}) for cpu in range(cores)],
            [frozenset({2 * cpu, 2 * cpu + 1}) for cpu in range(cores)],
            [frozenset({cpu, cpu + cores}) for cpu in range(cores)],
        ]
    )
)


def test_one_core_is_shared() -> None:
    plan = plan_cores([frozenset({0, 1})], many_servers=False)
    assert plan == CorePlan()
    assert plan.shared


def test_no_known_core_is_shared() -> None:
    assert plan_cores([], many_servers=True).shared


def test_the_generator_has_the_first_core_and_an_embedded_server_the_last() -> None:
    machine = [frozenset({3, 7}), frozenset({0, 4}), frozenset({1, 5}), frozenset({2, 6})]
    assert plan_cores(machine, many_servers=False) == CorePlan(server=(3, 7), generator=(0, 4))


def test_a_server_with_workers_has_all_cores_but_the_generators() -> None:
    machine = [frozenset({0}), frozenset({1}), frozenset({2}), frozenset({3})]
    assert plan_cores(machine, many_servers=True) == CorePlan(server=(1, 2, 3), generator=(0,))


@given(machines, st.booleans())
def test_the_two_sides_never_meet_on_a_core(machine: list[frozenset[int]], many: bool) -> None:
    plan = plan_cores(machine, many_servers=many)
    for core in machine:
        assert not (core & set(plan.server) and core & set(plan.generator))
    assert plan.shared == (len(machine) == 1)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0", (0,)), ("0-3\n", (0, 1, 2, 3)), ("0,4", (0, 4)), ("0-1,8-9,12", (0, 1, 8, 9, 12))],
)
def test_a_cpu_list_of_the_kernel_is_read(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_the_cores_of_this_machine_are_the_cpus_this_process_may_use() -> None:
    found = physical_cores()
    assert frozenset().union(*found) == os.sched_getaffinity(0)
    assert sum(map(len, found)) == len(os.sched_getaffinity(0))


def test_siblings_are_one_core_and_those_that_may_not_be_used_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu in range(4):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    monkeypatch.setattr(cores, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert set(physical_cores()) == {frozenset({0, 2}), frozenset({1})}


def test_a_machine_without_a_topology_has_cores_without_siblings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_TOPOLOGY", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert set(physical_cores()) == {frozenset({0}), frozenset({5})}


def test_a_system_without_affinity_has_no_known_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert physical_cores() == ()
