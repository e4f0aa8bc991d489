"""What a process holds, and what it does not."""

from __future__ import annotations

import mmap

import psutil

from asapbench.leak.held import held, taken


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
