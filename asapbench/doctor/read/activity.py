"""What the machine does while asapbench only watches."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from asapbench.doctor.machine import Activity, Busy
from asapbench.doctor.read.cgroup import folders, read_stops
from asapbench.doctor.read.files import Tree, read_table, read_text
from asapbench.doctor.read.memory import read_swap

_NAP = 0.001
_WORTH_NAMING = 0.02  # CPUs
_NAMED = 3


@dataclass(frozen=True)
class Work:
    """CPU seconds of a process so far; `ours` if it can only run on the CPUs allowed to us."""

    name: str
    cpu: float
    ours: bool = True


@dataclass(frozen=True)
class CpuTimes:
    """CPU seconds so far. `stolen` is None where no host could steal."""

    busy: float
    total: float
    stolen: float | None


@dataclass(frozen=True)
class Snapshot:
    """All counters at one moment; a process is known by its pid and its birth."""

    at: float
    cpus: CpuTimes | None
    own_cpu: float
    switches: int | None
    own_switches: int
    swapped: int
    stops: int | None
    processes: Mapping[tuple[int, float], Work]


def watch(sample: float, allowed: tuple[int, ...], tree: Tree) -> Activity:
    """Sleep in naps of 1 ms for `sample` seconds and say what happened meanwhile."""
    before = take_snapshot(allowed, tree)
    late = _doze(before.at + sample)
    return between(before, take_snapshot(allowed, tree), late)


def between(before: Snapshot, after: Snapshot, late: Sequence[float]) -> Activity:
    """What happened from one snapshot to the next; `late` is how late each nap ended."""
    duration = after.at - before.at
    ordered = sorted(late)
    return Activity(
        duration=duration,
        others=_others(before, after),
        stolen=_stolen(before.cpus, after.cpus),
        stolen_since_boot=_stolen(_BOOT, after.cpus),
        switches=_switches(before, after),
        swapped=(after.swapped - before.swapped) / duration,
        stops=None if after.stops is None else after.stops - (before.stops or 0),
        late_median=ordered[len(ordered) // 2],
        late_p99=ordered[len(ordered) * 99 // 100],
        late_worst=ordered[-1],
        busiest=_busiest(before, after),
    )


def take_snapshot(allowed: tuple[int, ...], tree: Tree) -> Snapshot:
    """Read all counters."""
    own, swap, cgroup = resource.getrusage(resource.RUSAGE_SELF), read_swap(), folders("cpu", tree)
    return Snapshot(
        at=time.monotonic(),
        cpus=read_cpu_times(allowed, tree),
        own_cpu=own.ru_utime + own.ru_stime,
        switches=read_table(tree.proc / "stat").get("ctxt"),
        own_switches=own.ru_nvcsw + own.ru_nivcsw,
        swapped=swap.sin + swap.sout,
        stops=read_stops(cgroup) if cgroup else None,
        processes=_processes(set(allowed)),
    )


def read_cpu_times(allowed: tuple[int, ...], tree: Tree) -> CpuTimes | None:
    """The times of the allowed CPUs together, or of all where none can be told apart."""
    if not allowed:
        times = psutil.cpu_times()
        return CpuTimes(sum(times) - times.idle, sum(times), None)
    names = {f"cpu{cpu}" for cpu in allowed}
    lines = (line.split() for line in (read_text(tree.proc / "stat") or "").splitlines())
    rows = [[int(word) for word in words[1:9]] for words in lines if words and words[0] in names]
    if not rows:
        return None
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, idle, iowait, irq, softirq, steal = (
        sum(column) / tick for column in zip(*rows, strict=True)
    )
    busy = user + nice + system + irq + softirq
    return CpuTimes(busy, busy + idle + iowait + steal, steal)


def _doze(until: float) -> list[float]:
    late: list[float] = []
    now = time.monotonic()
    while now < until or not late:
        time.sleep(_NAP)
        woken = time.monotonic()
        late.append(woken - now - _NAP)
        now = woken
    return late


def _processes(allowed: set[int]) -> dict[tuple[int, float], Work]:
    asked = ["pid", "name", "create_time", "cpu_times"]
    asked += ["cpu_affinity"] if allowed else []
    rows = [process.info for process in psutil.process_iter(asked) if process.pid != os.getpid()]
    return {
        (row["pid"], row["create_time"]): Work(
            row["name"],
            row["cpu_times"].user + row["cpu_times"].system,
            allowed.issuperset(row.get("cpu_affinity") or ()),
        )
        for row in rows
        if row["cpu_times"] is not None
    }


_BOOT = CpuTimes(0.0, 0.0, 0.0)


def _others(before: Snapshot, after: Snapshot) -> float | None:
    # some sandboxes show a clock of the CPUs that stands still
    if before.cpus is None or after.cpus is None or after.cpus.total <= before.cpus.total:
        return None
    busy = after.cpus.busy - before.cpus.busy - (after.own_cpu - before.own_cpu)
    # a kernel that counts ticks misses what works between them; processes are timed exactly
    return max(0.0, busy / (after.at - before.at), _ours(before, after))


def _switches(before: Snapshot, after: Snapshot) -> float | None:
    if before.switches is None or after.switches is None:
        return None
    # a nap of ours costs two: to us and away
    own = 2 * (after.own_switches - before.own_switches)
    return max(0.0, (after.switches - before.switches - own) / (after.at - before.at))


def _stolen(before: CpuTimes | None, after: CpuTimes | None) -> float | None:
    if before is None or after is None or before.stolen is None or after.stolen is None:
        return None
    total = after.total - before.total
    if total <= 0:
        return None
    return max(0.0, (after.stolen - before.stolen) / total)


def _busiest(before: Snapshot, after: Snapshot) -> tuple[Busy, ...]:
    used = [
        Busy(name=work.name, pid=key[0], cpus=_used(before, after, key))
        for key, work in after.processes.items()
    ]
    most = sorted(used, key=lambda busy: busy.cpus, reverse=True)[:_NAMED]
    return tuple(busy for busy in most if busy.cpus >= _WORTH_NAMING)


def _ours(before: Snapshot, after: Snapshot) -> float:
    """CPUs used by processes that can only run where we may."""
    return sum(_used(before, after, key) for key, work in after.processes.items() if work.ours)


def _used(before: Snapshot, after: Snapshot, key: tuple[int, float]) -> float:
    """CPUs used by a process; one that began meanwhile counts from its beginning."""
    earlier = before.processes.get(key)
    used = after.processes[key].cpu - (earlier.cpu if earlier else 0.0)
    return used / (after.at - before.at)
