"""Results read from files of three tools, and what is said of files that are none."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asapbench.baselines import of_report, read, save
from asapbench.errors import UsageError


def pyperf_file() -> dict[str, Any]:
    common = {"hostname": "m", "cpu_model_name": "c", "python_implementation": "cpython"}
    runs = [{"values": [1.0, 3.0]}, {"warmups": [[1, 9.0]]}, {"values": [2.0, 2.0]}]
    return {
        "benchmarks": [{"metadata": {"name": "parse"}, "runs": runs}],
        "metadata": {**common, "python_version": "3.11.7 (64-bit)"},
        "version": "1.0",
    }


def pytest_benchmark_file(**stats: Any) -> dict[str, Any]:
    given = {"mean": 2.0, "stddev": 0.2, "rounds": 400, **stats}
    return {
        "machine_info": {"node": "m", "python_implementation": "CPython", "python_version": "3.11"},
        "benchmarks": [{"fullname": "t.py::test_parse", "stats": given}],
    }


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    monkeypatch.chdir(tmp_path)

    def written(content: Any) -> str:
        file = tmp_path / "file.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(file)

    return written


def test_of_pyperf_each_process_that_has_values_is_one_number(write: Callable[[Any], str]) -> None:
    found = read(write(pyperf_file()))
    assert found.sizes["parse"].n == 2
    assert math.exp(found.sizes["parse"].centre) == pytest.approx(2.0)
    assert found.conditions == {"machine": "m, c", "Python": "cpython 3.11.7"}


def test_of_pytest_benchmark_the_rounds_are_no_processes(write: Callable[[Any], str]) -> None:
    found = read(write(pytest_benchmark_file(data=[2.0, 2.1] * 200)))
    assert found.sizes["t.py::test_parse"].n == 20
    assert [note.code for note in found.notes] == ["one-process"]


def test_of_pytest_benchmark_a_summary_will_do(write: Callable[[Any], str]) -> None:
    found = read(write(pytest_benchmark_file())).sizes["t.py::test_parse"]
    assert math.exp(found.centre) == pytest.approx(2.0)
    assert found.error == pytest.approx(0.1 / math.sqrt(20))


def test_what_was_saved_is_found_by_its_name(write: Callable[[Any], str]) -> None:
    save("before", json.dumps(pyperf_file()))
    assert "parse" in read("before").sizes


def report_file(**outcomes: str) -> dict[str, Any]:
    """Of a load run, whose rows came to these outcomes; they pass if nothing else is said."""

    def metric(name: str, value: float) -> dict[str, Any]:
        return {"name": name, "labels": {}, "confidence": 0.99, "value": value}

    def verdict(name: str, limit: str, unit: str, value: float) -> dict[str, Any]:
        bounds = {"low": value / 1.1, "value": value, "high": value * 1.1}
        outcome = outcomes.get(name.partition(".")[0], "pass")
        return {"metric": name, "limit": limit, "unit": unit, "outcome": outcome, **bounds}

    return {
        "schema": "asapbench.report/1",
        "command": "load",
        "plan": {"users": 5},
        "server": None,
        "load": {},
        "environment": {"hostname": "m", "cpu": "c", "python": "CPython 3.11"},
        "metrics": [metric("latency.p95", 0.003), metric("throughput", 900.0)],
        "verdicts": [
            verdict("latency.p95", "<= 5 ms", "s", 0.003),
            verdict("throughput", ">= 800 req/s", "req/s", 900.0),
        ],
    }


def test_of_a_report_with_no_benchmarks_the_judged_metrics_are_compared(
    write: Callable[[Any], str],
) -> None:
    found = read(write(report_file()))
    assert (found.command, found.plan) == ("load", {"users": 5})
    sizes = found.sizes
    # more is worse: a rate counts the other way round
    assert sizes["latency.p95"].centre == pytest.approx(math.log(0.003))
    assert sizes["throughput"].centre == pytest.approx(-math.log(900))
    assert sizes["throughput"].error == pytest.approx(math.log(1.1) / 2.326, rel=1e-3)


def test_a_row_without_a_valid_verdict_is_not_compared(write: Callable[[Any], str]) -> None:
    assert set(read(write(report_file(latency="invalid"))).sizes) == {"throughput"}


def test_nothing_of_a_measurement_that_is_not_valid_is_compared_and_that_is_said(
    write: Callable[[Any], str],
) -> None:
    void = read(write(report_file(latency="invalid", throughput="invalid")))
    assert void.sizes == {}
    assert [note.code for note in void.notes] == ["not-valid"]
    micro = report_file(latency="invalid", throughput="invalid") | {"command": "micro"}
    row = {"group": "g", "name": "n", "values": [1.0, 1.1], "split": None, "client_cpu": None}
    assert read(write(micro | {"micro": {"benchmarks": [row]}})).sizes == {}


@pytest.mark.parametrize("content", ["[1", "{}", "[]", '{"schema": "asapbench.report/1"}', "3"])
def test_a_file_that_holds_no_results_is_named(write: Callable[[Any], str], content: str) -> None:
    with pytest.raises(UsageError, match=r"file\.json"):
        read(write(content))


def test_a_name_that_was_not_saved_is_refused_with_those_that_were(
    write: Callable[[Any], str],
) -> None:
    save("before", "{}")
    with pytest.raises(
        UsageError, match=r"no baseline 'after', and no run of that name; saved are before"
    ):
        read("after")


@pytest.mark.parametrize(("split", "drift"), [(0.004, 0.0), (-0.004, 0.0), (0.10, 0.095)])
def test_only_what_chance_does_not_explain_is_drift(split: float, drift: float) -> None:
    values = [1.0, 1.02] * 10
    row = {"group": "g", "name": "n", "values": values, "split": split, "client_cpu": None}
    found = of_report("run", report_file() | {"command": "micro", "micro": {"benchmarks": [row]}})
    assert found.drift == pytest.approx(drift, abs=0.006)
