"""`asapbench micro` as a user runs it: a suite of one's own, real processes, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import asyncio, os, time
from asapbench.suite import Operation, benchmark

@benchmark(group="fast")
def plain():
    return lambda: sum(range(50))

@benchmark(group="fast", against="plain")
async def awaited():
    async def operation():
        await asyncio.sleep(0)
    yield operation
    print("cleaned up")

@benchmark(group="fast", sizes=(1000, 2000), numbers=["ratio"])
def sized(size):
    return Operation(lambda: bytes(size), {"ratio": 0.5})

@benchmark(group="slow")
def sleeping():
    return lambda: time.sleep(0.002)

@benchmark(group="slow")
def sleeping_by_a_lambda():
    return lambda: asyncio.sleep(0.002)
"""
BROKEN = """
import os
from asapbench.suite import benchmark

@benchmark(group="good")
def fine():
    return lambda: sum(range(50))

@benchmark(group="bad")
def wrong():
    def operation():
        raise ValueError("not the right reply")
    return operation

@benchmark(group="bad")
def dies():
    return lambda: os._exit(7)
"""
TABLE = """
[[micro]]
metric = "fast"
limit = "< 30 s"
[[micro]]
metric = "fast.peak_memory"
limit = "< 1 GB"
[[micro]]
metric = "fast.ratio"
limit = "< 60 %"
[[micro]]
metric = "slow"
limit = "< 1 ns"
"""
GOOD = '[[micro]]\nmetric = "good"\nlimit = "< 30 s"\n[[micro]]\nmetric = "bad"\nlimit = "< 30 s"\n'


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out)
        return content


