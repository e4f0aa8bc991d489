"""Which process serves a local URL."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil

from asapbench.errors import UsageError

_WAIT = 1.0  # seconds for a connection


def is_here(host: str) -> bool:
    """Whether a URL leads to this machine; a name that nobody knows is for others to refuse."""
    own = {one.address for addresses in psutil.net_if_addrs().values() for one in addresses}
    try:
        found = socket.getaddrinfo(urlsplit(host).hostname, None)
    except OSError:
        return True
    addresses = {str(address[0]) for *_, address in found}
    return bool(addresses & own) or any(one.startswith("127.") for one in addresses)


def listening_pid(host: str) -> int | None:
    """The process that listens at a URL of this machine, where this user may see it.

    Of workers that share a socket it is the one that started them: they are all the server.
    """
    if not is_here(host):
        return None
    port = _port(host)
    with suppress(psutil.AccessDenied):
        for found in psutil.net_connections("tcp"):
            if _is_listening(found, port) and found.pid is not None:
                return _first(found.pid, port)
    return None


def check_process(host: str, process: int) -> None:
    """Raise UsageError where the process cannot be the server at a URL.

    It need not listen there itself: a proxy or a container may stand in between.
    """
    if not is_here(host):
        raise UsageError(
            f"--pid: {host} is another machine, whose processes are not seen from here: run "
            "asapbench there"
        )
    family = _family(process)
    if not family:
        raise UsageError(f"--pid: there is no process {process} on this machine")
    if os.getpid() in family:  # a shell, or the first process of all
        raise UsageError(
            f"--pid: process {named(process)} is not the server: it started asapbench too; give "
            "that of the server"
        )


def is_seen_to_listen(host: str, process: int) -> bool:
    """Whether a process listens at a URL of this machine, by itself or by what it started."""
    return listening_pid(host) in _family(process)


def answers(host: str) -> bool:
    """Whether anything listens at a URL, seen or not."""
    parts = urlsplit(host)
    with suppress(OSError), socket.create_connection((parts.hostname or "", _port(host)), _WAIT):
        return True
    return False


def named(process: int) -> str:
    """The number of a process with its name, as long as it has one."""
    with suppress(psutil.Error):
        return f"{process} ({psutil.Process(process).name()})"
    return str(process)


def _family(process: int) -> set[int]:
    """A process and all that it started; nobody where there is none of that number."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process)
        return {root.pid, *(child.pid for child in root.children(recursive=True))}
    return set()


def _port(host: str) -> int:
    parts = urlsplit(host)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _first(pid: int, port: int) -> int:
    """The eldest of those that have the socket: each had it from its parent."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while (parent := process.parent()) is not None and _listens(parent, port):
            process = parent
        return process.pid
    return pid


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        return any(_is_listening(found, port) for found in process.net_connections("tcp"))
    except psutil.Error:
        return False


def _is_listening(found: Any, port: int) -> bool:
    return bool(found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port == port)
