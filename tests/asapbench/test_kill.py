"""`kill -9` at any moment: what was measured is kept, other runs are intact, nothing runs on."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from asapbench.series import rows_of
from asapbench.store import kept, load
from tests.asapbench.test_load_end_to_end import SHORT, Bench, until

# a random time after one of these a run is killed; the windows of a run, and what is before them
MOMENTS = ("started", "begun", "warm-up", "measured", "measured")
PLAN = ("load", *SHORT, "--duration", "60s", "--targets", "lenient.toml")
BEFORE = "20260101-000000-load"
KILLS = 8
MARK = "STARTED_BY_TEST"  # in the environment of all that a test starts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def runs(bench: Bench) -> list[Path]:
    return kept(bench.folder / ".asapbench")


@pytest.fixture
def before(bench: Bench) -> Path:
    """A run that ended long ago."""
    assert bench.load("--duration", "1s").code == 0
    (run,) = runs(bench)
    return run.rename(run.with_name(BEFORE))


def content(run: Path) -> dict[Path, bytes]:
    """Every file of a run."""
    return {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}


def requests(run: Path | None) -> bytes:
    """The rows of requests that are in a run; none where there is no file of them yet."""
    file = run and run / "requests.series"
    return rows_of(file) if file and file.exists() else b""


def windows(run: Path | None) -> set[str]:
    """What of a run has begun."""
    if run is None:
        return {"started"}
    return {"started", "begun", *(window.name for window in load(run).story.windows)}


def running(bench: Bench) -> set[int]:
    """All processes that a test has started and that have not ended."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == str(bench.folder):
                found.add(process.pid)
    return found


def killed(bench: Bench, moment: str, delay: float, *, all_at_once: bool) -> bytes:
    """Kill a run some time after a moment, alone or with all that it started.

    Gives the requests that it had written just before.
    """
    known = set(runs(bench))

    def fresh() -> Path | None:
        return next((run for run in runs(bench) if run not in known), None)

    with bench.start(*PLAN, **{MARK: str(bench.folder)}) as process:
        assert until(lambda: moment in windows(fresh()), 60), process.poll()
        time.sleep(delay)
        written = requests(fresh())
        for pid in {process.pid} | (running(bench) if all_at_once else set()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert until(lambda: not running(bench)), running(bench)
    return written


def shown(bench: Bench, run: Path) -> dict[str, Any]:
    """What `asapbench report` says of a run."""
    result = bench.run("report", run.name, "--json", "-")
    assert result.code == 0, result.err
    report: dict[str, Any] = json.loads(result.out)
    return report


def test_killed_at_random_moments_a_run_keeps_what_it_measured_and_harms_no_other(
    bench: Bench, before: Path
) -> None:
    intact, report = {before: content(before)}, shown(bench, before)
    for seed in range(KILLS):
        chance = random.Random(seed)
        moment = MOMENTS[seed % len(MOMENTS)]
        written = killed(bench, moment, chance.random(), all_at_once=chance.random() < 0.5)
        assert {run: content(run) for run in intact} == intact, seed
        for run in set(runs(bench)) - set(intact):
            assert requests(run).startswith(written), seed
            assert load(run).story.ended == "running", seed
            intact[run] = content(run)
    assert shown(bench, before) == report
    assert sum(len(requests(run)) > 0 for run in intact) > KILLS / 2


def test_a_killed_run_is_reported_up_to_its_end_and_without_a_verdict(bench: Bench) -> None:
    killed(bench, "measured", 3.0, all_at_once=True)
    (run,) = runs(bench)
    report = shown(bench, run)
    assert (report["ended"], report["exit_code"]) == ("broke", 4)
    assert "asapbench was killed" in report["why"]
    assert {verdict["outcome"] for verdict in report["verdicts"]} == {"invalid"}
    assert report["load"]["measured"] > 1
    assert report["load"]["requests"] > 200
    assert len(report["load"]["seconds"]) >= 1
