"""The system under test: started, waited for, watched and ended."""

from __future__ import annotations

import shlex
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psutil

from asapbench.errors import BrokenRun, ServerDied
from asapbench.headers import expand_headers
from asapbench.listening import check_process, listening_pid
from asapbench.manifest import NoManifest, read_manifest
from asapbench.model import Plan, Server
from asapbench.process import Child

PATIENCE = 30.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - and how it is reached here
_STEADY = 5.0  # seconds of the same refusal: long enough for a server whose routes come late
_CLEARED = 5.0  # seconds in which a guard has ended what a command left behind


@dataclass(frozen=True)
class System:
    """A running server and how to see that it still runs."""

    server: Server
    _check: Callable[[], None]
    _child: Child | None = None  # one that answers questions

    @property
    def answers(self) -> bool:
        """Whether it can be asked: a worker of ours, in a process of its own."""
        return self._child is not None

    def ask(self, question: str, patience: float) -> str:
        """Its answer to a question, over a private pipe.

        Raises ServerDied where it has ended, BrokenRun where no answer comes in `patience` seconds.
        """
        assert self._child is not None  # noqa: S101 - whoever asks has looked at `answers`
        self._child.send(question)
        answer = self._child.line(patience)
        if answer is None:
            self.check()
            raise BrokenRun(f"the server gave no answer to {question!r} for {patience:.0f} s")
        return answer

    def check(self) -> None:
        """Raise ServerDied, with its last words, if the server has ended."""
        try:
            self._check()
        except BrokenRun as error:
            raise ServerDied(str(error)) from error


@dataclass(frozen=True)
class Access:
    """How requests reach a server: headers that hold secrets stay in memory."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify_tls: bool = True


@dataclass(frozen=True)
class Address:
    """Where a server listens; port 0: one that is free."""

    host: str = "127.0.0.1"
    port: int = 0

    @property
    def family(self) -> socket.AddressFamily:
        """IPv6 where the address is written so."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def everywhere(self) -> bool:
        """Whether it is every address of this machine."""
        return self.host in _EVERYWHERE

    def url(self, port: int) -> str:
        """How a client on this machine reaches it, at the port that it got."""
        here = _EVERYWHERE.get(self.host, self.host)
        return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def system_of(plan: Plan, log: Path, cpus: tuple[int, ...]) -> AbstractContextManager[System]:
    """The server that a plan names, up for as long as the block lasts."""
    return system_under_test(
        plan.host,
        plan.serve,
        Access(expand_headers(plan.header), verify_tls=not plan.insecure),
        log,
        cpus,
        process=plan.process,
        application=plan.application,
    )


@contextmanager
def system_under_test(
    host: str | None,
    serve: str | None,
    access: Access,
    log: Path,
    cpus: tuple[int, ...],
    *,
    process: int | None = None,
    application: str | None = None,
) -> Iterator[System]:
    """Give the server that a plan names, once it answers; end what was started here.

    `process` is that of the host, where it is named; `application` is what the embedded one serves.

    Raises BrokenRun, with the last words of the server, where it does not come up.
    """
    if host is not None:
        yield _running(host, access, process)
    elif serve is not None:
        with _command(serve, access, log, cpus) as system:
            yield system
    else:
        arguments = (application,) if application else ()
        with embedded("serve", access, log, cpus, arguments=arguments) as system:
            yield system


@contextmanager
def embedded(
    worker: str,
    access: Access,
    log: Path,
    cpus: tuple[int, ...],
    at: Address = Address(),
    processes: int = 1,
    arguments: Sequence[str] = (),
) -> Iterator[System]:
    """Workers of ours, on a socket that is bound and listens before they start.

    One alone can be asked. Raises OSError where the address cannot be had.
    """
    with ExitStack() as children:
        listener = children.enter_context(
            socket.create_server((at.host, at.port), family=at.family, backlog=2048)
        )
        port, shared = listener.getsockname()[1], listener.fileno()
        argv = ["-m", f"asapbench.workers.{worker}", str(shared), *arguments]
        started = [
            children.enter_context(Child("server", argv, log, pass_fds=[shared], cpus=cpus))
            for _ in range(processes)
        ]
        if processes == 1:
            listener.close()  # else we listen too: who looks whose port it is finds them all

        def check() -> None:
            for child in started:
                child.check()

        system = _started(at.url(port), started[0].pid, "embedded", cpus, access, check)
        yield replace(system, _child=started[0]) if processes == 1 else system


