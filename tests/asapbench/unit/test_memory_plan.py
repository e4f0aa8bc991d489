"""The options of `asapbench memory`: what is refused, and how."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from asapbench.commands.memory import QUICK_LOOKS, MemoryPlan, looks, prepare, produces
from asapbench.errors import UsageError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"duration": 60}, ["--duration", "6 cycles", "give 1m20s"]),
        ({"duration": 5, "interval": 10}, ["--interval", "10s is longer than", "--duration of 5s"]),
        ({"interval": 0.5}, ["--interval", "50 requests"]),
        ({"pid": 1}, ["--pid", "--host"]),
        ({"app": "agent"}, ["MODULE:APP"]),
        ({"app": "agent:app", "serve": "x {port}"}, ["--app", "--serve"]),
        ({"explain": True, "host": "http://127.0.0.1:1"}, ["--explain", "--app MODULE:APP"]),
        ({"warmup": 1}, ["2"]),
        ({"explain": True, "components_only": True}, ["--explain", "--components-only"]),
    ],
)
def test_a_plan_that_cannot_be_measured_says_why_and_the_way_out(
    options: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        MemoryPlan(**options)
    text = str(refused.value)
    assert [word for word in words if word not in text] == []


def test_what_is_to_be_served_is_looked_for_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_agent.py").touch()
    for app in ("my_agent:app", "asapbench.selfcheck.leaking:objects_200"):
        prepare(MemoryPlan(app=app))
    with pytest.raises(UsageError, match="--app: there is no module 'nosuch'"):
        prepare(MemoryPlan(app="nosuch.agent:app"))
    with pytest.raises(UsageError, match="--pid: there is no process"):
        prepare(MemoryPlan(host="http://127.0.0.1:1", pid=2**22 + 1))
    with pytest.raises(UsageError, match=r"--host: the process of .* is not seen from here"):
        prepare(MemoryPlan(host="http://192.0.2.1:80"))


def test_a_server_here_whose_process_is_not_seen_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asapbench.listening.listening_pid", lambda host: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UsageError, match="is not seen from here: give --pid N"):
            prepare(MemoryPlan(host=url))
    prepare(MemoryPlan(host=url))  # what does not run is for the manifest to tell


def test_a_process_whose_memory_may_not_be_read_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def another_users(process: psutil.Process) -> tuple[float, float]:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr("asapbench.outside.held", another_users)
    monkeypatch.setattr("asapbench.listening.check_process", lambda host, pid: None)
    monkeypatch.setattr("asapbench.listening.listening_pid", lambda host: os.getpid())
    for pid in (os.getpid(), None):
        with pytest.raises(UsageError, match="cannot be read: run asapbench as the user"):
            prepare(MemoryPlan(host="http://127.0.0.1:1", pid=pid))


def test_eight_cycles_are_enough() -> None:
    assert MemoryPlan(duration=0.8 * 3, interval=0.3, rps=1000).cycles == 8


def test_quick_asks_for_no_time() -> None:
    assert MemoryPlan(duration=10, quick=True).quick


def test_an_undecided_run_goes_on_until_it_has_twice_the_cycles() -> None:
    assert looks(300, 10, quick=False) == (30, 45, 60)
    assert looks(80, 10, quick=True) == QUICK_LOOKS


def test_only_a_server_that_can_be_asked_has_objects_and_a_heap() -> None:
    own = {"blocks_per_request", "heap_per_request", "collected_per_request", "meters.cost"}
    embedded = set(produces(MemoryPlan()))
    assert own <= embedded
    assert own & set(produces(MemoryPlan(serve="x {port}"))) == set()
    assert "growth_rate" in produces(MemoryPlan(components_only=True))
