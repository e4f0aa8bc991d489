"""The program: takes an offer, then commands, and leaves rows and events."""

from __future__ import annotations

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic
from traceback import print_exception
from typing import Any, NoReturn

import locust  # noqa: F401 - first of the imports that use sockets: it patches the standard library
from gevent import Greenlet, get_hub
from gevent.event import Event as Signal
from gevent.queue import Queue
from pydantic import ValidationError

from asapbench.offer import PULSE, REQUESTS, Command, Event, Load, Offer, Page
from asapbench.series import Writer
from asapbench.workers.generate.control import Lines, tell
from asapbench.workers.generate.crowd import Crowd
from asapbench.workers.generate.pulse import Pulse
from asapbench.workers.generate.report import report_to
from asapbench.workers.generate.scene import scene_of
from asapbench.workers.generate.users import environment_of, master, runner_of, worker_of

_USAGE = 2


def main() -> None:
    lines = Lines()
    try:
        offer = Offer.model_validate_json(lines.wait())
        if offer.role == "master":
            _direct(lines)
        elif offer.page is not None:
            _show(offer, offer.page, lines)
        else:
            _generate(offer, lines)
    except ValidationError as error:
        _refuse(_first_error(error))
    except (ValueError, OSError) as error:
        _refuse(str(error))
    tell(Event(event="stopped", at=monotonic()))
    if offer.role != "alone":
        os._exit(0)  # what zmq still has for processes that are gone would hold this one up


def _direct(lines: Lines) -> None:
    """Tell workers when users come and go, until a command says stop."""
    get_hub().handle_error = _crash
    runner, port = master()
    commands = _commands(lines)
    tell(Event(event="ready", at=monotonic(), port=port))
    while (command := next(commands)).do != "stop":
        assert command.load is not None  # noqa: S101 - a master is told of nothing else
        runner.start(command.load.users, command.load.spawn_rate)


def _show(offer: Offer, page: Page, lines: Lines) -> None:
    """Serve locust's page, which says how many users there are, until the input ends."""
    from asapbench.workers.generate.page import show  # only here: it patches locust

    get_hub().handle_error = _crash_but_for_greenlets
    scene = scene_of(offer, get_hub().loop, lambda *_: None, lambda _: None)
    crowd = Crowd(scene, lambda _: None)
    environment = environment_of(crowd, offer.url)
    report_to(environment.events.request.fire, scene, offer)
    show(page, environment, crowd)
    lines.follow(get_hub().loop, lambda _: None)
    _settle()
    tell(Event(event="ready", at=monotonic()))
    Signal().wait()


def _generate(offer: Offer, lines: Lines) -> None:
    """Take commands until one says stop."""
    with ExitStack() as files:
        records = files.enter_context(Writer(Path(offer.records), REQUESTS))
        get_hub().handle_error = _crash
        scene = scene_of(offer, get_hub().loop, records.append, tell)
        crowd = Crowd(scene, tell)
        commands = _commands(lines)
        start = _starter(offer, crowd)
        if offer.pulse:
            Pulse(scene, files.enter_context(Writer(Path(offer.pulse), PULSE)).append)
        _settle()
        tell(Event(event="ready", at=monotonic()))
        while (command := next(commands)).do != "stop":
            if command.load is None:
                crowd.rest(command.drain)
            else:
                crowd.offer(command.load)
                start(command.load)
        stopped = Signal()
        crowd.stop(command.drain, stopped.set)
        stopped.wait()


def _starter(offer: Offer, crowd: Crowd) -> Callable[[Load], None]:
    """What lets users come and go for a load: a worker waits for its master to say so."""
    if offer.role == "worker":
        worker_of(crowd, offer.port)
        return lambda _: None
    runner = runner_of(crowd)
    return lambda load: runner.start(load.users, load.spawn_rate)


def _commands(lines: Lines) -> Iterator[Command]:
    queue: Queue[bytes] = Queue()
    lines.follow(get_hub().loop, queue.put)
    return map(Command.model_validate_json, queue)


def _settle() -> None:
    """Let a few thousand users have sockets, and keep the garbage collector out of the way.

    A full collection walks the objects of locust and all that it imports, some 50 ms in which no
    slot is met: they are frozen, since they live as long as the process. The request path makes no
    cycles, so what is left to collect is little and may be looked for rarely; not never, as a
    server that closes each connection leaves the parsers of those behind.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):  # macOS allows less than its hard limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def _crash(_context: Any, kind: Any, error: Any, trace: Any) -> NoReturn:
    """End with the traceback of an error nobody expected: to go on would be to measure less."""
    print_exception(kind, error, trace)
    os._exit(1)


def _crash_but_for_greenlets(context: Any, kind: Any, error: Any, trace: Any) -> None:
    """As before, of a callback of ours; a request to the page fails alone, and locust says so."""
    if not isinstance(context, dict | Greenlet):
        _crash(context, kind, error, trace)
    print_exception(kind, error, trace)


def _first_error(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _refuse(text: str) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    sys.exit(_USAGE)