@contextmanager
def _command(command: str, access: Access, log: Path, cpus: tuple[int, ...]) -> Iterator[System]:
    port = _free_port()
    words = [word.replace("{port}", str(port)) for word in shlex.split(command)]
    argv = ["-m", "asapbench.workers.guard", *words]
    with Child("server command", argv, log, cpus=cpus) as child:
        pid = child.line(PATIENCE)
        if pid is None:
            child.stop()
            child.check()
            raise BrokenRun(f"--serve: {command!r} could not be started{child.last_words()}")
        url = f"http://127.0.0.1:{port}"
        yield _started(
            url, int(pid), "command", cpus, access, partial(_command_runs, child, int(pid))
        )


def _command_runs(child: Child, pid: int) -> None:
    """Raise BrokenRun where the command has ended, though its guard may still clear up after it."""
    child.check()
    if psutil.pid_exists(pid):
        return
    deadline = time.monotonic() + _CLEARED
    while time.monotonic() < deadline:
        child.check()
        time.sleep(0.05)
    raise BrokenRun(f"the {child.name} has ended{child.last_words()}")


def _started(
    url: str,
    pid: int,
    how: Literal["embedded", "command"],
    cpus: tuple[int, ...],
    access: Access,
    check: Callable[[], None],
) -> System:
    manifest = _awaited_manifest(url, access, check)
    return System(_server(url, pid, how, manifest, cpus), check)


def _awaited_manifest(url: str, access: Access, check: Callable[[], None]) -> dict[str, Any]:
    """The manifest of a server that is starting.

    Raises BrokenRun where none comes in time, sooner where the server keeps on refusing it.
    """
    began = since = time.monotonic()
    said = ""
    while True:
        check()
        try:
            return read_manifest(url, access.headers, verify_tls=access.verify_tls)
        except NoManifest as error:
            now = time.monotonic()
            if str(error) != said:
                said, since = str(error), now
            if now - began > PATIENCE or (error.answered and now - since > _STEADY):
                raise BrokenRun(_no_agent(url, error, now - began)) from error
        time.sleep(0.05)


def _no_agent(url: str, error: NoManifest, seconds: float) -> str:
    where = "does it listen on 127.0.0.1 and {port}?"
    hint = "is it an ASAP agent?" if error.answered else where
    return (
        f"the server was started, but {url} gave no manifest for {seconds:.0f} s: {error}; {hint}"
    )


def _running(host: str, access: Access, process: int | None) -> System:
    if process is not None:
        check_process(host, process)
    try:
        manifest = read_manifest(host, access.headers, verify_tls=access.verify_tls)
    except NoManifest as error:
        raise BrokenRun(
            f"--host: {host} gave no manifest: {error}; does an agent run there?"
        ) from error
    pid = process or listening_pid(host)
    return System(_server(host, pid, "host", manifest, ()), partial(_still_there, host, pid))


def _still_there(host: str, pid: int | None) -> None:
    """Raise BrokenRun where the process is gone and no other has taken its place."""
    if pid is not None and not psutil.pid_exists(pid) and listening_pid(host) is None:
        raise BrokenRun(f"the server at {host} (pid {pid}) has ended")


def _server(
    url: str,
    pid: int | None,
    how: Literal["embedded", "command", "host"],
    manifest: dict[str, Any],
    cpus: tuple[int, ...],
) -> Server:
    return Server(
        url=url,
        pid=pid,
        how=how,
        agent=manifest["id"],
        version=str(manifest.get("version", "")),
        cpus=cpus,
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def why_not(error: OSError) -> str:
    """Why an address cannot be had, without the address, which Python adds to it."""
    return str(error.strerror).partition(" (while")[0]
