"""The limits of the cgroup that this process is in, version 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asapbench.doctor.machine import Quota
from asapbench.doctor.read.files import Tree, read_number, read_table, read_text


def folders(controller: str, tree: Tree) -> tuple[Path, ...]:
    """The cgroup of this process and those above it that can be seen; a limit may be in any."""
    paths = dict(_memberships(tree))
    for mount, root, controllers in _mounts(tree):
        key = controller if controller in controllers else "" if not controllers else None
        if key is not None and key in paths:
            own = _below(mount, root, paths[key])
            return (own, *(parent for parent in own.parents if parent.is_relative_to(mount)))
    return ()


def read_quota(tree: Tree) -> Quota | None:
    """The tightest CPU limit that holds for this process; None where cgroups cannot be seen."""
    own = folders("cpu", tree)
    if not own:
        return None
    limits = [limit for folder in own if (limit := _limit(folder))]
    cpus, period = min(limits, default=(None, None))
    return Quota(cpus=cpus, period=period, stops=read_stops(own), stopped=_stopped(own))


def read_stops(own: tuple[Path, ...]) -> int:
    """How often a quota has stopped these cgroups so far."""
    return sum(read_table(folder / "cpu.stat").get("nr_throttled", 0) for folder in own)


def read_room(tree: Tree) -> tuple[int, int] | None:
    """The tightest memory limit and what is left below it, in bytes; None without a limit."""
    own = folders("memory", tree)
    return min((room for folder in own if (room := _room(folder))), key=_left, default=None)


def _memberships(tree: Tree) -> Iterator[tuple[str, str]]:
    for line in (read_text(tree.proc / "self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        yield from ((controller, path) for controller in controllers.split(","))


def _mounts(tree: Tree) -> list[tuple[Path, str, frozenset[str]]]:
    """(where, root, controllers) of each hierarchy; version 2 names none and comes last."""
    mounts = []
    for line in (read_text(tree.proc / "self/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        kind, *_, options = after.split()
        if kind in {"cgroup", "cgroup2"}:
            root, where = before.split()[3:5]
            controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
            mounts.append((Path(where), root, controllers))
    return sorted(mounts, key=lambda mount: not mount[2])


def _below(mount: Path, root: str, path: str) -> Path:
    """Where a cgroup is found; in a container its own one is often the mount itself."""
    inside = path.removeprefix(root if root != "/" else "").lstrip("/")
    own = mount / inside
    return own if own.is_dir() else mount


def _limit(folder: Path) -> tuple[float, float] | None:
    """(CPUs, period in seconds) of this one cgroup."""
    words = (read_text(folder / "cpu.max") or "").split()
    quota = int(words[0]) if words and words[0] != "max" else None
    period = int(words[1]) if len(words) > 1 else None
    if not words:
        quota = read_number(folder / "cpu.cfs_quota_us")
        period = read_number(folder / "cpu.cfs_period_us")
    if quota is None or quota < 0 or not period:
        return None
    return quota / period, period / 1e6


def _stopped(own: tuple[Path, ...]) -> float:
    tables = [read_table(folder / "cpu.stat") for folder in own]
    micro = sum(table.get("throttled_usec", 0) for table in tables)
    nano = sum(table.get("throttled_time", 0) for table in tables)
    return micro / 1e6 + nano / 1e9


def _room(folder: Path) -> tuple[int, int] | None:
    limit = _either(folder, "memory.max", "memory.limit_in_bytes")
    used = _either(folder, "memory.current", "memory.usage_in_bytes")
    if limit is None or used is None or limit >= _NO_LIMIT:
        return None
    table = read_table(folder / "memory.stat")
    # the kernel drops this part of the file cache before it refuses memory
    cache = table.get("total_inactive_file", table.get("inactive_file", 0))
    return limit, max(0, limit - used + cache)


# version 1 writes "no limit" as the largest whole number of pages
_NO_LIMIT = 2**62


def _either(folder: Path, version2: str, version1: str) -> int | None:
    number = read_number(folder / version2)
    return read_number(folder / version1) if number is None else number


def _left(room: tuple[int, int]) -> int:
    return room[1]
