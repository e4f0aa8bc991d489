"""`asapbench memory` as a user runs it: real processes, planted leaks, what is left of a run."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from asapbench.errors import ServerDied
from asapbench.outside import ProcessTree
from asapbench.system import Access, embedded
from asapbench.table import read_measurement

SHORT = ("--interval", "0.25", "--rps", "400", "--duration", "2s", "--warmup", "2", "--no-floor")
SERVER = f"{shlex.quote(sys.executable)} -m uvicorn --log-level error --port"
AGENT = f"{SERVER} {{port}} asap.transport.server:app"
# only what the server does: the parts of an agent have a test of their own
TABLE = """
[[memory]]
metric = "growth_rate"
limit = "< 4000 MB/h"
"""
LEAKING = """
from asap.transport.server import app as agent

class Thing:
    def __init__(self, number):
        self.number = number
        self.text = "x" * 4000 + str(number)

class Shop:
    def __init__(self):
        self.orders = []

    def take(self, thing):
        self.orders.append(thing)  # keeps it

SHOP = Shop()

def app(scope, receive, send):
    thing = Thing(len(SHOP.orders))
    SHOP.take(thing)
    return agent(scope, receive, send)
"""


BUSY = """
from asap.transport.server import app as agent

async def app(scope, receive, send):
    if scope["type"] != "http" or scope["method"] == "GET":
        return await agent(scope, receive, send)
    length = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 429, "headers": length})
    await send({"type": "http.response.body", "body": b""})
"""


class Result:
    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code, self.err = process.returncode, process.stderr
        self.report: dict[str, Any] = json.loads(process.stdout) if process.stdout else {}
        self.memory: dict[str, Any] = self.report.get("memory", {})

    def metric(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(m for m in self.report["metrics"] if m["name"] == name)
        return found


def memory(folder: Path, *arguments: str, table: str = TABLE) -> Result:
    (folder / "table.toml").write_text(table)
    program = [sys.executable, "-m", "asapbench", "memory", "--json", "-", "--targets"]
    return Result(
        subprocess.run(
            [*program, "table.toml", *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    )


def test_a_planted_leak_is_found_sized_and_named(tmp_path: Path) -> None:
    """An agent of the user's own that keeps an object of 4 kB of each request, in one long run."""
    (tmp_path / "my_agent.py").write_text(LEAKING)
    leak = memory(tmp_path, *SHORT, "--app", "my_agent:app", "--explain")
    is_found_and_sized(leak)
    explanation = leak.memory["explanation"]
    names_the_statement_that_keeps_it(explanation["keeper"]["at"])
    names_what_makes_and_holds_it(explanation)


def is_found_and_sized(leak: Result) -> None:
    assert (leak.code, leak.memory["kind"]) == (1, "leak"), leak.err
    assert leak.metric("growth_per_request")["value"] == pytest.approx(4300, rel=0.2)
    assert leak.metric("blocks_per_request")["value"] > 1
    cycles = leak.memory["cycles"]
    assert [row["kept"] for row in cycles[:3]] == [False, False, True]
    assert leak.memory["kept"] >= 16  # growth is called a leak only once it has gone on
    assert {b["requests"] - a["requests"] for a, b in pairwise(cycles)} == {100.0}


def names_the_statement_that_keeps_it(at: dict[str, Any]) -> None:
    assert at["code"] == "self.orders.append(thing)  # keeps it"
    assert (Path(at["file"]).name, at["whose"]) == ("my_agent.py", "agent")
    assert LEAKING.splitlines()[at["line"] - 1].strip() == at["code"]


def names_what_makes_and_holds_it(explanation: dict[str, Any]) -> None:
    assert 'self.text = "x" * 4000 + str(number)' in [s["code"] for s in explanation["sites"]]
    assert explanation["types"][0]["type"] == "my_agent.Thing"
    assert explanation["types"][0]["objects"] == pytest.approx(1, abs=0.1)
    assert explanation["chain"] == ["list", "Shop", "my_agent.SHOP"]


def test_a_server_command_is_judged_from_outside(tmp_path: Path) -> None:
    anything = TABLE.replace("4000", "1000000")  # so that the first look decides
    result = memory(tmp_path, *SHORT, "--serve", AGENT, table=anything)
    assert result.memory["inside"] is False
    assert result.memory["cycles"][0]["uss"] > 1e6
    assert "from-outside" in [note["code"] for note in result.report["notes"]]
    assert result.metric("unexpected_replies")["value"] == 0


