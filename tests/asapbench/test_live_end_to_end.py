"""The live view of a real run, on a terminal of its own; the report goes elsewhere."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tests.asapbench.unit.screen import Screen

WIDTH, HEIGHT = 100, 30
PATIENCE = 90.0
LOAD = (
    *("load", "--users", "5", "--spawn-rate", "5", "--rps", "1000", "--warmup", "0.5"),
    *("--no-floor", "--no-gates"),
)


class Terminal:
    """Reads what is written to it as long as anybody can write."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.all = ""
        self.reader = Thread(target=self._read)

    def _read(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                return
            self.all += decoder.decode(data)

    @property
    def screen(self) -> Screen:
        """What it shows after all of that."""
        screen = Screen(WIDTH, HEIGHT)
        screen.write(self.all)
        return screen


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Terminal]]:
    terminal = Terminal()
    environment = {
        name: os.environ[name] for name in os.environ if name not in {"COLUMNS", "LINES"}
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "asapbench", *arguments],
        cwd=folder,
        env=environment | {"TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        stderr=terminal.slave,
        text=True,
    )
    os.close(terminal.slave)
    terminal.reader.start()
    try:
        yield process, terminal
    finally:
        process.kill()
        process.wait()
        terminal.reader.join()
        os.close(terminal.master)


def wait_for(terminal: Terminal, text: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in terminal.all:
        assert time.monotonic() < deadline, terminal.all
        time.sleep(0.05)


def test_the_view_is_drawn_while_it_runs_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    with running(tmp_path, *LOAD, "--spawn-rate", "2", "--duration", "3s", "--extend", "1") as (
        process,
        terminal,
    ):
        report, _ = process.communicate(timeout=PATIENCE)
    assert "TARGET VERIFICATION" in report
    assert "\x1b[?25l" in terminal.all
    for shown in ("asapbench load", "users come", "measuring", "throughput", "SO FAR", "analysing"):
        assert shown in terminal.all
    assert terminal.screen.shown() == []
    assert terminal.screen.cursor_shown
    assert terminal.screen.scrolled == 0


def test_ctrl_c_gives_the_terminal_back_and_reports(tmp_path: Path) -> None:
    with running(tmp_path, *LOAD, "--duration", "1h") as (process, terminal):
        wait_for(terminal, "measuring")
        time.sleep(1)  # something has to be measured
        process.send_signal(signal.SIGINT)
        report, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "interrupted by the user" in report
    assert terminal.screen.cursor_shown
    assert terminal.screen.shown() == []


def test_an_error_is_told_where_the_view_was(tmp_path: Path) -> None:
    with running(tmp_path, "load", "--serve", "false {port}", "--no-floor") as (process, terminal):
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 4
    assert terminal.screen.cursor_shown
    assert terminal.screen.shown()[0].startswith("asapbench: ")


def test_quiet_writes_nothing_to_the_terminal(tmp_path: Path) -> None:
    arguments = (*LOAD, "--duration", "1s", "--extend", "1", "-q")
    with running(tmp_path, *arguments) as (process, terminal):
        report, _ = process.communicate(timeout=PATIENCE)
    assert "TARGET VERIFICATION" in report
    assert terminal.all == ""
