"""Whether this machine lets a run have as many sockets as it has users."""

from __future__ import annotations

import resource
from pathlib import Path

from asapbench.errors import UsageError

_OWN = 128  # file descriptors of a process beside those of its users
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def allow_sockets(option: str, wanted: int, least: int, *, local: bool) -> None:
    """Raise this process's limit, which its children inherit, as far as `wanted` users need.

    `option` is what gave the number of users.

    `local`: the server is a child too. Raises UsageError where `least` users cannot have a socket
    each, on one side or, since all of them talk to one address, a port.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    possible = _possible(hard)
    if possible < least + _OWN:
        side = "a generator and the server need" if local else "a generator needs"
        raise UsageError(
            f"{option} {least}: {side} {least + _OWN} file descriptors, and the hard limit is "
            f"{possible}: raise it (ulimit -Hn {least + _OWN}) or give at most "
            f"{max(0, possible - _OWN)} users"
        )
    ports = _ports()
    if ports is not None and ports < least:
        raise UsageError(
            f"{option} {least}: each needs a port of its own, and there are {ports}: widen "
            f"net.ipv4.ip_local_port_range or give at most {ports} users"
        )
    _raise_to(min(possible, wanted + _OWN), hard)


def most_users(wanted: int) -> int:
    """How many users of those wanted can have a socket each, as the limits are now."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(wanted, _possible(soft) - _OWN, _ports() or wanted)


def _possible(limit: int) -> int:
    return 1 << 30 if limit == resource.RLIM_INFINITY else limit


def _raise_to(needed: int, hard: int) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _ports() -> int | None:
    """How many ports there are for connections out; None where the system does not tell."""
    try:
        first, last = map(int, _PORTS.read_text().split())
    except (OSError, ValueError):
        return None
    return last - first + 1