def test_the_parts_are_measured_by_themselves(tmp_path: Path) -> None:
    result = memory(tmp_path, "--components-only")
    names = [part["component"] for part in result.memory["components"]]
    assert len(names) == len(set(names)) == 6
    assert all(part["operations"] > 0 for part in result.memory["components"])
    assert result.memory["live_envelopes"]["count"] == 10_000
    assert result.memory["live_envelopes"]["bytes"] > 10_000 * 500
    assert result.report["outcome"] == "pass", result.report["verdicts"]


@contextmanager
def agent(folder: Path) -> Iterator[tuple[str, int]]:
    with embedded("serve", Access(), folder / "agent.log", ()) as system:
        assert system.server.pid is not None
        yield system.server.url, system.server.pid


def test_a_pid_of_an_agent_that_is_not_asked_anything_gives_no_verdict(tmp_path: Path) -> None:
    with agent(tmp_path) as (url, pid), agent(tmp_path) as (_, other):
        result = memory(tmp_path, *SHORT, "--host", url, "--pid", str(other))
    assert (result.code, result.report["outcome"]) == (3, "invalid"), result.err
    reason = result.report["verdicts"][0]["reason"]
    assert f"process {other}, whose memory was read, used" in reason
    notes = {note["code"]: note["text"] for note in result.report["notes"]}
    assert f"listens process {pid} (" in notes["another-listens"]
    assert f"what was read is process {other} (" in notes["from-outside"]


def test_a_pid_of_no_process_is_refused(tmp_path: Path) -> None:
    with agent(tmp_path) as (url, _):
        result = memory(tmp_path, *SHORT, "--host", url, "--pid", str(2**22 + 1))
    assert result.code == 2
    assert "there is no process" in result.err


def test_a_server_that_ends_in_the_run_gives_no_verdict_and_keeps_the_evidence(
    tmp_path: Path,
) -> None:
    with agent(tmp_path) as (url, pid):

        def end() -> None:
            while kept_cycles(tmp_path) < 2:
                time.sleep(0.1)
            psutil.Process(pid).kill()

        threading.Thread(target=end, daemon=True).start()
        result = memory(tmp_path, *SHORT[:4], "--duration", "60s", "--no-floor", "--host", url)
    assert (result.code, result.report["outcome"]) == (3, "invalid"), result.err
    assert f"process {pid} has ended" in result.report["verdicts"][0]["reason"]
    assert sum(row["kept"] for row in result.memory["cycles"]) >= 2


def kept_cycles(folder: Path) -> int:
    files = folder.glob(".asapbench/runs/*/cycles.series")
    return sum(int(read_measurement(file).columns["kept"].sum()) for file in files)


def test_a_server_that_answers_wrongly_ends_the_run_at_once_without_a_verdict(
    tmp_path: Path,
) -> None:
    (tmp_path / "busy.py").write_text(BUSY)
    result = memory(tmp_path, *SHORT, "--duration", "1h", "--app", "busy:app")
    assert (result.code, result.report["outcome"]) == (3, "invalid"), result.err
    assert "replies were not what was asked for" in result.report["verdicts"][0]["reason"]
    assert result.memory["kept"] < 8


def test_the_meters_cannot_be_reached_over_the_network(tmp_path: Path) -> None:
    with embedded("serve", Access(), tmp_path / "log", ()) as system:
        statuses = [
            httpx.post(f"{system.server.url}{path}", content="settle").status_code
            for path in ("/settle", "/", "/asap/settle")
        ]
        assert {404} == set(statuses)
        assert json.loads(system.ask("settle", 30.0))["uss"] > 1e6
        assert "is no question" in json.loads(system.ask("secrets", 30.0))["error"]
        assert httpx.get(f"{system.server.url}/health").status_code == 200


def test_a_worker_that_is_replaced_is_a_server_that_restarted() -> None:
    with subprocess.Popen([sys.executable, "-c", _SUPERVISOR]) as process:
        try:
            tree = ProcessTree(process.pid)
            with pytest.raises(ServerDied, match="has restarted, or a worker of it"):
                watch(tree, 30.0)
        finally:
            process.kill()


def test_a_process_that_ends_while_it_is_looked_at_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    tree = ProcessTree(os.getpid())
    monkeypatch.setattr(psutil.Process, "status", gone)
    with pytest.raises(ServerDied, match="has ended"):
        tree.check()


def test_a_helper_that_is_gone_at_the_next_reading_is_no_restart() -> None:
    tree = ProcessTree(os.getpid())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE):
        tree.read(3, 0.0)
    tree.read(3, 0.0)


def watch(tree: ProcessTree, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        tree.read(1, 0.1)


_SUPERVISOR = """
import subprocess, sys, time
while True:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"]) as worker:
        worker.wait()
"""
