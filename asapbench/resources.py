"""CPU and memory of processes, sampled while they work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from asapbench.series import Column, Layout, Writer

# Cumulative CPU seconds and resident bytes of a process and all that it started.
COLUMNS = (Column("at", "s", "d"), Column("cpu", "s", "d"), Column("rss", "B", "d"))


class Sampler:
    """Writes a row a call for one process tree; silent once the process is gone."""

    def __init__(self, path: Path, name: str, pid: int | None) -> None:
        self._writer = Writer(path, Layout("resources", COLUMNS, {"process": name}))
        self._pid = pid

    def sample(self) -> None:
        """Append one reading."""
        processes = list(_tree(self._pid)) if self._pid is not None else []
        if processes:
            cpu = sum(used for used, _ in processes)
            rss = sum(held for _, held in processes)
            self._writer.append(time.monotonic(), cpu, rss)

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _tree(pid: int) -> Iterator[tuple[float, float]]:
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                yield times.user + times.system, float(process.memory_info().rss)
