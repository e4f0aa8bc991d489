"""Limits of the process and of the network."""

from __future__ import annotations

import os
import re
import resource

from asapbench.doctor.machine import Network
from asapbench.doctor.read.files import Tree, read_number, read_text

_TIME_WAIT = re.compile(r"^TCP:.* tw (\d+)", re.MULTILINE)


def read_network(tree: Tree) -> Network:
    """What bounds the number of connections."""
    settings = tree.proc / "sys/net"
    waiting = _TIME_WAIT.search(read_text(tree.proc / "net/sockstat") or "")
    bounds = (read_text(settings / "ipv4/ip_local_port_range") or "").split()
    return Network(
        ports=int(bounds[1]) - int(bounds[0]) + 1 if len(bounds) == 2 else None,
        time_wait=int(waiting[1]) if waiting else None,
        backlog=read_number(settings / "core/somaxconn"),
    )


def read_open_files() -> int:
    """The soft limit of this process, and so of what it starts."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**63 - 1 if soft == resource.RLIM_INFINITY else soft


def read_nice() -> int:
    """The priority of this process, and so of what it starts: above 0 others go first."""
    return os.getpriority(os.PRIO_PROCESS, 0)
