"""Cycles of requests, and a reading of the settled server after each."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from math import ceil, inf, isnan, nan
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from asapbench.doctor.read.files import Tree
from asapbench.doctor.read.memory import read_memory
from asapbench.errors import BrokenRun
from asapbench.leak.cycles import Reading, layout
from asapbench.leak.room import affordable, goes_on, is_used_up
from asapbench.model import Metric, Recorder, Running, Tick, Window
from asapbench.offer import Load
from asapbench.outside import ProcessTree
from asapbench.series import Writer
from asapbench.traffic import MEASURED, Traffic
from asapbench.units import show

PATIENCE = 30.0  # seconds for a server to settle
_TRACE_PATIENCE = 120.0  # a snapshot takes seconds
_SPAWN = 1000.0  # users/s: nothing has to be spared
_DISCONNECTS = 0.01  # of the requests, as connections beside them
_LOOKS, _PAUSE = 3, 0.2  # readings from outside: the server is not told to settle
_PROBE = 1.0  # seconds
_SUSTAINED = 0.6  # of what closed users get: without a queue
_FEW = (20, 60)  # requests at first, of which the latter tell how much each leaves behind
_FEW_RATE = 100.0  # req/s, at least
_SLOW = 0.5  # of the rate that is offered: a server that bears less gets fewer requests a cycle
_LEAST = 100  # requests a cycle of a slow server
_TREND = 60  # readings
_SHOWN = (("rss", "B"), ("uss", "B"), ("heap", "B"), ("blocks", "count"))
_GIVE_ROOM = "end what else takes memory here, or raise the limit of this container"


class Meter(Protocol):
    """Reads the server once no request is open."""

    def read(self) -> Reading: ...

    def held(self) -> float:
        """Bytes that it holds right now, not settled: enough to see that memory will not last."""

    def check(self) -> None:
        """Raise ServerDied if it has ended."""


@dataclass(frozen=True)
class Inside:
    """Asks a server of ours, which settles first."""

    system: Running

    def read(self) -> Reading:
        return reading_of(self.system.ask("settle", PATIENCE))

    def held(self) -> float:
        return _held(self.system)

    def check(self) -> None:
        self.system.check()


class Outside:
    """Looks at the processes of a server: the least of some moments, since it is not settled."""

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree

    def read(self) -> Reading:
        rss, uss = self._tree.read(_LOOKS, _PAUSE)
        return Reading(rss=rss, uss=uss)

    def held(self) -> float:
        return self._tree.held()[1]

    def check(self) -> None:
        self._tree.check()


def _held(system: Running) -> float:
    assert system.server.pid is not None  # noqa: S101 - it is a process of ours
    return ProcessTree(system.server.pid).held()[1]


def meter_of(system: Running, *, asks: bool) -> Meter:
    """The meter for a server. Raises ServerDied where its process is gone."""
    if asks:
        return Inside(system)
    assert system.server.pid is not None  # noqa: S101 - the plan was refused else
    return Outside(ProcessTree(system.server.pid))


@dataclass(frozen=True)
class Traced:
    """Has an instrumented server take a snapshot; what it holds is not to be judged."""

    system: Running

    def read(self) -> Reading:
        answered(self.system.ask("trace", _TRACE_PATIENCE))
        return Reading(rss=nan, uss=nan)

    def held(self) -> float:
        return _held(self.system)

    def check(self) -> None:
        self.system.check()

    def grown(self) -> dict[str, Any]:
        """The series of all that grew."""
        return answered(self.system.ask("grown", _TRACE_PATIENCE))


def answered(answer: str) -> dict[str, Any]:
    """What a process of ours answers. Raises BrokenRun with what went wrong there."""
    content: dict[str, Any] = json.loads(answer)
    if "error" in content:
        raise BrokenRun(f"the meters of the server failed: {content['error']}")
    return content


def reading_of(answer: str) -> Reading:
    """Read what a process of ours holds. Raises BrokenRun with what went wrong there."""
    content = answered(answer)
    known = {name: nan if value is None else float(value) for name, value in content.items()}
    return Reading(**{field.name: known[field.name] for field in fields(Reading)})


class Wanted(NamedTuple):
    """How many requests a cycle is to be, how long at most, and of how many cycles."""

    size: int
    seconds: float
    cycles: int = 0


class Cycles:
    """Drives a generator through cycles of `size` requests at `rate`; a row a cycle is kept."""

    so_far: Callable[[], tuple[Metric, ...]]  # asked after each cycle that counts
    planned: int  # cycles, as far as is known now

    def __init__(
        self, traffic: Traffic, meter: Meter, recorder: Recorder, url: str, users: int
    ) -> None:
        self._traffic, self._meter, self._recorder = traffic, meter, recorder
        self._url, self._users = url, users
        self._writer = Writer(recorder.path("cycles.series"), layout("server"))
        self._began = time.monotonic()
        self._latest: Reading | None = None
        self._free = _free()  # bytes, at first
        self._each = 0.0  # bytes a request, in the latest cycle
        self._top = inf  # req/s that the server bears, if that was less than what was offered last
        self._failed: int | None = None  # requests, before the first cycle that counts
        self._trend: list[float] = []
        self._window: Window | None = None
        self._known: tuple[Metric, ...] = ()
        self.done, self.planned = 0, 0
        self.so_far = _nothing
        self.rate, self.size = 0.0, 0
        self.wanted = Wanted(0, inf)
        self.patience = PATIENCE

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def begin(self) -> Iterator[Tick]:
        """Let the users come."""
        load = Load(users=self._users, spawn_rate=_SPAWN, rate=1.0, requests=0)
        yield from self._watched(self._traffic.ramp(load))

    def feel(self, rate: float) -> Iterator[Tick]:
        """A few requests first: what each leaves behind may leave no room for many."""
        self.rate = max(rate, _FEW_RATE)
        for self.size in _FEW:
            yield from self._weighed(self._send("probe"))

    def _weighed(self, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Requests, and what each of them left behind."""
        held, answers = self._meter.held(), self._traffic.answers
        yield from ticks
        answered = max(1, self._traffic.answers - answers)
        self._each = max(0.0, self._meter.held() - held) / answered

    def raise_rate(self, least: float, most: float, seconds: float) -> Iterator[Tick]:
        """Find the rate that the server bears without error, and how many requests a cycle is.

        What closed users get says where the top is; errors at the rate taken from it halve it. The
        `least` is what is asked for, but never more than the top. It is taken where so many
        requests as closed users send would leave no memory.
        """
        yield from self.feel(least)
        if not goes_on(self._each * most * _PROBE, _free()):
            self.rate = least
            return
        before = self._traffic.answers
        yield from self._weighed(self._probe())
        top = (self._traffic.answers - before) / _PROBE
        least = min(least, max(top, 1.0))
        self.rate = max(least, min(top * _SUSTAINED, most))
        while self.rate > least:
            failures = self._traffic.failures
            self.size = max(1, round(self.rate * seconds / 2))
            yield from self._send("probe")
            if self._traffic.failures == failures:
                break
            self.rate = max(least, self.rate / 2)

    def _probe(self) -> Iterator[Tick]:
        """As much as the users get."""
        yield from self._traffic.ramp(Load(users=self._users, spawn_rate=_SPAWN, rate=None))
        yield from self._watched(self._traffic.hold("probe", _PROBE))
        yield from self.begin()
        yield from self._watched(self._traffic.rest("probe", self.patience))

    def warm_up(self, cycles: int) -> Iterator[Tick]:
        """Cycles that count for nothing; the growth counts from the reading after the last."""
        for _ in range(cycles):
            yield from self._cycle("warm-up", kept=False)

    def fit(self) -> None:
        """Make cycles as large as wanted; smaller where they take too long, or too much memory.

        That is told by what was sent last.
        """
        size, seconds, cycles = self.wanted
        if self._top * seconds < size:
            size = min(size, max(_LEAST, round(self._top * seconds)))
        self.size = affordable(size, self._each * size, _free(), cycles)

    @property
    def failed(self) -> int:
        """How many requests have failed in the cycles that count."""
        return 0 if self._failed is None else self._traffic.failures - self._failed

    @property
    def seconds(self) -> float:
        """How long the cycles that count have taken."""
        return 0.0 if self._window is None else time.monotonic() - self._window.start

    def keep(self, cycles: int) -> Iterator[Tick]:
        """Cycles that count."""
        now = time.monotonic()
        window = self._window or Window(name=MEASURED, start=now, end=now)
        self._failed = self._traffic.failures if self._failed is None else self._failed
        self._mark(window)
        for _ in range(cycles):
            yield from self._cycle(MEASURED, kept=True)
            self._mark(window.model_copy(update={"end": time.monotonic()}))

    def _mark(self, window: Window) -> None:
        self._window = window
        self._recorder.tell(windows=self._recorder.story.windows_with(window))

    def _cycle(self, phase: str, *, kept: bool) -> Iterator[Tick]:
        before = self._traffic.answers
        yield from self._send(phase)
        reading = self._meter.read()
        done = float(self._traffic.answers)
        self._writer.append(time.monotonic(), done, *reading.values, kept)
        self.done += 1
        if isnan(reading.uss):
            return
        self._note(reading, done - before)
        if kept:
            self._known = self.so_far()
        yield self._row(phase)

    def _note(self, reading: Reading, requests: float) -> None:
        before, self._latest = self._latest, reading
        self._trend = [*self._trend, reading.uss][-_TREND:]
        if before is None:
            return
        grown = reading.uss - before.uss
        self._each = max(0.0, grown) / max(1.0, requests)
        if not goes_on(grown, _free()):
            raise BrokenRun(
                f"memory would soon be used up: the server grew by {show(grown, 'B')} in the "
                f"latest {requests:.0f} requests; {_GIVE_ROOM}"
            )

    def _send(self, phase: str) -> Iterator[Tick]:
        disconnect(self._url, ceil(self.size * _DISCONNECTS))
        load = Load(users=self._users, spawn_rate=_SPAWN, rate=self.rate, requests=self.size)
        began = time.monotonic()
        yield from self._watched(self._traffic.send(phase, load, self.patience))
        borne = self.size / max(time.monotonic() - began, 1e-3)
        self._top = borne if borne < _SLOW * self.rate else inf

    def _watched(self, ticks: Iterator[Tick]) -> Iterator[Tick]:
        """Ticks, for as long as the server lives and there is memory."""
        for tick in ticks:
            self._meter.check()
            if is_used_up(left := _free(), self._free):
                raise BrokenRun(f"memory is used up: {show(left, 'B')} are left; {_GIVE_ROOM}")
            yield self._shown(tick)

    def _shown(self, tick: Tick) -> Tick:
        """A tick that shows memory, as it was when last read."""
        progress = tick.progress
        if self.planned:
            progress = min(1.0, (self.done + progress) / self.planned)
        return tick.model_copy(
            update={
                "elapsed": time.monotonic() - self._began,
                "progress": progress,
                "numbers": self._numbers(),
                "trend": tuple(self._trend),
                "so_far": self._known,
            }
        )

    def _row(self, phase: str) -> Tick:
        """A cycle that is done, as a line that stays."""
        return Tick(
            phase=f"cycle {self.done}",
            doing="" if phase == MEASURED else phase,
            elapsed=time.monotonic() - self._began,
            progress=1.0,
            numbers=self._numbers(),
            kept=True,
        )

    def _numbers(self) -> tuple[tuple[str, float, str], ...]:
        requests = ("requests", float(self._traffic.answers), "count")
        if self._latest is None:
            return (requests,)
        held = [(name, getattr(self._latest, name), unit) for name, unit in _SHOWN]
        return (*(each for each in held if not isnan(each[1])), requests)


def _nothing() -> tuple[Metric, ...]:
    return ()


def _free() -> float:
    """Bytes that this machine, or the cgroup that this process is in, can still give."""
    available = read_memory(Tree()).available
    return inf if available is None else float(available)


def until(
    decided: Callable[[], bool],
    looks: tuple[int, ...],
    run: Cycles,
    hopeless: Callable[[int, int], bool],
) -> Generator[Tick, None, None]:
    """Keep cycles until it is decided at one of the looks, which count them, or after the last.

    It ends before that as soon as it is `hopeless`, which is asked after each cycle: by the number
    of cycles that are kept, and of the next look.
    """
    kept = 0
    for look in looks:
        run.planned = max(run.planned, run.done + look - kept)
        while kept < look:
            yield from run.keep(1)
            kept += 1
            if hopeless(kept, look):
                return
        if decided():
            return


def disconnect(url: str, times: int) -> None:
    """Open connections and let go of them amidst a request: some by a reset, some by an end."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = parts.path.rstrip("/")
    begun = f"POST {path}/asap HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000\r\n\r\n{{"
    for number in range(times):
        with (
            suppress(OSError),
            socket.create_connection((parts.hostname or "", port), timeout=1.0) as connection,
        ):
            connection.sendall(begun.encode())
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
