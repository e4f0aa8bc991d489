"""Which process serves a local URL."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil

from asapbench.errors import UsageError


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
    parts = urlsplit(host)
    if not is_here(host):
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with suppress(psutil.AccessDenied):
        for found in psutil.net_connections("tcp"):
            if _is_listening(found, port) and found.pid is not None:
                return _first(found.pid, port)
    return None


def check_process(host: str, process: int) -> None:
    """Raise UsageError unless the process, or one that it started, listens there, if seen."""
    if not is_here(host):
        raise UsageError(
            f"--pid: {host} is another machine, whose processes are not seen from here: run "
            "asapbench there"
        )
    try:
        root = psutil.Process(process)
        family = {root.pid, *(child.pid for child in root.children(recursive=True))}
    except psutil.NoSuchProcess as error:
        raise UsageError(f"--pid: there is no process {process} on this machine") from error
    listening = listening_pid(host)
    if os.getpid() in family:  # a shell, or the first process of all
        raise _wrong(root, "it started asapbench too", listening)
    if listening is not None and listening not in family:
        raise _wrong(root, f"at {host} listens process {listening}", listening)


def _wrong(root: psutil.Process, why: str, listening: int | None) -> UsageError:
    better = "give that of the server" if listening is None else f"give {listening}"
    return UsageError(
        f"--pid: process {root.pid} ({root.name()}) is not the server: {why}; {better}, or leave "
        "--pid out"
    )


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