class Micro:
    """Runs the command in a folder of its own, quickly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in {
            "own.py": SUITE,
            "broken.py": BROKEN,
            "table.toml": TABLE,
            "good.toml": GOOD,
            "unimportable.py": "import no_such_module",
        }.items():
            (folder / name).write_text(text)

    def __call__(self, *arguments: str) -> Result:
        return self.command("micro", "--quick", "--min-rounds", "2", *arguments)

    def command(self, *arguments: str) -> Result:
        process = subprocess.run(
            [sys.executable, "-m", "asapbench", *arguments],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "150"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(process.returncode, process.stdout, process.stderr)


@pytest.fixture
def micro(tmp_path: Path) -> Micro:
    return Micro(tmp_path)


def test_a_suite_of_ones_own_is_judged_by_ones_own_table(micro: Micro) -> None:
    result = micro("--suite", "own", "--targets", "table.toml", "--json", "-")
    outcomes = {verdict["metric"]: verdict["outcome"] for verdict in result.report["verdicts"]}
    # a sleep of 2 ms misses 1 ns on any machine, however busy
    assert outcomes.pop('slow{benchmark="sleeping"}') == "fail"
    assert outcomes.pop('slow{benchmark="sleeping_by_a_lambda"}') != "pass"
    assert result.code == 1
    names = ("plain", "awaited", "sized_1_kb", "sized_2_kb")
    assert {key for key, outcome in outcomes.items() if "." in key and outcome == "pass"} == {
        *(f'fast.peak_memory{{benchmark="{name}"}}' for name in names),
        *(f'fast.ratio{{benchmark="{name}"}}' for name in names if name.startswith("sized")),
    }
    assert {key for key in outcomes if "." not in key} == {
        f'fast{{benchmark="{name}"}}' for name in names
    }
    rows = {row["name"]: row for row in result.report["micro"]["benchmarks"]}
    assert rows["sleeping"]["min"] >= 0.002
    assert rows["sleeping_by_a_lambda"]["min"] >= 0.002
    (overhead,) = [one for one in result.report["metrics"] if one["name"] == "overhead"]
    assert overhead["n"] >= 2  # rounds, of which a busy machine may make some that do not count
    keys = {metric["name"] for metric in result.report["metrics"]}
    assert {"fast.ratio", "fast.speed", "fast.speedup", "noise", "overhead"} <= keys


def test_what_breaks_is_named_and_the_others_are_kept(micro: Micro) -> None:
    result = micro("--suite", "broken", "--targets", "good.toml", "--json", "-")
    assert result.code == 4
    outcomes = {verdict["metric"]: verdict for verdict in result.report["verdicts"]}
    assert outcomes['good{benchmark="fine"}']["outcome"] in {"pass", "inconclusive"}
    assert outcomes['bad{benchmark="wrong"}']["outcome"] == "invalid"
    assert "ValueError: not the right reply" in outcomes['bad{benchmark="wrong"}']["reason"]
    assert "exit code 7" in outcomes['bad{benchmark="dies"}']["reason"]


def test_with_x_the_first_that_breaks_ends_the_run(micro: Micro) -> None:
    result = micro("--suite", "broken", "--targets", "good.toml", "-x", "--json", "-")
    assert result.code == 4
    names = {failure["benchmark"] for failure in result.report["micro"]["failures"]}
    assert names == {"bad/wrong", "bad/dies"}  # both while it is found out how long they take
    assert result.report["micro"]["benchmarks"] == []
    assert "benchmark-broke" in {note["code"] for note in result.report["notes"]}
    assert {one["name"] for one in result.report["metrics"]} == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--suite", "unimportable"), "No module named 'no_such_module'"),
        (("--suite", "no/module"), "--suite: 'no/module' is refused"),
        (("--suite", "json"), "there is no benchmark in it"),
        (("--suite", "own", "--group", "fats"), "did you mean fast"),
        (("--suite", "own", "-k", "nothing"), "no benchmark has 'nothing'"),
        (("--suite", "own", "--baseline", "before"), "no baseline 'before'"),
        (("--suite", "own", "--rigorous"), "exclude each other"),
        (("--suite", "own", "--min-rounds", "1"), "--min-rounds: '1' is refused"),
        (("--suite", "own", "--pyperf-json", "no/such/file"), "a folder that exists"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    micro: Micro, arguments: tuple[str, ...], said: str
) -> None:
    result = micro(*arguments)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err
    assert not (micro.folder / ".asapbench" / "runs").exists()


def test_the_list_is_of_what_is_selected(micro: Micro) -> None:
    result = micro("--suite", "own", "--group", "fast", "--list")
    assert result.out.splitlines() == [
        "fast/plain",
        "fast/awaited",
        "fast/sized_1_kb",
        "fast/sized_2_kb",
    ]


def test_results_are_saved_compared_and_read_by_pyperf(micro: Micro) -> None:
    own = ("--suite", "own", "--group", "fast", "-k", "plain", "--quick", "--min-rounds", "2")
    first = micro.command(
        "micro", *own, "--save", "before", "--pyperf-json", "p.json", "--histogram", "h.svg"
    )
    assert first.code == 3  # there is no table: nothing is judged
    assert "no target is about what was measured" in first.out
    assert (micro.folder / "h.svg").read_text().startswith("<svg")
    again = micro.command("micro", *own, "--baseline", "before", "--json", "-")
    (row,) = again.report["comparison"]["rows"]
    assert row["key"] == "fast/plain"
    assert again.code == int(row["beyond"])  # the machine may have changed in between
    other = micro.command("compare", "before", "other.json", "--max-slowdown", "5")
    assert other.code == 2
    assert "5% or 500%" in other.err
    compared = micro.command("compare", "before", "p.json")
    assert compared.code == 0
    assert "fast/plain" in compared.out
    for command in (("stats", "p.json"), ("hist", "p.json"), ("compare_to", "p.json", "p.json")):
        _pyperf(micro.folder, *command)
    assert "fast/plain" in _pyperf(micro.folder, "check", "p.json", codes=(0, 1))  # 1: unstable


def _pyperf(folder: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pyperf", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in codes, done.stderr
    return done.stdout


def test_an_endpoint_is_timed_against_the_embedded_server(micro: Micro) -> None:
    (micro.folder / "lenient.toml").write_text(
        '[[micro]]\nmetric = "manifest_endpoint"\nlimit = "< 60 s"\n'
    )
    chosen = ("--group", "manifest_endpoint", "--targets", "lenient.toml")
    result = micro(*chosen, "--json", "-")
    assert result.report["server"]["how"] == "embedded"
    (row,) = [
        row for row in result.report["micro"]["benchmarks"] if row["group"] == "manifest_endpoint"
    ]
    assert 0 < row["client_cpu"] < row["mean"] * 2
    assert result.report["micro"]["failures"] == []
