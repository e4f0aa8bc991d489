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
from typing import Any, Protocol
from urllib.parse import urlsplit

from asapbench.doctor.read.files import Tree
from asapbench.doctor.read.memory import read_memory
from asapbench.errors import BrokenRun
from asapbench.leak.cycles import Reading, layout
from asapbench.leak.room import affordable, goes_on
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
_TREND = 60  # readings
_HELD = (("rss", "B"), ("uss", "B"), ("heap", "B"), ("blocks", "count"))


class Meter(Protocol):
    """Reads the server once no request is open."""

    def read(self) -> Reading: ...

    def check(self) -> None:
        """Raise ServerDied if it has ended."""


@dataclass(frozen=True)
class Inside:
    """Asks a server of ours, which settles first."""

    system: Running

    def read(self) -> Reading:
        return reading_of(self.system.ask("settle", PATIENCE))

    def check(self) -> None:
        self.system.check()


class Outside:
    """Looks at the processes of a server: the least of some moments, since it is not settled."""

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree

    def read(self) -> Reading:
        rss, uss = self._tree.read(_LOOKS, _PAUSE)
        return Reading(rss=rss, uss=uss)

    def check(self) -> None:
        self._tree.check()


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
        self._grown = 0.0  # bytes, in the latest cycle
        self._trend: list[float] = []
        self._window: Window | None = None
        self._known: tuple[Metric, ...] = ()
        self.done, self.planned = 0, 0
        self.so_far = _nothing
        self.rate, self.size = 0.0, 0
        self.patience = PATIENCE

    def close(self) -> None:
        """End the file."""
        self._writer.close()

    def begin(self) -> Iterator[Tick]:
        """Let the users come."""
        load = Load(users=self._users, spawn_rate=_SPAWN, rate=1.0, requests=0)
        yield from map(self._shown, self._traffic.ramp(load))

    def raise_rate(self, least: float, most: float, seconds: float) -> Iterator[Tick]:
        """Find the rate that the server bears without error, and how many requests a cycle is.

        What closed users get says where the top is; errors at the rate taken from it halve it. The
        `least` is what is asked for, but never more than the top.
        """
        yield from self._traffic.ramp(Load(users=self._users, spawn_rate=_SPAWN, rate=None))
        before = self._traffic.answers
        yield from map(self._shown, self._traffic.hold("probe", _PROBE))
        top = (self._traffic.answers - before) / _PROBE
        yield from self.begin()
        yield from map(self._shown, self._traffic.rest("probe", self.patience))
        least = min(least, max(top, 1.0))
        self.rate = max(least, min(top * _SUSTAINED, most))
        while self.rate > least:
            failures = self._traffic.failures
            self.size = max(1, round(self.rate * seconds / 2))
            yield from self._send("probe")
            if self._traffic.failures == failures:
                break
            self.rate = max(least, self.rate / 2)

    def warm_up(self, cycles: int) -> Iterator[Tick]:
        """Cycles that count for nothing; the growth counts from the reading after the last."""
        for _ in range(cycles):
            yield from self._cycle("warm-up", kept=False)

    def fit(self) -> None:
        """Make cycles smaller where the server grows by so much in each that memory would end."""
        self.size = affordable(self.size, self._grown, _free())

    def keep(self, cycles: int) -> Iterator[Tick]:
        """Cycles that count."""
        now = time.monotonic()
        window = self._window or Window(name=MEASURED, start=now, end=now)
        self._mark(window)
        for _ in range(cycles):
            yield from self._cycle(MEASURED, kept=True)
            self._mark(window.model_copy(update={"end": time.monotonic()}))

    def _mark(self, window: Window) -> None:
        self._window = window
        others = [one for one in self._recorder.story.windows if one.name != window.name]
        self._recorder.tell(windows=(*others, window))

    def _cycle(self, phase: str, *, kept: bool) -> Iterator[Tick]:
        yield from self._send(phase)
        reading = self._meter.read()
        done = float(self._traffic.answers)
        self._writer.append(time.monotonic(), done, *reading.values, kept)
        self.done += 1
        if isnan(reading.uss):
            return
        self._note(reading)
        if kept:
            self._known = self.so_far()
        yield self._row(phase)

    def _note(self, reading: Reading) -> None:
        self._grown = reading.uss - self._latest.uss if self._latest else 0.0
        self._latest = reading
        self._trend = [*self._trend, reading.uss][-_TREND:]
        if not goes_on(self._grown, _free()):
            raise BrokenRun(
                f"memory would soon be used up: the server grew by {show(self._grown, 'B')} in the "
                f"latest {self.size} requests; offer fewer in a cycle (--interval), or give "
                "--quick, which does"
            )

    def _send(self, phase: str) -> Iterator[Tick]:
        disconnect(self._url, ceil(self.size * _DISCONNECTS))
        load = Load(users=self._users, spawn_rate=_SPAWN, rate=self.rate, requests=self.size)
        for tick in self._traffic.send(phase, load, self.patience):
            self._meter.check()
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
        held = [(name, getattr(self._latest, name), unit) for name, unit in _HELD]
        return (*(each for each in held if not isnan(each[1])), requests)


def _nothing() -> tuple[Metric, ...]:
    return ()


def _free() -> float:
    """Bytes that this machine, or the cgroup that this process is in, can still give."""
    available = read_memory(Tree()).available
    return inf if available is None else float(available)


def until(
    decided: Callable[[], bool], looks: tuple[int, ...], run: Cycles
) -> Generator[Tick, None, None]:
    """Keep cycles until it is decided at one of the looks, which count them, or after the last."""
    kept = 0
    for look in looks:
        run.planned = max(run.planned, run.done + look - kept)
        yield from run.keep(look - kept)
        kept = look
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
