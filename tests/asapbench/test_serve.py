"""The embedded agent alone, as a process."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from asapbench.cli.program import application
from asapbench.errors import UsageError
from asapbench.system import Access, system_under_test
from tests.asapbench.test_system import accepted


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


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ((), signal.SIGINT),
        (("--workers", "2"), signal.SIGTERM),
        (("--host", "0.0.0.0"), signal.SIGINT),
    ],
)
def test_it_serves_where_it_says_and_ends_well_when_interrupted(
    options: tuple[str, ...], how: signal.Signals
) -> None:
    with serving(*options) as (process, url):
        children = psutil.Process(process.pid).children()
        assert len(children) == (2 if "--workers" in options else 1)
        if "0.0.0.0" in options:
            assert process.stdout is not None
            assert "every other address" in process.stdout.readline()
        assert httpx.get(f"{url}/.well-known/asap/manifest.json", trust_env=False).is_success
        process.send_signal(how)
        assert process.wait(20) == 0
        assert not any(child.is_running() for child in children)


STARTS = """
from asap.transport.server import app as agent

STARTED = []

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        STARTED.append(True)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        assert STARTED
        await agent(scope, receive, send)
"""


def test_an_app_of_the_users_is_started_before_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "starts.py").write_text(STARTS)
    monkeypatch.chdir(tmp_path)
    with system_under_test(
        None, None, Access(), tmp_path / "log", (), application="starts:app"
    ) as system:
        assert httpx.get(f"{system.server.url}/health", trust_env=False).is_success


HANGS = {
    "startup": """
import asyncio

async def app(scope, receive, send):
    await receive()
    print("here", flush=True)
    await asyncio.Event().wait()
""",
    "import": """
import time

print("here", flush=True)
time.sleep(600)
""",
}
# as `-m asapbench.workers.serve`, which lingers for some seconds
WORKER = "from asapbench.workers import serve; serve._LINGER = 0.2; serve.main()"


@pytest.mark.parametrize("where", HANGS)
def test_an_app_that_never_comes_up_outlives_nobody(tmp_path: Path, where: str) -> None:
    (tmp_path / "hangs.py").write_text(HANGS[where])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        handed = listener.fileno()
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, str(handed), "hangs:app"],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[handed],
        ) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            try:
                assert process.stderr.readline() == b"here\n"
                process.stdin.close()
                assert process.wait(20) < 0
            finally:
                process.kill()


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
    assert (done.returncode, done.stdout) == (2, "")
    words = f"--port {port}: cannot be listened at: Address already in use; give another, or"
    assert f"{words} --port 0" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--port", "x"),
        ("--port", "65536"),
        ("--workers", "0"),
        ("--host", ""),
        ("--host", "192.0.2.1"),
        ("--host", "no.such.invalid"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match=options[0]):
        application()(["serve", *options], standalone_mode=False)


def test_nothing_is_left_running_when_it_is_killed() -> None:
    with serving("--workers", "2") as (process, _):
        children = psutil.Process(process.pid).children()
        process.kill()
        assert psutil.wait_procs(children, 20)[1] == []


def test_a_reader_that_went_away_ends_it_and_is_no_missed_target() -> None:
    argv = [sys.executable, "-m", "asapbench", "serve", "--port", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.wait(30) == 4
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_all_its_workers_are_found_by_their_port() -> None:
    with serving("--workers", "2") as (process, url):
        with system_under_test(url, None, Access(), Path("unused"), ()) as system:
            assert system.server.pid == process.pid
        assert httpx.get(f"{url}/health", trust_env=False).is_success


@pytest.mark.skipif(sys.platform != "linux", reason="borrows a socket, which only Linux can")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_answers_are_not_held_back_by_nagle(workers: str) -> None:
    """Whichever worker takes a connection: a kept one would wait 40 ms for each answer else."""
    with serving("--workers", workers) as (process, url), httpx.Client(base_url=url) as client:
        client.get("/health")
        taken = [
            found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for child in psutil.Process(process.pid).children()
            for found in accepted(child.pid)
        ]
        assert taken == [1]
