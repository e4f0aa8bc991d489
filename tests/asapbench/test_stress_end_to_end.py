"""`asapbench stress` as a user runs it: real processes, a server of known capacity, what is left.

The server has slots that are busy for a time, so its capacity is far from what this machine can do.
What the interval is is not asserted: a machine that is busy with other tests may take of it.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from asapbench.commands.stress import BENCH, StressPlan
from asapbench.cores import CorePlan
from asapbench.engine import execute
from asapbench.model import Plan, Story, Tick
from asapbench.selfcheck.behaviour import Behaviour
from asapbench.selfcheck.serving import serving
from asapbench.store import Recording

SHORT = ("--step-users", "40", "--step-time", "2.2s", "--no-floor", "--quick")
# decided by any interval that there is
LENIENT = '[[stress]]\nmetric = "max_sustainable_rps"\nlimit = ">= 1 req/s"\n'
MORTAL = """
import os, sys
from asapbench.workers import truth
served, answer = 0, truth.Connection._answer
def mortal(self, *given):
    global served
    served += 1
    if served == 1500:
        sys.stderr.write("out of everything\\n")
        sys.stderr.flush()
        os._exit(3)
    answer(self, *given)
truth.Connection._answer = mortal
truth.main()
"""


def slots(folder: Path, number: int, delay: float) -> str:
    """The command of a server that can answer number / delay requests a second."""
    behaviour = Behaviour(steps=((delay, 1),), slots=number).model_dump_json()
    return shlex.join(
        [sys.executable, "-m", "asapbench.workers.truth", "{port}", str(folder / "t"), behaviour]
    )


def stress(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "lenient.toml").write_text(LENIENT)
    return subprocess.run(
        [sys.executable, "-m", "asapbench", "stress", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, str, Path]:
    """A run on a server that sustains 250 req/s, offered 400 and more."""
    folder = tmp_path_factory.mktemp("broken")
    serve = ("--serve", slots(folder, 5, 0.02), "--targets", "lenient.toml", "--no-gates")
    more = ("--max-users", "80", "--json", "report.json", "--csv", "table")
    result = stress(folder, *SHORT, *serve, *more)
    assert (folder / "report.json").is_file(), result.stderr
    return json.loads((folder / "report.json").read_text()), result.stdout, result.stderr, folder


def test_a_server_with_slots_breaks_and_the_report_says_where_and_by_what(
    broken: tuple[dict[str, Any], str, str, Path],
) -> None:
    report = broken[0]
    found, point = report["stress"]["sustainable"], report["stress"]["breaking_point"]
    assert report["exit_code"] == 0
    # five slots of 20 ms cannot do more than 250; a busy machine may take half of that
    assert found["low"] <= 1.05 * 250
    assert 0.5 * 250 <= found["high"] <= 400
    assert found["recommended"] == pytest.approx(0.8 * found["low"])
    assert point["reason"]
    assert point["exhausted"]
    assert point["users"] <= 40


def test_the_curve_has_every_step_on_its_own(
    broken: tuple[dict[str, Any], str, str, Path],
) -> None:
    steps = broken[0]["stress"]["steps"]
    first, repeat = steps[:2]
    assert (first["users"], first["role"], first["state"]) == (40, "ladder", "broken")
    assert repeat["role"] == "repeat"
    assert first["offered"] == pytest.approx(400, rel=0.01)
    assert 0 < first["achieved"] < 300
    assert first["in_flight"] > 5
    assert first["server_cpu"] > 0
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))


def test_recovery_is_reported_once_the_load_dropped(
    broken: tuple[dict[str, Any], str, str, Path],
) -> None:
    recovery = broken[0]["stress"]["recovery"]
    assert recovery["users"] == 20
    notes = {note["code"] for note in broken[0]["notes"]}
    if recovery["seconds"] is None:  # the backlog of some machines takes longer than is waited
        assert "not-recovered" in notes
        assert recovery["waited"] >= 1.5
    else:
        # more was owed than is answered in a moment
        assert 0.25 <= recovery["seconds"] <= recovery["waited"] - 1
        assert "not-recovered" not in notes


def test_the_terminal_shows_the_curve_the_chart_and_the_verdict(
    broken: tuple[dict[str, Any], str, str, Path],
) -> None:
    out, err = broken[1:3]
    for words in ("STEP", "achieved", "ACHIEVED", "Breaks at", "Exhausted", "ALL TARGETS MET"):
        assert words in out
    assert re.search(r"^step 1 .* broken$", err, re.MULTILINE)
    assert "offered 400 req/s" in err


def test_the_steps_are_a_table_for_a_spreadsheet(
    broken: tuple[dict[str, Any], str, str, Path],
) -> None:
    with (broken[3] / "table_steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(broken[0]["stress"]["steps"])
    assert rows[0]["state"] == "broken"


def test_a_server_that_dies_under_load_has_a_breaking_point_with_its_last_words(
    tmp_path: Path,
) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL)
    behaviour = Behaviour().model_dump_json()
    program = [sys.executable, "mortal.py", "{port}", str(tmp_path / "t"), behaviour]
    serve = ("--serve", shlex.join(program), "--targets", "lenient.toml", "--no-gates")
    result = stress(tmp_path, *SHORT, *serve, "--max-users", "80", "--json", "-")
    report = json.loads(result.stdout)
    assert report["ended"] == "server-died"
    point = report["stress"]["breaking_point"]
    assert "out of everything" in point["reason"]
    assert point["exhausted"] == "the server process: it ended"
    assert report["stress"]["steps"][-1]["state"] == "broken"
    outcome = report["verdicts"][0]["outcome"]
    assert result.returncode == {"pass": 0, "fail": 1, "inconclusive": 3}[outcome]


@contextmanager
def descriptors_of_the_generator(found: list[int]) -> Iterator[Any]:
    """A watcher that counts the open files of the generator when a step has been judged."""

    def watch(tick: Tick, story: Story) -> None:
        if not tick.kept:
            return
        children = psutil.Process().children()
        own = [one for one in children if "asapbench.workers.generate" in one.cmdline()]
        found.extend(one.num_fds() for one in own)

    yield watch


def test_no_socket_is_left_in_the_generator_or_the_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lenient.toml").write_text(LENIENT)
    plan = StressPlan.model_validate(
        {"step_users": 40, "max_users": 80, "step_time": 2.2, "floor": False, "profile": "spike"}
        | {"targets": "lenient.toml", "gates": False}
    )
    before = psutil.Process().num_fds()
    counts: list[int] = []
    with descriptors_of_the_generator(counts) as watch:
        report = execute(BENCH, plan, watch, _slow)
    assert report.details["spike"]["rise"] > 0
    assert psutil.Process().num_fds() == before
    # with 40 users before the 80 of the spike, and with 40 again after it
    *_, before_spike, after_spike = counts
    assert after_spike == before_spike > 40
    assert psutil.Process().children() == []


def _slow(plan: Plan, recording: Recording, cores: CorePlan) -> Any:
    return serving(Behaviour(steps=((0.01, 1),), slots=5))(plan, recording, cores)


def refused(folder: Path, *arguments: str) -> str:
    result = stress(folder, *arguments)
    assert result.returncode == 2
    assert not (folder / ".asapbench").exists()
    assert "Traceback" not in result.stderr
    return result.stderr


def test_bad_plans_are_refused_before_anything_starts(tmp_path: Path) -> None:
    assert "--step-users" in refused(tmp_path, "--step-users", "0")
    below = refused(tmp_path, "--max-users", "10")
    assert (
        "--max-users 10 is below one step: it must be at least --step-users, which is 50" in below
    )
    short = refused(tmp_path, "--step-time", "1s")
    assert "--step-time 1s is too short" in short
    assert "it must be at least 2" in short


def test_too_few_file_descriptors_are_refused_with_their_number(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256));"
        "sys.argv = ['asapbench', 'stress', '--max-users', '500'];"
        "from asapbench.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert result.returncode == 2
    assert "--max-users 500" in result.stderr
    assert "256" in result.stderr
    assert not (tmp_path / ".asapbench").exists()
