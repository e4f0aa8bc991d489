"""Memory, swap, huge pages and pressure."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import psutil

from asapbench.doctor.machine import Memory, Pressure
from asapbench.doctor.read.cgroup import read_room
from asapbench.doctor.read.files import Tree, read_text

_SOME = re.compile(r"^some avg10=([\d.]+)", re.MULTILINE)
_CHOSEN = re.compile(r"\[(\w+)\]")


def read_memory(tree: Tree) -> Memory:
    """The memory of the machine, or of the cgroup where that is less."""
    main, swap, room = psutil.virtual_memory(), read_swap(), read_room(tree)
    chosen = _CHOSEN.search(
        read_text(tree.sys / "kernel/mm/transparent_hugepage/enabled") or "",
    )
    return Memory(
        total=main.total,
        available=min(main.available, room[1]) if room else main.available,
        limit=room[0] if room else None,
        swap=swap.total,
        swap_used=swap.used,
        huge_pages=chosen[1] if chosen else None,
    )


def read_swap() -> Any:
    """Total, used, and moved in and out so far (`sin`, `sout`), in bytes."""
    with warnings.catch_warnings():
        # psutil warns where /proc/vmstat is hidden, and gives 0
        warnings.simplefilter("ignore", RuntimeWarning)
        return psutil.swap_memory()


def read_pressure(tree: Tree) -> Pressure | None:
    """Pressure stall information; None where the kernel keeps none."""
    shares = [_some(tree.proc / "pressure" / name) for name in ("cpu", "memory", "io")]
    cpu, memory, io = shares
    if cpu is None or memory is None or io is None:
        return None
    return Pressure(cpu=cpu, memory=memory, io=io)


def _some(file: Path) -> float | None:
    match = _SOME.search(read_text(file) or "")
    return float(match[1]) / 100 if match else None
