"""What processes used, in total and second by second."""

from collections.abc import Callable
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from asapbench import stats, usage
from asapbench.model import Measurement, Run, Window
from asapbench.resources import MACHINE, PROCESS

MakeRun = Callable[..., Run]
WINDOW = Window(name="measured", start=100.0, end=110.0)


def resources(process: str, *rows: tuple[float, float, float], **more: float) -> Measurement:
    """Readings of (at, cpu, rss); the other columns as given, the same in each reading."""
    at, cpu, rss = np.array(rows, dtype=float).T
    columns = {column.name: np.full(len(at), more.get(column.name, 0.0)) for column in PROCESS}
    columns |= {"at": at, "cpu": cpu, "rss": rss}
    return Measurement(
        "resources", columns, {column.name: column.unit for column in PROCESS}, {"process": process}
    )


def machine(*rows: tuple[float, float]) -> Measurement:
    at, steal = np.array(rows, dtype=float).T
    units = {column.name: column.unit for column in MACHINE}
    return Measurement("machine", {"at": at, "steal": steal}, units)


def seconds(run: Run, window: Window = WINDOW) -> list[dict[str, Any]]:
    return usage.processes_per_second(run, window)


def test_cpu_is_the_mean_and_memory_the_most_within_the_window(make_run: MakeRun) -> None:
    tables = (
        resources(
            "server", (99, 1, 9e9), (100, 2, 50e6), (105, 4, 60e6), (110, 6, 55e6), (111, 9, 9e9)
        ),
        resources("generator", (100, 0, 1e6), (110, 1, 1e6)),
    )
    found = {m.key: m for m in usage.cpu_and_memory(Run(make_run([]).story, tables), WINDOW)}
    assert found["server.cpu"].value == pytest.approx(0.4)
    assert (found["server.rss"].value, found["server.rss"].n) == (60e6, 3)
    assert found["generator.cpu"].value == pytest.approx(0.1)


def test_the_cpu_of_a_process_has_the_bounds_of_a_mean_over_seconds(make_run: MakeRun) -> None:
    uneven = resources("server", *((100 + s, 0.4 * s + 0.1 * (s % 2), 5e7) for s in range(11)))
    run = Run(make_run([]).story, (uneven,))
    cpu = next(m for m in usage.cpu_and_memory(run, WINDOW) if m.name == "server.cpu")
    assert cpu.low is not None
    assert cpu.high is not None
    assert cpu.value == pytest.approx(0.4)
    assert 0.2 < cpu.low < cpu.value < cpu.high < 0.6
    assert (cpu.n, cpu.confidence) == (10, stats.CONFIDENCE)


def test_the_sum_over_generators_has_bounds_where_each_has(make_run: MakeRun) -> None:
    names = ("generator-0", "generator-1")
    steady = tuple(resources(name, (100, 0, 1e6), (110, 2, 1e6)) for name in names)
    found = {m.name: m for m in usage.cpu_and_memory(Run(make_run([]).story, steady), WINDOW)}
    both = found["generator.cpu"]
    assert both.low == pytest.approx(0.4)
    assert both.high == pytest.approx(0.4)
    assert (found["generator.rss"].low, found["generator.rss"].high) == (None, None)


def test_a_process_seen_once_has_no_mean(make_run: MakeRun) -> None:
    run = Run(make_run([]).story, (resources("server", (105, 4, 60e6)),))
    assert list(usage.cpu_and_memory(run, WINDOW)) == []


def test_several_generators_also_have_a_sum_and_their_master_is_not_in_it(
    make_run: MakeRun,
) -> None:
    names = ("generator-0", "generator-1", "master")
    tables = tuple(resources(name, (100, 0, 1e6), (110, 2, 1e6)) for name in names)
    found = {m.key: m for m in usage.cpu_and_memory(Run(make_run([]).story, tables), WINDOW)}
    assert found["generator.cpu"].value == pytest.approx(0.4)
    assert found["master.cpu"].value == pytest.approx(0.2)


def test_each_second_has_what_was_used_in_it(make_run: MakeRun) -> None:
    table = resources("server", (99, 0, 50e6), (102, 3, 50e6), (104, 3.5, 90e6))
    run = Run(make_run([]).story, (table,))
    rows = seconds(run, Window(name="measured", start=100, end=104))
    assert [row["second"] for row in rows] == [1, 2, 3, 4]
    assert [row["cpu"] for row in rows] == pytest.approx([1, 1, 0.25, 0.25])
    assert [row["rss"] for row in rows] == pytest.approx([50e6, 50e6, 70e6, 90e6])
    assert {row["process"] for row in rows} == {"server"}


def test_a_process_that_is_gone_uses_nothing_more(make_run: MakeRun) -> None:
    run = Run(make_run([]).story, (resources("server", (99, 0, 5e7), (102, 3, 5e7)),))
    assert [row["cpu"] for row in seconds(run)] == pytest.approx([1, 1, *[0] * 8])


def test_before_the_first_reading_nothing_is_known(make_run: MakeRun) -> None:
    run = Run(make_run([]).story, (resources("server", (105, 0, 5e7), (110, 5, 5e7)),))
    assert [row["cpu"] for row in seconds(run)] == [None] * 5 + [pytest.approx(1)] * 5


def test_what_the_system_does_not_tell_is_not_known(make_run: MakeRun) -> None:
    table = resources("server", (100, 0, 5e7), (110, 5, 5e7), waited=nan, switches=nan)
    rows = seconds(Run(make_run([]).story, (table,)))
    assert [(row["waited"], row["switches"]) for row in rows] == [(None, None)] * 10


def test_a_process_without_a_reading_is_not_known(make_run: MakeRun) -> None:
    empty = resources("server", (100, 0, 0))
    columns = {name: column[:0] for name, column in empty.columns.items()}
    run = Run(make_run([]).story, (Measurement("resources", columns, empty.units, empty.labels),))
    assert [row["cpu"] for row in seconds(run)] == [None] * 10


def test_stolen_time_is_told_second_by_second(make_run: MakeRun) -> None:
    run = Run(make_run([]).story, (machine((100, 7.0), (102, 7.0), (103, 7.5)),))
    rows = usage.stolen_per_second(run, Window(name="measured", start=100, end=103))
    assert rows == [
        {"second": 1, "stolen": 0.0},
        {"second": 2, "stolen": 0.0},
        {"second": 3, "stolen": 0.5},
    ]
    assert not any(isnan(row["stolen"]) for row in rows)
