"""The embedded agent alone, as a process."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`asapbench serve`, once it has said where it listens."""
    argv = [sys.executable, "-m", "asapbench", "serve", "--port", "0", *options]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().removeprefix("listening at ").strip()
        finally:
            process.kill()


@pytest.mark.parametrize("options", [(), ("--workers", "2"), ("--host", "0.0.0.0")])
def test_it_serves_where_it_says_and_ends_well_when_interrupted(options: tuple[str, ...]) -> None:
    with serving(*options) as (process, url):
        children = psutil.Process(process.pid).children()
        assert len(children) == (2 if "--workers" in options else 1)
        assert httpx.get(f"{url}/.well-known/asap/manifest.json", trust_env=False).is_success
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert not any(child.is_running() for child in children)


def test_it_speaks_ipv6_where_told_so() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with serving("--host", "::1") as (_, url):
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/asap/metrics", trust_env=False).is_success


def test_a_worker_that_dies_ends_it_with_its_last_words() -> None:
    with serving() as (process, _):
        (child,) = psutil.Process(process.pid).children()
        child.kill()
        _, err = process.communicate(timeout=20)
        assert process.returncode == 4
        assert "the server ended with signal 9" in err


def test_a_port_that_is_taken_is_refused_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [sys.executable, "-m", "asapbench", "serve", "--port", port]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"--port {port}" in done.stderr
    assert "--port 0" in done.stderr
