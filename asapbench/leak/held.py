"""What a process holds: RSS, and USS without the pages of files.

The pages of a library that nobody wrote to count for USS while no other process has the library
open. So the USS of a server jumps by megabytes when some other Python program on the machine starts
or ends. They are no memory that it took, and are left out where the system tells them apart.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

_TAKEN = ("Private_Dirty:", "Private_Hugetlb:", "Swap:")


def held(process: psutil.Process) -> tuple[float, float]:
    """RSS and USS in bytes. Raises psutil's errors where the process is gone or another user's."""
    rss = float(process.memory_info().rss)
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # not Linux, or gone, or another's: psutil tells which
        return rss, float(process.memory_full_info().uss)
    return rss, taken(lines)


class Together(NamedTuple):
    """RSS and USS of a process and of all that it started, in bytes, and how many these are."""

    rss: float
    uss: float
    processes: int


def held_together(process: psutil.Process) -> Together:
    """What it holds with all that it started; what of these has ended holds nothing."""
    each = [held(process)]
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            each.append(held(child))
    rss, uss = map(sum, zip(*each, strict=True))
    return Together(rss, uss, sum(own > 0 for own, _ in each))  # a zombie has nothing


def taken(lines: list[str]) -> float:
    """Bytes that are a process's own, from lines such as `Private_Dirty:   8372 kB`."""
    fields = (line.split() for line in lines)
    return 1024.0 * sum(int(amount) for name, amount, *_ in fields if name in _TAKEN)
