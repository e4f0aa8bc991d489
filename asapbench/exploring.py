"""A server explored by hand: locust's page is shown until Ctrl-C, then all is ended."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from asapbench.cores import physical_cores, plan_cores
from asapbench.errors import BenchError, BrokenRun, ServerDied, UsageError
from asapbench.headers import conceal
from asapbench.limits import allow_sockets, most_users
from asapbench.model import Exploring, Plan, option_name
from asapbench.offer import Page
from asapbench.outputs import say
from asapbench.process import Child
from asapbench.scratch import scratch_folder
from asapbench.system import System, system_of, why_not
from asapbench.traffic import START_PATIENCE, Generator
from asapbench.units import show

_HOST = "127.0.0.1"  # of this machine alone: whoever reaches the page can send load
_PORT = 8089  # locust's own
_MOST_USERS = 20_000
_LOOK = 0.5  # seconds between two looks whether all still run


def explore(plan: Plan, exploring: Exploring) -> None:
    """Show the page until Ctrl-C. Raises UsageError where there is no port or socket for it."""
    users = exploring.load.users
    allow_sockets(option_name(exploring.users), _MOST_USERS, users, local=plan.host is None)
    with (
        suppress(KeyboardInterrupt),
        scratch_folder() as folder,
        _listening(exploring.port) as listener,
    ):
        try:
            _show(plan, exploring, listener, folder)
        except BenchError as error:
            raise _told(error, plan) from None


def _show(plan: Plan, exploring: Exploring, listener: socket.socket, folder: Path) -> None:
    cores = plan_cores(physical_cores(), many_servers=plan.serve is not None)
    page = Page(listener=listener.fileno(), load=exploring.load, most=most_users(_MOST_USERS))
    argv = ["-m", "asapbench.workers.generate"]
    with (
        system_of(plan, folder / "server.log", cores.server) as system,
        Child(
            "generator",
            argv,
            folder / "generator.log",
            pass_fds=[page.listener],
            cpus=cores.generator,
        ) as child,
    ):
        generator = Generator(child)
        generator.tell(exploring.offer(system.server).model_copy(update={"page": page}))
        list(generator.events_until("ready", START_PATIENCE))
        say(_welcome(system.server.url, exploring, listener.getsockname()[1]))
        listener.close()  # the generator has it
        _wait(system, generator)


def _wait(system: System, generator: Generator) -> None:
    """Until Ctrl-C, or until one of them has ended."""
    while True:
        system.check()
        generator.child.check()
        list(generator.events())  # failures are on the page too
        time.sleep(_LOOK)


def _welcome(server: str, exploring: Exploring, port: int) -> str:
    load = exploring.load
    each = "as answers come" if load.rate is None else show(load.rate / load.users, "req/s")
    return (
        f"listening at http://{_HOST}:{port}\n"
        f"locust's page, its users on {server}: each sends {each}; Ctrl-C ends it all\n"
        "its numbers are locust's own, rounded and not judged: for a verdict leave --web-ui out\n"
    )


@contextmanager
def _listening(port: int | None) -> Iterator[socket.socket]:
    """A socket for the page, before anything is started. No port given: the usual or a free one."""
    try:
        listener = socket.create_server((_HOST, _PORT if port is None else port))
    except OSError as error:
        if port is not None or error.errno != errno.EADDRINUSE:
            raise UsageError(
                f"--web-port {port or _PORT}: cannot be listened at: {why_not(error)}; give "
                "another, or --web-port 0 for one that is free"
            ) from error
        listener = socket.create_server((_HOST, 0))
    with listener:
        yield listener


def _told(error: BenchError, plan: Plan) -> BenchError:
    """An error without secrets; that a server died is no verdict here, as nothing was judged."""
    kind = BrokenRun if isinstance(error, ServerDied) else type(error)
    return kind(conceal(str(error), plan.header))
