"""Every command line of README and docs, run as a reader would type it, one after the other.

A page is a session in a folder of its own, and so is each part of README: what one line saves the
next one finds. Lines are run as they stand; options that they do not give are shortened by the
environment, and only what a line says itself is changed, by SHORTER. That the lines are accepted
as they are is a test of its own (unit/test_docs.py).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from asapbench.commands import benches
from asapbench.system import Access, embedded
from docs.blocks import PAGES, Block, Step, blocks

RUN = {"asapbench", "echo"}
# What is not run, and why.
LEFT_OUT = {
    "make": "installs, or runs all tests: CI does both",
    "pipx": "installs a tool for the user of this machine",
    "uv": "installs a tool for the user of this machine",
    "pip": "installs what is installed",
    "git": "changes between branches of a reader's repository",
}
# By command, for what a line does not say itself. No verdict may hang on how busy a machine is.
BRIEF = {
    "load": "users=10 spawn_rate=1000 rps=200 warmup=0.2 duration=1s extend=1 floor=0 gates=0",
    "stress": "max_users=20 step_users=20 step_time=2s rps_per_user=30 floor=0 gates=0",
    "memory": "interval=0.25 rps=400 duration=2s warmup=2 floor=0 gates=0",
    "micro": "group=entity_creation min_rounds=2 quick=1",
    "selfcheck": "row=fixed quick=1",
    "doctor": "sample=0.2",
}
# What a line says itself, where that takes long.
SHORTER = {
    r"(load .*--duration) \S+": r"\1 1s",
    r"(memory .*--duration) \S+ --rps \S+": r"\1 2s --rps 400",
    r"(memory) --quick": r"\1",  # raises the rate for ten seconds and more
    r"--rigorous": "--quick",  # minutes
    r"--step-time \S+": "--step-time 2s",
    r"--max-users \S+": "--max-users 40",
    r"--row stopped": "--row fast-errors",  # ten seconds of standing still
    r"--port \d+": "--port 0",
}
LENIENT = """
[[load]]
metric = "throughput"
limit = ">= 20 req/s"
[[load]]
metric = "latency.max"
limit = "<= 30 s"
[[stress]]
metric = "max_sustainable_rps"
limit = ">= 1 req/s"
[[memory]]
metric = "growth_rate"
limit = "< 1000000 MB/h"
[[micro]]
metric = "entity_creation"
limit = "< 1 s"
[[micro]]
metric = "envelope_creation"
limit = "< 1 s"
[[micro]]
metric = "asap_endpoint"
limit = "< 10 s"
"""
# What a line may end with beside 0, by a word in it: where the machine may decide.
MAY = {
    "asapbench doctor": {1},  # something is bad here
    "asapbench selfcheck": {1, 4},  # a busy machine is WRONG, or no machine to check with
    "asapbench compare": {1},  # of two equals one is now and then called slower
    "--baseline": {1},
    "--targets": {1, 3},  # limits of the reader
    "--suite": {3},  # no row of the table that ships is about it
}
AGENT = "from asap.transport.server import app\n"
FOREGROUND = re.compile(r"asapbench serve|--web-ui")
LISTENING = re.compile(r"http://[\d.:]+")
PATIENCE = 90.0


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it said."""

    code: int
    out: str
    err: str


class Session:
    """A shell in a folder of its own, with an agent of the reader's at hand."""

    def __init__(self, folder: Path, url: str, pid: int) -> None:
        self.folder = folder
        self._running = {r"http://127\.0\.0\.1:8000": url, r"--pid \d+": f"--pid {pid}"}
        self._last = 0
        (folder / "my_agent.py").write_text(AGENT)
        (folder / "input.json").write_text('{"text": "hello {n}"}')
        self._lenient = folder.parent / f"{folder.name}-lenient.toml"
        self._lenient.write_text(LENIENT)

    def put(self, block: Block) -> None:
        """A file that the page shows."""
        file = self.folder / block.title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)

    def run(self, line: str) -> Ended:
        """Run a line by the shell, which knows how the one before ended."""
        for long, short in {**SHORTER, **self._running}.items():
            line = re.sub(long, short, line)
        process = subprocess.Popen(
            ["sh", "-c", f"(exit {self._last}); {line}"],
            cwd=self.folder,
            env=self._environment(line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            if FOREGROUND.search(line):
                _interrupt_once_it_listens(process)
            out, err = process.communicate(timeout=PATIENCE)
        self._last = process.returncode
        return Ended(process.returncode, out, err)

    def _environment(self, line: str) -> dict[str, str]:
        command = line.split()[1]
        brief = dict(option.split("=") for option in BRIEF.get(command, "").split())
        if "--suite" in line:
            del brief["group"]
        elif command in benches():
            brief["targets"] = str(self._lenient)
        return {
            **{name: value for name, value in os.environ.items() if "GITHUB" not in name},
            **{f"ASAPBENCH_{name.upper()}": value for name, value in brief.items()},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TOKEN": "sesame",
        }


def _interrupt_once_it_listens(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert LISTENING.search(process.stdout.readline())
    os.killpg(process.pid, signal.SIGINT)


def sessions() -> Iterator[tuple[str, list[Block]]]:
    """The blocks of each page, and of each part of README."""
    parts: dict[str, list[Block]] = {}
    for page in PAGES:
        for block in blocks(page):
            heading = f" {block.heading}" if page.name == "README.md" else ""
            parts.setdefault(page.name + heading, []).append(block)
    for name, part in parts.items():
        if any(_word(step) not in LEFT_OUT for block in part for step in block.steps):
            yield name, part


def _word(step: Step) -> str:
    return step.line.split()[0]


@pytest.mark.parametrize(("name", "part"), [pytest.param(*one, id=one[0]) for one in sessions()])
def test_every_line_of_a_page_does_what_the_page_says(
    name: str, part: list[Block], tmp_path: Path
) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    with embedded("serve", Access(), tmp_path / "agent.log", ()) as agent:
        assert agent.server.pid is not None
        session = Session(folder, agent.server.url, agent.server.pid)
        for block in part:
            if block.title:
                session.put(block)
            for step in block.steps:
                if _word(step) not in LEFT_OUT:
                    ends_well(session, step, f"{name}:{step.number}", shown=not block.mark)


def ends_well(session: Session, step: Step, where: str, *, shown: bool) -> None:
    """As the page says, with an exit code that it may have and what it is shown to print."""
    assert _word(step) in RUN, f"{where}: neither run nor left out for a reason: {step.line}"
    began = time.monotonic(), sum(os.times()[2:4])
    ended = session.run(step.line)
    said = f"{where}: {step.line}\nexit {ended.code}\n{ended.out}{ended.err}"
    print(
        f"{time.monotonic() - began[0]:5.1f} s {sum(os.times()[2:4]) - began[1]:5.1f} {where}: {step.line}"
    )  # noqa: T201 - for who looks
    may = {0}.union(*(codes for word, codes in MAY.items() if word in step.line))
    assert ended.code in may, said
    assert "Traceback" not in ended.out + ended.err, said
    if shown and step.shown:
        assert ended.out == step.shown, said
