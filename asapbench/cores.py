"""Which logical CPUs the server and the generators run on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TOPOLOGY = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class CorePlan:
    """Logical CPUs for each side; both are empty where they have to share."""

    server: tuple[int, ...] = ()
    generator: tuple[int, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether the two sides run on the same CPUs."""
        return not self.generator


def plan_cores(
    cores: Iterable[frozenset[int]], *, many_servers: bool, generators: int = 1
) -> CorePlan:
    """Keep the two sides apart, SMT siblings together: each generator on one of the first cores.

    An embedded server is one process and gets one core, the last; a command may have workers and
    gets all that are left, at least one.
    """
    ordered = sorted(cores, key=min)
    if len(ordered) < 2:
        return CorePlan()
    first = min(generators, len(ordered) - 1)
    servers = ordered[first:] if many_servers else ordered[-1:]
    return CorePlan(server=_flat(servers), generator=_flat(ordered[:first]))


def generator_cores(cores: Iterable[frozenset[int]]) -> int:
    """How many generators can have a core of their own: one is the server's, if there are two."""
    return max(1, len(tuple(cores)) - 1)


def deal(
    cpus: Iterable[int], processes: int, cores: Iterable[frozenset[int]]
) -> tuple[tuple[int, ...], ...]:
    """Give each process one of these cores; where they are too few, processes share."""
    allowed = frozenset(cpus)
    own = sorted((core & allowed for core in cores if core & allowed), key=min)
    if not own:
        return ((),) * processes
    return tuple(tuple(sorted(own[index % len(own)])) for index in range(processes))


def _flat(cores: Iterable[frozenset[int]]) -> tuple[int, ...]:
    return tuple(sorted(frozenset().union(*cores)))


def physical_cores() -> tuple[frozenset[int], ...]:
    """The logical CPUs this process may use, grouped by physical core."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    allowed = os.sched_getaffinity(0)
    return tuple({frozenset(_siblings(cpu)) & allowed for cpu in allowed})


def _siblings(cpu: int) -> Iterable[int]:
    try:
        text = (_TOPOLOGY / f"cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return (cpu,)
    return parse_cpu_list(text)


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """Read the kernel's "0-1,4" as (0, 1, 4)."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return tuple(cpus)
