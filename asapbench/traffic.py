"""The parent's side of the generators: started, told what to offer, followed, ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from asapbench.errors import BrokenRun
from asapbench.model import Recorder, Tick, Window
from asapbench.offer import REQUESTS, Command, Event, Flag, Load, Offer, Outcome
from asapbench.process import Child, in_background
from asapbench.resources import Sampler
from asapbench.series import Follower

TICK = 0.5
START_PATIENCE = 30.0
DRAIN = 1.0


class Traffic:
    """A generator at work. `hold` and `ramp` yield a tick every half second."""

    def __init__(self, child: Child, recorder: Recorder, offer: Offer) -> None:
        self._child = child
        self._recorder = recorder
        self._follower = Follower(recorder.path(REQUESTS.name + ".series"))
        self._sampler = Sampler(recorder.path("generator.series"), "generator", child.pid)
        self._failures: list[dict[str, Any]] = []
        self._windows: list[Window] = []
        self._recent = _Recent()
        child.send(offer.model_dump_json())
        self._await("ready", START_PATIENCE)

    @property
    def answers(self) -> int:
        """How many requests have ended so far."""
        return self._recent.done

    def ramp(self, load: Load) -> Iterator[Tick]:
        """Start a load and wait until all its users are there."""
        began = time.monotonic()
        expected = load.users / load.spawn_rate
        self._child.send(Command(do="load", load=load).model_dump_json())
        while True:
            if "ramped" in self._events():
                return
            elapsed = time.monotonic() - began
            if elapsed > expected + START_PATIENCE:
                raise BrokenRun(f"the generator had not started its users after {elapsed:.0f} s")
            yield self._tick("ramp", elapsed, min(1.0, elapsed / max(expected, TICK)))

    def hold(self, name: str, seconds: float) -> Iterator[Tick]:
        """Keep the load for some time and record it as a window, also when it is cut short."""
        yield from self.hold_until_decided(name, (seconds,), lambda: True)

    def hold_until_decided(
        self, name: str, looks: Sequence[float], decided: Callable[[], bool]
    ) -> Iterator[Tick]:
        """Keep the load until the question is decided at one of the looks, or after the last.

        Looks are seconds from now; the window reaches to the look that ended it.
        """
        began = time.monotonic()
        for look in looks:
            end = began + look
            try:
                while (now := time.monotonic()) < end:
                    self._events()
                    yield self._tick(name, now - began, (now - began) / look)
            finally:
                self._mark(Window(name=name, start=began, end=min(time.monotonic(), end)))
            if decided():
                return

    def _mark(self, window: Window) -> None:
        """Record a window; one that began at the same time has been extended."""
        others = [other for other in self._windows if other.start != window.start]
        self._windows = [*others, window]
        self._recorder.tell(windows=tuple(self._windows))

    def stop(self) -> None:
        """End the load; requests still open after a moment are written as censored."""
        self._child.send(Command(do="stop", drain=DRAIN).model_dump_json())
        self._await("stopped", DRAIN + START_PATIENCE)

    def close(self) -> None:
        """Keep what is known of failures, and end the sampling."""
        self._recorder.tell(failures=tuple(self._failures))
        self._sampler.close()

    def _tick(self, phase: str, elapsed: float, progress: float) -> Tick:
        self._child.check()
        self._sampler.sample()
        time.sleep(TICK - time.monotonic() % TICK)
        self._recent.take(self._follower)
        return Tick(phase=phase, elapsed=elapsed, progress=progress, numbers=self._recent.numbers())

    def _events(self) -> set[str]:
        return {self._event(line) for line in self._child.lines()}

    def _event(self, line: str) -> str:
        event = Event.model_validate_json(line)
        if event.event == "failure":
            self._failures.append(event.model_dump(exclude={"event", "at", "users"}))
        return event.event

    def _await(self, name: str, patience: float) -> None:
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            line = self._child.line(0.2)
            if line is None:
                self._child.check()
            elif self._event(line) == name:
                return
        raise BrokenRun(f"the generator was not {name} within {patience:.0f} s")


class _Recent:
    """What a watcher wants to know now: the last seconds, never judged."""

    def __init__(self) -> None:
        self.done = 0
        self._failed = 0
        self._users: set[float] = set()
        self._last: deque[tuple[float, float]] = deque()

    def take(self, follower: Follower) -> None:
        for planned, sent, done, _code, user, _endpoint, outcome, flags in follower.new_rows():
            self.done += 1
            self._failed += outcome != Outcome.OK
            self._users.add(user)
            self._last.append((done, done - (planned if int(flags) & Flag.WAITED else sent)))
        horizon = time.monotonic() - 2.0
        while self._last and self._last[0][0] < horizon:
            self._last.popleft()

    def numbers(self) -> tuple[tuple[str, float, str], ...]:
        times = sorted(latency for _, latency in self._last)
        numbers = [
            ("users", float(len(self._users)), "count"),
            ("throughput", len(times) / 2.0, "req/s"),
        ]
        if times:
            numbers.append(("latency.p95", times[int(len(times) * 0.95)], "s"))
        return (*numbers, ("failures", float(self._failed), "count"))


@contextmanager
def generator(offer: Offer, recorder: Recorder, cpus: tuple[int, ...]) -> Iterator[Traffic]:
    """A generator for as long as the block lasts; its rows are whole when the block ends."""
    argv = ["-m", "asapbench.workers.generate"]
    with Child("generator", argv, recorder.path("generator.log"), cpus=cpus) as child:
        traffic = Traffic(child, recorder, offer)
        try:
            with in_background():
                yield traffic
                traffic.stop()
        except BaseException:
            # what is open is written as censored, so that an interrupted run is whole as well
            _stop_quietly(traffic)
            raise
        finally:
            traffic.close()


def _stop_quietly(traffic: Traffic) -> None:
    try:
        traffic.stop()
    except BrokenRun:
        return
