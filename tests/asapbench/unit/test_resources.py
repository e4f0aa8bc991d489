"""What is read of processes while they work."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asapbench import resources
from asapbench.resources import Reading, Sampler, Threads, cores_used
from asapbench.table import read_measurement

NOTHING = Reading(0.0, 0.0, 0.0, 0.0, 0.0)


def busiest(folder: Path, monkeypatch: pytest.MonkeyPatch, *seen: list[Threads]) -> list[float]:
    """What is written of the busiest thread, if this is seen: of each process its threads."""
    trees: Iterator[list[Threads]] = iter(seen)
    monkeypatch.setattr(
        resources, "_tree", lambda *_, **__: iter([(NOTHING, one) for one in next(trees)])
    )
    with Sampler(folder / "series", "server", 1) as sampler:
        for _ in seen:
            sampler.sample()
    columns = read_measurement(folder / "series").columns
    return list(map(float, columns["busiest"]))


def test_from_reading_to_reading_the_thread_counts_that_used_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [{1: 5.0, 2: 9.0}, {3: 1.0}]
    second = [{1: 5.5, 2: 9.2}, {3: 1.1}]
    third = [{1: 5.5, 2: 9.3}, {3: 1.4}]
    found = busiest(tmp_path, monkeypatch, first, second, third)
    assert found == pytest.approx([0.0, 0.5, 0.8])


def test_a_thread_that_is_new_has_used_what_it_has_used_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = busiest(tmp_path, monkeypatch, [{1: 5.0}], [{1: 5.1, 2: 0.3}], [{1: 5.2}], [])
    assert found == pytest.approx([0.0, 0.3, 0.4])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of threads one by one")
def test_threads_are_told_of_one_by_one() -> None:
    threads = resources._threads(os.getpid())
    assert threads[os.getpid()] > 0


def test_where_threads_are_not_told_of_a_process_counts_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_threads", lambda _: {})
    with Sampler(tmp_path / "series", "server", os.getpid(), alone=True) as sampler:
        sampler.sample()
        sum(range(10**6))
        sampler.sample()
    columns = read_measurement(tmp_path / "series").columns
    used = [float(columns[name][1] - columns[name][0]) for name in ("cpu", "busiest")]
    assert used[0] == pytest.approx(used[1])


STAT = """cpu  900 0 0 900 0 0 0 900 0 0
cpu1 100 10 20 500 7 3 4 50 9 9
cpu3 200 0 0 500 0 0 0 30 0 0
cpu10 1 0 0 0 0 0 0 2 0 0
ctxt 5
"""


def test_only_the_cpus_that_are_asked_for_count_and_no_interrupts(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT)
    tick = os.sysconf("SC_CLK_TCK")
    assert resources.cpu_seconds((1, 3), stat) == pytest.approx((330 / tick, 80 / tick))
    assert resources.cpu_seconds((1,), stat) == pytest.approx((130 / tick, 50 / tick))


@pytest.mark.parametrize("cpus", [(), (7,)])
def test_of_no_known_cpu_nothing_is_told(tmp_path: Path, cpus: tuple[int, ...]) -> None:
    (tmp_path / "stat").write_text(STAT)
    assert all(map(math.isnan, resources.cpu_seconds(cpus, tmp_path / "stat")))
    assert all(map(math.isnan, resources.cpu_seconds((1,), tmp_path / "none")))


def test_the_cores_used_are_those_of_all_threads_from_now_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trees = iter([[{1: 5.0, 2: 9.0}, {3: 1.0}], [{1: 5.25, 2: 9.5}, {3: 1.0, 4: 0.25}]])
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(
        resources, "_tree", lambda *_, **__: iter([(NOTHING, one) for one in next(trees)])
    )
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert cores_used(1, 2.0) == 0.5


def test_a_process_that_is_gone_uses_nothing() -> None:
    assert cores_used(2**22 + 1, 0.0) == 0.0
