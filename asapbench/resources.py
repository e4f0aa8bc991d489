"""CPU, memory and scheduling of processes and of the machine, sampled while they work."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import reduce
from operator import or_
from pathlib import Path
from typing import NamedTuple, Self

import psutil

from asapbench.series import Column, Layout, Writer

# Of a process and all that it started; all but `rss` add up since their start. `waited` is the
# time in which a thread could have run and no CPU was free for it: NaN where the system does not
# tell. `preempted` are the switches that a thread did not ask for. `busiest` is what one thread of
# them used: from each reading to the next the one that used most.
PROCESS = (
    Column("at", "s", "d"),
    Column("cpu", "s", "d"),
    Column("rss", "B", "d"),
    Column("waited", "s", "d"),
    Column("switches", "1", "d"),
    Column("preempted", "1", "d"),
    Column("busiest", "s", "d"),
)

Threads = dict[int, float]  # CPU seconds of each, by its number

# Of CPUs, added up since the machine started: what the hypervisor gave to others of those that this
# process may use, and how long those that the server may use were busy. NaN where it is not told.
MACHINE = (Column("at", "s", "d"), Column("steal", "s", "d"), Column("busy", "s", "d"))


class Reading(NamedTuple):
    """One reading of a process; the columns of PROCESS between the time and the busiest thread."""

    cpu: float
    rss: float
    waited: float
    switches: float
    preempted: float


class Sampler:
    """Writes a row a call for a process and, if not `alone`, all that it started.

    Silent once the process is gone.
    """

    def __init__(self, path: Path, name: str, pid: int | None, *, alone: bool = False) -> None:
        self._writer = Writer(path, Layout("resources", PROCESS, {"process": name}))
        self._pid = pid
        self._alone = alone
        self._threads: Threads | None = None
        self._busiest = 0.0

    def sample(self) -> None:
        """Append one reading."""
        tree = list(_tree(self._pid, alone=self._alone)) if self._pid is not None else []
        if tree:
            readings, threads = zip(*tree, strict=True)
            self._follow(reduce(or_, threads))
            total = map(sum, zip(*readings, strict=True))
            self._writer.append(time.monotonic(), *total, self._busiest)

    def _follow(self, threads: Threads) -> None:
        before = self._threads
        if before is not None:
            used = (cpu - before.get(thread, 0.0) for thread, cpu in threads.items())
            self._busiest += max(used, default=0.0)
        self._threads = threads

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MachineSampler:
    """Writes a row a call for the machine, of which the server may use some CPUs or all of ours."""

    def __init__(self, path: Path, server: Collection[int] = ()) -> None:
        self._writer = Writer(path, Layout("machine", MACHINE))
        self._server = server

    def sample(self) -> None:
        """Append one reading."""
        ours = allowed_cpus()
        (_, steal), (busy, _) = cpu_seconds(ours), cpu_seconds(self._server or ours)
        self._writer.append(time.monotonic(), steal, busy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()


def allowed_cpus() -> Collection[int]:
    """Those that this process may use; none where the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()


def cpu_seconds(cpus: Collection[int], stat: Path = Path("/proc/stat")) -> tuple[float, float]:
    """How long processes ran on some CPUs together, and how long stolen; NaN where not told.

    Without interrupts: no process is charged for these, so they would look like strangers.
    """
    names = {f"cpu{cpu}" for cpu in cpus}
    try:
        lines = [line.split() for line in stat.read_text().splitlines()]
        rows = [list(map(int, words[1:9])) for words in lines if words and words[0] in names]
        user, nice, system, _idle, _iowait, _irq, _softirq, steal = map(
            sum, zip(*rows, strict=True)
        )
    except (OSError, ValueError):
        return math.nan, math.nan
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system) / tick, steal / tick


def cores_used(pid: int, seconds: float) -> float:
    """What a process and all that it started use of the CPUs from now on, for some seconds.

    Exact where the system tells of threads: it counts a whole process by hundredths of a second,
    which is more than one uses that only waits.
    """
    before, began = _threads_of_tree(pid), time.monotonic()
    time.sleep(seconds)
    after, ended = _threads_of_tree(pid), time.monotonic()
    used = sum(cpu - before.get(thread, 0.0) for thread, cpu in after.items())
    return used / (ended - began)


def _threads_of_tree(pid: int) -> Threads:
    return reduce(or_, (threads for _, threads in _tree(pid, alone=False)), {})


def _tree(pid: int, *, alone: bool) -> Iterator[tuple[Reading, Threads]]:
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        children = [] if alone else root.children(recursive=True)
        for process in (root, *children):
            with suppress(psutil.Error), process.oneshot():
                yield _reading(process, alone=alone)


def _reading(process: psutil.Process, *, alone: bool) -> tuple[Reading, Threads]:
    times = process.cpu_times()
    cpu = times.user + times.system
    threads = _threads(process.pid) or {process.pid: cpu}
    if not alone:  # also of children that have ended, or the sum would fall when one does
        cpu += times.children_user + times.children_system
    scheduling = _scheduling(Path(f"/proc/{process.pid}/task"))
    return Reading(cpu, float(process.memory_info().rss), *scheduling), threads


def _threads(pid: int) -> Threads:
    """Empty where the system does not tell of them one by one."""
    found: Threads = {}
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError, IndexError):
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def _scheduling(tasks: Path) -> tuple[float, float, float]:
    """Seconds waited for a CPU, switches, and those not asked for, over all threads."""
    waited, switches, preempted = 0.0, 0, 0
    try:
        for task in tasks.iterdir():
            waited += int((task / "schedstat").read_text().split()[1]) / 1e9
            status = dict(
                line.split(":\t", 1) for line in (task / "status").read_text().splitlines()
            )
            preempted += int(status["nonvoluntary_ctxt_switches"])
            switches += int(status["voluntary_ctxt_switches"])
    except (OSError, KeyError, IndexError, ValueError):
        return math.nan, math.nan, math.nan  # not Linux, or a thread that ended just now
    return waited, float(switches + preempted), float(preempted)
