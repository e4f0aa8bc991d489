"""`--processes`: how many there are, where they run, and what a user sees of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from asapbench.commands import load as load_command
from asapbench.commands.load import BENCH, RATE_PER_PROCESS, LoadPlan
from asapbench.cores import CorePlan, deal, generator_cores, physical_cores, plan_cores

MACHINE = [frozenset({0, 4}), frozenset({1, 5}), frozenset({2, 6}), frozenset({3, 7})]
SHORT = ("--users", "6", "--spawn-rate", "100", "--rps", "200", "--warmup", "0.5", "--no-floor")
LENIENT = '[[load]]\nmetric = "error_rate"\nlimit = "<= 50 %"\n'


def plan(**given: Any) -> LoadPlan:
    return LoadPlan.model_validate(given)


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_command, "physical_cores", lambda: tuple(MACHINE))


@pytest.mark.parametrize(
    ("rps", "processes"),
    [
        (1, 1),
        (RATE_PER_PROCESS, 1),
        (RATE_PER_PROCESS + 1, 2),
        (3 * RATE_PER_PROCESS, 3),
        (100 * RATE_PER_PROCESS, 3),
    ],
)
def test_auto_is_as_many_as_the_rate_needs_and_as_have_a_core(
    four_cores: None, rps: float, processes: int
) -> None:
    assert plan(processes="auto", rps=rps).generators == processes


def test_without_a_planned_rate_auto_is_one(four_cores: None) -> None:
    assert plan(processes="auto", rps=1e6, user_class="sustained").generators == 1


def test_there_are_never_more_processes_than_users(four_cores: None) -> None:
    assert plan(processes=8, users=3).generators == 3
    assert plan(processes="auto", rps=1e6, users=2).generators == 2


@pytest.mark.parametrize("refused", ["0", "-1", "65", "many"])
def test_any_other_number_of_processes_is_refused(refused: str) -> None:
    with pytest.raises(ValueError, match="processes"):
        plan(processes=refused)


def test_each_generator_gets_a_core_and_the_server_keeps_one() -> None:
    assert plan_cores(MACHINE, many_servers=False, generators=2) == CorePlan(
        server=(3, 7), generator=(0, 1, 4, 5)
    )
    assert plan_cores(MACHINE, many_servers=True, generators=9) == CorePlan(
        server=(3, 7), generator=(0, 1, 2, 4, 5, 6)
    )
    assert generator_cores(MACHINE) == 3
    assert generator_cores([]) == generator_cores(MACHINE[:1]) == 1


def test_processes_are_dealt_whole_cores_and_share_where_these_are_too_few() -> None:
    assert deal((0, 1, 4, 5), 2, MACHINE) == ((0, 4), (1, 5))
    assert deal((0, 1, 4, 5), 3, MACHINE) == ((0, 4), (1, 5), (0, 4))
    assert deal((), 2, MACHINE) == ((), ())


def test_a_table_may_name_the_cpu_of_each_process_and_the_split_of_the_embedded_server() -> None:
    several = BENCH.produces(plan(processes=2))
    assert {"generator.cpu", "generator-0.cpu", "generator-1.rss"} <= set(several)
    assert "generator-0.cpu" not in BENCH.produces(plan())
    assert several['split.server.p95{endpoint="asap"}'] == "s"
    for elsewhere in ({"host": "http://127.0.0.1:1"}, {"serve": "x {port}"}):
        assert not [key for key in BENCH.produces(plan(**elsewhere)) if key.startswith("split")]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    (folder / "lenient.toml").write_text(LENIENT)
    command = [sys.executable, "-m", "asapbench", "load", "--targets", "lenient.toml", *SHORT]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *arguments], cwd=folder, stdout=pipe, stderr=pipe, text=True)


def test_more_processes_than_cores_work_and_a_note_says_what_to_do(tmp_path: Path) -> None:
    cores = generator_cores(physical_cores())
    asked = ("--processes", str(cores + 1), "--duration", "2s", "--json", "-")
    with start(tmp_path, *asked) as process:
        out, err = process.communicate(timeout=90)
    report = json.loads(out)
    assert err.count("Traceback") == 0
    notes = {note["code"]: note for note in report["notes"]}
    assert "--processes" in notes["more-processes-than-cores"]["hint"]
    names = {metric["name"] for metric in report["metrics"]}
    assert {
        "generator.cpu",
        "generator-0.cpu",
        f"generator-{cores}.cpu",
        "split.server.p50",
    } <= names
    assert report["load"]["requests"] >= 398


def test_after_kill_9_no_generator_and_no_master_is_left(tmp_path: Path) -> None:
    with start(tmp_path, "--processes", "2", "--duration", "60s") as process:
        assert process.stderr is not None
        assert any(line.startswith("measuring") for line in process.stderr)
        started = psutil.Process(process.pid).children(recursive=True)
        assert sum("asapbench.workers.generate" in one.cmdline() for one in started) == 3
        process.kill()
        process.communicate(timeout=30)
    assert until(lambda: not [one for one in started if runs(one)])
    (run,) = (tmp_path / ".asapbench" / "runs").iterdir()
    for index in range(2):
        assert (run / f"requests-{index}.series").stat().st_size > 1 << 16


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(happened: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_generators_stay_off_the_server_s_core(tmp_path: Path) -> None:
    if len(physical_cores()) < 2:
        pytest.skip("one core: they have to share")
    with start(tmp_path, "--processes", "2", "--duration", "60s") as process:
        assert process.stderr is not None
        assert any(line.startswith("measuring") for line in process.stderr)
        affinity: dict[bool, set[int]] = {True: set(), False: set()}
        for one in psutil.Process(process.pid).children():
            affinity["asapbench.workers.generate" in one.cmdline()] |= set(one.cpu_affinity())
        process.kill()
        process.communicate(timeout=30)
    assert affinity[True].isdisjoint(affinity[False])
