"""The CPUs: topology, frequency, idle states, clock, and whether they are real."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from asapbench.cores import parse_cpu_list
from asapbench.doctor.machine import Processor
from asapbench.doctor.read.files import Tree, read_number, read_text

_READINGS = 1000


def read_processor(tree: Tree) -> Processor:
    """What can be seen of the CPUs that this process may use."""
    allowed = read_allowed()
    cpus = [tree.sys / f"devices/system/cpu/cpu{cpu}" for cpu in allowed]
    siblings = {cpu: _siblings(folder, cpu) for cpu, folder in zip(allowed, cpus, strict=True)}
    return Processor(
        allowed=allowed,
        cores=len(set(siblings.values())) if siblings else psutil.cpu_count(logical=False),
        neighbours=tuple(sorted(set().union(*siblings.values()) - set(allowed))),
        nodes=_nodes(allowed, tree),
        governors=_governors(cpus),
        boost=_boost(tree),
        idle_exit=max((exit_ for cpu in cpus for exit_ in _idle_exits(cpu)), default=None),
        overheated=_overheated(cpus),
        on_battery=_on_battery(),
        virtual=_virtual(tree),
        hypervisor=_hypervisor(tree),
        clock_source=read_text(_clock(tree) / "current_clocksource"),
        clock_cost=_clock_cost(),
    )


def read_allowed() -> tuple[int, ...]:
    """The logical CPUs this process may use; () where nobody says."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    return tuple(sorted(os.sched_getaffinity(0)))


def _siblings(folder: Path, cpu: int) -> frozenset[int]:
    text = read_text(folder / "topology/thread_siblings_list")
    return frozenset(parse_cpu_list(text)) if text else frozenset({cpu})


def _nodes(allowed: tuple[int, ...], tree: Tree) -> int | None:
    lists = [read_text(file) for file in tree.sys.glob("devices/system/node/node*/cpulist")]
    nodes = [parse_cpu_list(text) for text in lists if text]
    return sum(not set(allowed).isdisjoint(node) for node in nodes) or None


def _governors(cpus: Iterable[Path]) -> tuple[str, ...]:
    seen = {read_text(cpu / "cpufreq/scaling_governor") for cpu in cpus}
    return tuple(sorted(governor for governor in seen if governor))


def _boost(tree: Tree) -> bool | None:
    folder = tree.sys / "devices/system/cpu"
    off = read_number(folder / "intel_pstate/no_turbo")
    on = read_number(folder / "cpufreq/boost")
    if off is None and on is None:
        return None
    return off == 0 if off is not None else on == 1


def _idle_exits(cpu: Path) -> list[float]:
    states = [state for state in cpu.glob("cpuidle/state*") if not read_number(state / "disable")]
    return [(read_number(state / "latency") or 0) / 1e6 for state in states]


def _overheated(cpus: Iterable[Path]) -> int | None:
    counts = [read_number(cpu / "thermal_throttle/core_throttle_count") for cpu in cpus]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _on_battery() -> bool | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return None if battery is None else battery.power_plugged is False


def _virtual(tree: Tree) -> bool | None:
    flags = next(
        (
            line.split()
            for line in (read_text(tree.proc / "cpuinfo") or "").splitlines()
            if line.startswith("flags")
        ),
        None,
    )
    if read_text(tree.sys / "hypervisor/type"):
        return True
    return None if flags is None else "hypervisor" in flags


def _hypervisor(tree: Tree) -> str | None:
    clocks = read_text(_clock(tree) / "available_clocksource") or ""
    by_clock = {"kvm-clock": "KVM", "hyperv": "Hyper-V", "xen": "Xen"}
    return read_text(tree.sys / "class/dmi/id/product_name") or next(
        (name for clock, name in by_clock.items() if clock in clocks), None
    )


def _clock(tree: Tree) -> Path:
    return tree.sys / "devices/system/clocksource/clocksource0"


def _clock_cost() -> float:
    """The best of a few tries, since what disturbs one only ever makes it longer."""
    return min(_timed_readings() for _ in range(5)) / _READINGS


def _timed_readings() -> float:
    start = time.perf_counter()
    for _ in range(_READINGS):
        time.monotonic()
    return time.perf_counter() - start
