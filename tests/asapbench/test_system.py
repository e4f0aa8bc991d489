"""The system under test: embedded, a command, or a host; started, seen and ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import psutil
import pytest

from asapbench import system as system_module
from asapbench.errors import BrokenRun, ServerDied
from asapbench.process import Child
from asapbench.system import Access, System, system_under_test

PIDFD_GETFD = 438  # Linux: copy a file descriptor out of another process
UVICORN = f"{shlex.quote(sys.executable)} -m uvicorn asap.transport.server:app --port {{port}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def embedded(folder: Path) -> AbstractContextManager[System]:
    return system_under_test(None, None, Access(), folder / "log", ())


def command(folder: Path, serve: str) -> AbstractContextManager[System]:
    return system_under_test(None, serve, Access(), folder / "log", ())


def host(folder: Path, url: str) -> AbstractContextManager[System]:
    return system_under_test(url, None, Access(), folder / "log", ())


def test_the_embedded_server_answers_and_is_gone_afterwards(folder: Path) -> None:
    with embedded(folder) as system:
        assert httpx.get(f"{system.server.url}/health").json() == {"status": "ok"}
        assert system.server.how == "embedded"
        assert system.server.agent == "urn:asap:agent:default-server"
        pid = system.server.pid
    assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="borrows a socket, which only Linux can")
def test_answers_of_the_embedded_server_are_not_held_back_by_nagle(folder: Path) -> None:
    """With Nagle's algorithm on, a kept connection waits 40 ms for the delayed acknowledgement."""
    with embedded(folder) as system, httpx.Client(base_url=system.server.url) as client:
        client.get("/health")
        assert system.server.pid is not None
        assert [_nodelay(found) for found in accepted(system.server.pid)] == [1]


def accepted(pid: int) -> Iterator[socket.socket]:
    """The connections that a child has accepted, borrowed from it."""
    own = os.pidfd_open(pid)
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        borrowed = ctypes.CDLL(None).syscall(PIDFD_GETFD, own, int(entry.name), 0)
        if borrowed < 0:
            continue  # no socket, or closed meanwhile
        with contextlib.suppress(OSError), socket.socket(fileno=borrowed) as found:
            found.getpeername()
            if found.family == socket.AF_INET:
                yield found
    os.close(own)


def _nodelay(connection: socket.socket) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_command_is_started_on_a_free_port_and_ended_with_its_children(folder: Path) -> None:
    with command(folder, f"{UVICORN} --workers 2") as system:
        assert system.server.how == "command"
        assert system.server.pid is not None
        process = psutil.Process(system.server.pid)
        tree = [process, *process.children(recursive=True)]
        assert len(tree) >= 3
    assert psutil.wait_procs(tree, timeout=10)[1] == []


ESCAPES = """
import os, signal, sys, time
os.chdir(os.path.dirname(__file__))
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)  # what is below becomes an orphan, as daemons are
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("escaped.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename("escaped.new", "escaped")
    time.sleep(600)
os.wait()
while not os.path.exists("escaped"):
    time.sleep(0.01)
"""
SERVES = "os.execvp(sys.argv[1], sys.argv[1:])"


def escaping(folder: Path, then: str) -> str:
    """A command that starts a stubborn daemon, which writes its pid down, then does something."""
    program = folder / "escapes.py"
    program.write_text(ESCAPES + then)
    return f"{shlex.quote(sys.executable)} {program} {UVICORN}"


def escaped(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "escaped").read_text()))


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands over orphans")


@linux_only
def test_what_left_the_group_of_a_command_ends_with_it(folder: Path) -> None:
    with command(folder, escaping(folder, SERVES)):
        daemon = escaped(folder)
        assert daemon.is_running()
    assert psutil.wait_procs([daemon], timeout=10)[1] == []


@linux_only
def test_a_command_that_leaves_its_server_in_the_background_is_told_so(folder: Path) -> None:
    with pytest.raises(BrokenRun, match=r"exit code 0:\n.*keep it in the foreground"):
        command(folder, escaping(folder, "")).__enter__()
    with contextlib.suppress(psutil.NoSuchProcess):
        escaped(folder).wait(10)


