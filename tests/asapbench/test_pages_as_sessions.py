"""The command lines of README and docs, run as a reader would type them, one after the other.

A page is a session in a folder of its own, and so is each part of README: what one line saves the
next one finds. Lines are run as they stand; options that they do not give are shortened by the
environment, and only what a line says itself is changed, by SHORTER. That all lines are accepted
as they are is a test of its own (unit/test_docs.py), and the only one of the examples of --help.
What several pages say is run once, but for lines whose results later ones of a page use.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import pytest

from asapbench.commands import benches
from asapbench.system import Access, embedded
from docs.blocks import PAGES, Block, Step, blocks
from docs.reference import pages

RUN = {"asapbench", "echo"}
# What is not run, and why.
LEFT_OUT = {
    "make": "installs, or runs all tests: CI does both",
    "pipx": "installs a tool for the user of this machine",
    "uv": "installs a tool for the user of this machine",
    "pip": "installs what is installed",
    "git": "changes between branches of a reader's repository",
    "asapbench --install-completion": "changes the shell of who runs it; test_cli_completion.py",
}
# By command, for what a line does not say itself. No verdict may hang on how busy a machine is.
BRIEF = {
    "load": "users=10 spawn_rate=1000 warmup=0.2 duration=1.2s extend=1 floor=0 gates=0",
    "stress": "max_users=20 step_users=20 step_time=2s rps_per_user=30 floor=0 gates=0",
    "memory": "interval=0.25 rps=400 duration=2s warmup=2 floor=0 gates=0",
    "micro": "group=entity_creation min_rounds=2 quick=1",
    "selfcheck": "row=fixed quick=1",
    "doctor": "sample=0.2",
}
# What a line says itself, where that takes long.
SHORTER = {
    r"(load .*--duration) \S+": r"\1 1.2s",
    r"(memory .*--duration) \S+ --rps \S+": r"\1 2s --rps 400",
    r"(memory) --quick": r"\1",  # raises the rate for ten seconds and more
    r"--rigorous": "--quick",  # minutes
    r"--step-time \S+": "--step-time 2s",
    r"--until-break": "--until-break --rps-per-user 2000",  # at once
    r"--profile spike": "--profile spike --max-users 40",  # above the one step of the others
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
    "asapbench micro": {3},  # two rounds may decide nothing where the machine is busy
    "asapbench compare": {1},  # of two equals one is now and then called slower
    "--baseline": {1},
    "--targets": {1, 3},  # limits of the reader
    "--until-break": {3},  # the generator's own end may come first
    "--suite": {3},  # no row of the table that ships is about it
}
AGENT = "from asap.transport.server import app\n"
# What needs the results of lines before it.
USES = re.compile(r"asapbench (report|history|compare)|--baseline|--targets|echo")
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last = 0
        self._open = ExitStack()
        folder.mkdir()
        (folder / "my_agent.py").write_text(AGENT)
        (folder / "input.json").write_text('{"text": "hello {n}"}')
        self._lenient = folder.with_name("lenient.toml")
        self._lenient.write_text(LENIENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def _running(self) -> dict[str, str]:
        """What stands for the agent that runs already, once a line is about it."""
        log = self.folder.with_name("agent.log")
        server = self._open.enter_context(embedded("serve", Access(), log, ())).server
        return {r"http://127\.0\.0\.1:8000": server.url, r"--pid \d+": f"--pid {server.pid}"}

    def put(self, block: Block) -> None:
        """A file that the page shows."""
        file = self.folder / block.title
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)

    def run(self, line: str) -> Ended:
        """Run a line by the shell, which knows how the one before ended."""
        line = shortened(line, SHORTER)
        if "--host" in line:
            line = shortened(line, self._running)
        stays = FOREGROUND.search(line)
        process = subprocess.Popen(
            ["sh", "-c", f"(exit {self._last}); {'exec ' if stays else ''}{line}"],
            cwd=self.folder,
            env=self._environment(line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            ended = _interrupted if stays else _waited_for
            out, err = ended(process)
        self._last = process.returncode
        return Ended(process.returncode, out, err)

    def _environment(self, line: str) -> dict[str, str]:
        command = line.split()[1]
        brief = dict(option.split("=") for option in BRIEF.get(command, "").split())
        if FOREGROUND.search(line):  # measures nothing, so there is nothing to shorten
            brief = {}
        elif "--suite" in line:
            del brief["group"]
        elif command in benches():
            brief["targets"] = str(self._lenient)
        return {
            **{name: value for name, value in os.environ.items() if "GITHUB" not in name},
            **{f"ASAPBENCH_{name.upper()}": value for name, value in brief.items()},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TOKEN": "sesame",
        }


def _waited_for(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=PATIENCE)


def _interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Ended once it says where it listens. What was read beside that line is kept."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    if LISTENING.search(line):
        process.send_signal(signal.SIGINT)
    return line + process.stdout.read(), process.stderr.read()


def sessions() -> Iterator[tuple[str, list[Block]]]:
    """The blocks of each page, and of each part of README, but for the pages that are made."""
    parts: dict[str, list[Block]] = {}
    for page in PAGES:
        for block in blocks(page) if page.name not in pages() else ():
            heading = f" {block.heading}" if page.name == "README.md" else ""
            parts.setdefault(page.name + heading, []).append(block)
    for name, part in parts.items():
        if any(not left_out(step) for block in part for step in block.steps):
            yield name, part


def repeated(parts: dict[str, list[Block]]) -> set[tuple[str, Step]]:
    """What ran in a session before, and leaves nothing that its own session needs."""
    found, seen = set(), set()
    for name, part in parts.items():
        steps = [step for block in part for step in block.steps]
        for index, step in enumerate(steps):
            line = " ".join(shlex.split(shortened(step.line, SHORTER), comments=True))
            if line in seen and not any(USES.search(later.line) for later in steps[index + 1 :]):
                found.add((name, step))
            seen.add(line)
    return found


def shortened(line: str, by: Mapping[str, str]) -> str:
    """A line that takes less time, or is about what runs here."""
    for long, short in by.items():
        line = re.sub(long, short, line)
    return line


def left_out(step: Step) -> bool:
    return any(step.line.startswith(beginning) for beginning in LEFT_OUT)


SESSIONS = dict(sessions())
REPEATED = repeated(SESSIONS)


@pytest.mark.pages
@pytest.mark.parametrize("name", SESSIONS)
def test_every_line_of_a_page_does_what_the_page_says(name: str, tmp_path: Path) -> None:
    with Session(tmp_path / "agent") as session:
        for block in SESSIONS[name]:
            if block.title:
                session.put(block)
            for step in block.steps:
                if not left_out(step) and (name, step) not in REPEATED:
                    ends_well(session, step, f"{name}:{step.number}", shown=not block.mark)


def ends_well(session: Session, step: Step, where: str, *, shown: bool) -> None:
    """As the page says, with an exit code that it may have and what it is shown to print."""
    assert step.line.split()[0] in RUN, (
        f"{where}: neither run nor left out for a reason: {step.line}"
    )
    ended = session.run(step.line)
    said = f"{where}: {step.line}\nexit {ended.code}\n{ended.out}{ended.err}"
    may = {0}.union(*(codes for word, codes in MAY.items() if word in step.line))
    assert ended.code in may, said
    assert "Traceback" not in ended.out + ended.err, said
    if shown and step.shown:
        assert _anywhere(ended.out) == _anywhere(step.shown), said


def _anywhere(text: str) -> str:
    """A text without the ports in it, which are those that were free."""
    return LISTENING.sub("http://…", text)
