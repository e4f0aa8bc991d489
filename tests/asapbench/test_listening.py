"""Which process a URL leads to, and whether a named one is it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from asapbench.errors import UsageError
from asapbench.listening import (
    answers,
    check_process,
    is_here,
    is_seen_to_listen,
    listening_pid,
)

# as `uvicorn --workers` does: the socket is handed to a worker
_MANAGER = """
import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
with subprocess.Popen(waits, stdin=subprocess.PIPE, pass_fds=[listener.fileno()]) as worker:
    print(listener.getsockname()[1], worker.pid, flush=True)
    sys.stdin.read()
"""


class Managed(NamedTuple):
    url: str
    manager: int
    worker: int


@pytest.fixture
def managed() -> Iterator[Managed]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", _MANAGER], text=True, **pipes) as manager:  # type: ignore[call-overload]
        port, worker = manager.stdout.readline().split()
        yield Managed(f"http://127.0.0.1:{port}", manager.pid, int(worker))


def test_of_workers_that_share_a_socket_the_server_is_the_one_that_started_them(
    managed: Managed,
) -> None:
    assert listening_pid(managed.url) == managed.manager


def test_the_process_of_another_machine_is_not_seen() -> None:
    elsewhere = "http://192.0.2.1:80"
    assert listening_pid(elsewhere) is None
    with pytest.raises(UsageError, match="is another machine"):
        check_process(elsewhere, os.getpid())


def test_this_machine_has_several_names() -> None:
    assert is_here("http://localhost:1")
    assert is_here("http://127.0.0.2:1")
    assert is_here("http://[::1]:1")


def test_a_process_that_is_named_stands_though_another_listens(managed: Managed) -> None:
    """As behind a proxy: only who does the work can tell which is the server."""
    for process in (managed.manager, managed.worker):
        check_process(managed.url, process)
    assert is_seen_to_listen(managed.url, managed.manager)
    assert not is_seen_to_listen(managed.url, managed.worker)


def test_a_process_that_has_ended_is_not_seen_to_listen(managed: Managed) -> None:
    assert not is_seen_to_listen(managed.url, 2**22 + 1)


def test_what_started_asapbench_too_is_not_the_server(managed: Managed) -> None:
    with pytest.raises(UsageError, match="started asapbench too; give that of the server"):
        check_process(managed.url, os.getpid())


def test_what_listens_is_told_though_its_process_is_not_seen(managed: Managed) -> None:
    assert answers(managed.url)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not answers(f"http://127.0.0.1:{port}")
