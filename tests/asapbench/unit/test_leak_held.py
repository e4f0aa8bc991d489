"""What a process holds, with all that it started, and what it does not."""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from asapbench.leak.held import held, held_together, taken
from asapbench.leak.meters import Meters

SIZE = 64 << 20
_HOLDS = f"held = b'x' * {SIZE}; print(len(held), flush=True); input()"


def test_clean_pages_of_files_are_not_counted() -> None:
    lines = ["Rss:  9000 kB", "Private_Clean:  2000 kB", "Private_Dirty:  30 kB", "Swap:  10 kB"]
    assert taken(lines) == 40 * 1024


def test_memory_that_is_written_to_is_held_and_more_than_nothing_is_resident() -> None:
    process = psutil.Process()
    before = held(process)[1]
    size = 16 << 20
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as pages:
        pages.write(b"x" * size)
        rss, uss = held(process)
    assert uss - before > size / 2
    assert rss >= uss / 2


@contextmanager
def child(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun, and has not been waited for."""
    argv = [sys.executable, "-c", program]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def reading() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Meters().answer("settle"))
    return content


def test_what_an_app_starts_is_read_with_it() -> None:
    alone = reading()
    with child(_HOLDS):
        both = reading()
    assert both["uss"] - alone["uss"] > SIZE / 2
    assert both["rss"] - alone["rss"] > SIZE / 2
    assert both["blocks"] > 0
    assert both["heap"] is None  # of the child it is not known


def test_a_child_that_has_ended_holds_nothing() -> None:
    with child("print()") as ended:
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert held_together(psutil.Process()).processes == 1