@linux_only
def test_what_left_the_group_of_a_command_ends_too_where_the_parent_is_killed(
    folder: Path,
) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from asapbench.system import Access, system_under_test\n"
        "_, serve, folder = sys.argv\n"
        "with system_under_test(None, serve, Access(), Path(folder) / 'log', ()):\n"
        "    print('up', flush=True); time.sleep(600)\n"
    )
    argv = [sys.executable, "-c", program, escaping(folder, SERVES), str(folder)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        left = [escaped(folder), *psutil.Process(parent.pid).children(recursive=True)]
        parent.kill()
    assert psutil.wait_procs(left, timeout=15)[1] == []


def test_a_command_that_dies_at_once_is_reported_with_its_last_words(folder: Path) -> None:
    dies = f"{shlex.quote(sys.executable)} -c 'import sys; sys.exit(\"no {{port}} for me\")'"
    with pytest.raises(BrokenRun, match=r"ended with exit code 1:\n  no \d+ for me"):
        command(folder, dies).__enter__()


def test_a_command_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(BrokenRun, match=r"no-such-program: No such file"):
        command(folder, "no-such-program {port}").__enter__()


def test_a_command_that_listens_nowhere_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_module, "PATIENCE", 1.0)
    sleeps = f"{shlex.quote(sys.executable)} -c 'import time; time.sleep(60)' {{port}}"
    with pytest.raises(BrokenRun, match=r"no manifest for 1 s.*does it listen on 127\.0\.0\.1"):
        command(folder, sleeps).__enter__()


LATE = """
import http.server, sys, time
began = time.monotonic()
class Late(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        late = time.monotonic() - began < {late}
        body = b'' if late else b'{{"id": "urn:asap:agent:late"}}'
        self.send_response({status} if late else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Late).serve_forever()
"""


def late(folder: Path, seconds: float, status: int) -> AbstractContextManager[System]:
    """A command whose server answers from the start, but refuses its manifest for some time."""
    program = folder / "late.py"
    program.write_text(LATE.format(late=seconds, status=status))
    return command(folder, f"{shlex.quote(sys.executable)} {program} {{port}}")


@pytest.mark.parametrize("status", [404, 503])
def test_a_server_whose_routes_come_late_is_waited_for(folder: Path, status: int) -> None:
    with late(folder, 1.0, status) as system:
        assert system.server.agent == "urn:asap:agent:late"


def test_a_server_that_keeps_on_refusing_its_manifest_is_given_up_before_one_that_is_silent(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_module, "_STEADY", 0.2)
    with pytest.raises(BrokenRun, match=r"gave no manifest for . s: HTTP 404; is it an ASAP agent"):
        late(folder, 3600.0, 404).__enter__()


def test_a_server_that_dies_later_is_noticed(folder: Path) -> None:
    with embedded(folder) as system:
        system.check()
        assert system.server.pid is not None
        os.kill(system.server.pid, signal.SIGKILL)
        with pytest.raises(ServerDied, match="ended with signal 9"):
            check_for_ever(system)


def check_for_ever(system: System) -> None:
    while True:
        system.check()


def test_a_host_that_runs_is_used_and_left_running(folder: Path) -> None:
    with embedded(folder) as running, host(folder, running.server.url) as system:
        assert system.server.how == "host"
        assert system.server.pid == running.server.pid
    with embedded(folder) as running:
        with host(folder, running.server.url):
            pass
        assert httpx.get(f"{running.server.url}/health").status_code == 200


def test_a_host_where_nothing_listens_is_refused_with_the_reason(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(BrokenRun, match=r"--host: .* gave no manifest: .*Connection refused"):
        host(folder, f"http://127.0.0.1:{port}").__enter__()


def test_a_host_that_is_no_agent_is_refused(folder: Path) -> None:
    with embedded(folder) as system, pytest.raises(BrokenRun, match="HTTP 404"):
        host(folder, f"{system.server.url}/elsewhere").__enter__()


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = set(psutil.Process().children(recursive=True))
    yield
    assert set(psutil.Process().children(recursive=True)) - before == set()


def test_a_command_that_ended_is_noticed_while_its_guard_still_clears_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_module, "_CLEARED", 0.1)
    with Child("command", ["-c", "pass"], tmp_path / "log") as ended:
        pid = ended.pid
    with Child("server command", ["-c", "input()"], tmp_path / "log") as guard:
        system_module._command_runs(guard, guard.pid)
        with pytest.raises(BrokenRun, match="the server command has ended"):
            system_module._command_runs(guard, pid)
