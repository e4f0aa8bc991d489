"""`asapbench selfcheck` as a user runs it. A busy machine may void a run: what it read stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from asapbench.errors import Exit


@contextmanager
def selfcheck(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "asapbench", "selfcheck", "--quick", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two rows, as JSON."""
    folder = tmp_path_factory.mktemp("selfcheck")
    rows = ("--row", "fixed", "--row", "fast-errors")
    with selfcheck(folder, *rows, "--json", "-") as process:
        out, err = process.communicate(timeout=90)
    content: dict[str, Any] = json.loads(out)
    assert content["exit_code"] == process.returncode, err
    return content | {"folder": folder}


def test_the_truth_is_of_exactly_the_requests_that_were_read(document: dict[str, Any]) -> None:
    row = document["rows"][0]
    requests = row["checks"][0]
    assert requests["right"]
    assert requests["truth"] > 1900


def test_the_recorded_delay_is_the_one_asked_for_and_a_little_more(
    document: dict[str, Any],
) -> None:
    row = document["rows"][0]
    assert 2e-3 <= row["checks"][1]["truth"] < row["checks"][1]["reading"]


def test_fast_errors_are_failed_on(document: dict[str, Any]) -> None:
    row = document["rows"][1]
    share, *verdict = [check["right"] for check in row["checks"]]
    assert share
    # a machine that is busy with other tests may void the run, never turn its verdict
    assert row["verdict"] == "not run" or verdict == [True, True]


def test_a_row_names_the_run_that_is_its_evidence(document: dict[str, Any]) -> None:
    for row in document["rows"]:
        assert (document["folder"] / row["run"] / "served.series").is_file()


def test_ctrl_c_ends_all_that_was_started_the_busy_loops_too(tmp_path: Path) -> None:
    with selfcheck(tmp_path, "--row", "starved") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("measuring"):
                break
        started = psutil.Process(process.pid).children(recursive=True)
        lines = [" ".join(child.cmdline()) for child in started]
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED
    assert sum("asapbench.workers.spin" in line for line in lines) >= 8
    assert psutil.wait_procs(started, timeout=15)[1] == []
