"""Children: told things, watched, and never left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from asapbench import process
from asapbench.errors import BrokenRun
from asapbench.process import Child, in_background

ECHO = "import sys\nfor line in sys.stdin: print(line.strip().upper(), flush=True)"
DEAF = "import signal, sys, time\nprint('up', flush=True)\nwhile True: time.sleep(60)"


def until(happened: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.02)
    return False


def gone(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_a_child_answers_line_by_line(tmp_path: Path) -> None:
    with Child("echo", ["-c", ECHO], tmp_path / "log") as child:
        child.send("hello")
        assert child.line(10) == "HELLO"


def test_a_child_ends_when_its_lifeline_does(tmp_path: Path) -> None:
    with Child("echo", ["-c", ECHO], tmp_path / "log") as child:
        pass
    assert gone(child.pid)


def test_a_child_that_will_not_end_is_ended(tmp_path: Path) -> None:
    child = Child("deaf", ["-c", DEAF], tmp_path / "log")
    assert child.line(10) == "up"
    child.stop(patience=0.1)
    assert gone(child.pid)


def test_a_child_that_died_is_reported_with_its_code_and_last_words(tmp_path: Path) -> None:
    child = Child("server", ["-c", "import sys; sys.exit('no such port')"], tmp_path / "log")
    assert child.line(10) is None
    child.stop()
    with pytest.raises(BrokenRun, match=r"the server ended with exit code 1:\n  no such port"):
        child.check()


def test_a_child_that_was_killed_is_reported_with_the_signal(tmp_path: Path) -> None:
    child = Child("server", ["-c", DEAF], tmp_path / "log")
    os.kill(child.pid, signal.SIGKILL)
    child.stop()
    with pytest.raises(BrokenRun, match="ended with signal 9 and said nothing"):
        child.check()


def test_telling_a_dead_child_something_is_no_error(tmp_path: Path) -> None:
    child = Child("brief", ["-c", ""], tmp_path / "log")
    assert child.line(10) is None
    child.send("anyone?")
    child.stop()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot pin")
def test_a_child_runs_on_the_cpus_it_was_given(tmp_path: Path) -> None:
    cpu = min(os.sched_getaffinity(0))
    with Child("echo", ["-c", ECHO], tmp_path / "log", cpus=[cpu]) as child:
        assert os.sched_getaffinity(child.pid) == {cpu}


def test_what_lies_in_the_folder_of_the_user_stands_in_for_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("asap.py", "uvicorn.py", "queue.py"):
        (tmp_path / name).write_text("raise SystemExit('not the one that was meant')")
    monkeypatch.chdir(tmp_path)
    program = "import asap, queue, uvicorn; print(asap.__implementation__, flush=True)"
    with Child("importer", ["-c", program], tmp_path / "log") as child:
        assert child.line(20) == "asapbench"


def test_a_child_whose_parent_is_killed_ends_too(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from asapbench.process import Child\n"
        f"child = Child('echo', ['-c', {ECHO!r}], Path({str(tmp_path / 'log')!r}))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    assert until(lambda: gone(pid))


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle scheduling")
def test_the_parent_gives_way_while_it_measures_and_its_children_do_not(tmp_path: Path) -> None:
    with in_background():
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        with Child("echo", ["-c", ECHO], tmp_path / "log") as child:
            assert os.sched_getscheduler(child.pid) == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle scheduling")
def test_who_may_not_come_back_from_the_background_does_not_go_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policies = [os.SCHED_OTHER]

    def refuse(_: int, policy: int, __: object) -> None:
        if policies[-1] == os.SCHED_IDLE:
            raise PermissionError(1, "Operation not permitted")
        policies.append(policy)

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    process._may_give_way.cache_clear()
    try:
        policies[:] = [os.SCHED_OTHER]
        with in_background():
            # the thread that tried is gone, and nothing else has moved
            assert os.sched_getscheduler(0) == os.SCHED_OTHER
        process.to_foreground()
    finally:
        process._may_give_way.cache_clear()
    assert policies == [os.SCHED_OTHER, os.SCHED_IDLE]


def test_a_log_that_grows_and_grows_keeps_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_LONGEST", 1_000_000)
    chatty = (
        "import os, time\nos.write(2, b'x\\n' * 1_000_000 + b'the end')\nprint('up', flush=True)"
    )
    with Child("chatty", ["-c", f"{chatty}\ntime.sleep(60)"], tmp_path / "log") as child:
        assert child.line(20) == "up"
        child.check()
        assert (tmp_path / "log").stat().st_size < 100_000
        assert child.last_words().endswith("the end")
