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


def plan_cores(cores: Iterable[frozenset[int]], *, many_servers: bool) -> CorePlan:
    """Keep the two sides apart, SMT siblings together: the generator on the first core.

    An embedded server is one process and gets one core, the last; a command may have workers and
    gets all that are left.
    """
    ordered = sorted(cores, key=min)
    if len(ordered) < 2:
        return CorePlan()
    servers = ordered[1:] if many_servers else ordered[-1:]
    return CorePlan(
        server=tuple(sorted(frozenset().union(*servers))), generator=tuple(sorted(ordered[0]))
    )


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
