"""For how long processes could have run and had no core."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Self


class Waiting:
    """Of this process and, if there is one, of the agent's; zero where the system does not tell.

    Linux tells it of a process's first thread, in nanoseconds: `Documentation/scheduler`,
    sched-stats, `/proc/<pid>/schedstat`.
    """

    def __init__(self, agent: int | None) -> None:
        self._files: list[int] = []
        for process in ("self", agent):
            if process is not None:
                with suppress(OSError):
                    path = f"/proc/{process}/schedstat"
                    self._files.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def seconds(self) -> float:
        """So far, together."""
        return sum(map(_waited, self._files))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            os.close(file)


def _waited(file: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        return int(os.pread(file, 80, 0).split()[1]) / 1e9
    return 0.0
