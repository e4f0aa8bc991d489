"""Which process serves a local URL."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil

from asapbench.errors import UsageError

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def listening_pid(host: str) -> int | None:
    """The process that listens at a local URL, where this user may see it.

    Of workers that share a socket it is the one that started them: they are all the server.
    """
    parts = urlsplit(host)
    if parts.hostname not in _LOCAL:
        return None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with suppress(psutil.AccessDenied):
        for found in psutil.net_connections("tcp"):
            if _is_listening(found, port) and found.pid is not None:
                return _first(found.pid, port)
    return None


def check_process(host: str, process: int) -> None:
    """Raise UsageError unless the process, or one that it started, listens there, if seen."""
    try:
        root = psutil.Process(process)
        family = {root.pid, *(child.pid for child in root.children(recursive=True))}
    except psutil.NoSuchProcess as error:
        raise UsageError(f"--pid: there is no process {process} on this machine") from error
    listening = listening_pid(host)
    if listening is not None and listening not in family:
        raise UsageError(
            f"--pid: process {process} ({root.name()}) is not the server: at {host} listens "
            f"process {listening}; give that one, or leave --pid out"
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
