"""The parent's side of the generators: started, told what to offer, followed, ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

from asapbench.cores import deal, physical_cores
from asapbench.errors import BrokenRun
from asapbench.headers import conceal
from asapbench.model import Recorder, Tick, Window
from asapbench.offer import PULSE, REQUESTS, Command, Event, Load, Offer
from asapbench.process import Child, in_background, to_foreground
from asapbench.recent import Recent
from asapbench.resources import Sampler
from asapbench.series import Follower

MEASURED = "measured"  # the window that verdicts are about
TICK = 0.5
_SHORT_TICK = 0.1  # where what is waited for may be there any moment
_STARVED = 1.0  # seconds that a tick is late by: others, or the load itself, leave no CPU for it
START_PATIENCE = 30.0
DRAIN = 1.0
_LEAD = 0.2  # seconds from telling several generators of a load until it begins


class Generator:
    """One generator process, as its parent sees it."""

    def __init__(self, child: Child) -> None:
        self.child = child

    def tell(self, message: Offer | Command) -> None:
        """Send it its offer or a command."""
        self.child.send(message.model_dump_json())

    def events(self) -> Iterator[Event]:
        """What it has told since the last call."""
        return map(Event.model_validate_json, self.child.lines())

    def events_until(self, name: str, patience: float) -> Iterator[Event]:
        """What it tells, the awaited event last. Raises BrokenRun where that does not come."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            line = self.child.line(0.2)
            if line is None:
                self.child.check()
                continue
            event = Event.model_validate_json(line)
            yield event
            if event.event == name:
                return
        raise BrokenRun(f"the {self.child.name} was not {name} within {patience:.0f} s")


class Worker(Generator):
    """A generator that has users, and so writes down requests."""

    def __init__(self, child: Child, recorder: Recorder) -> None:
        super().__init__(child)
        suffix = child.name.removeprefix("generator") + ".series"
        self._records = recorder.path(REQUESTS.name + suffix)
        self._pulse = recorder.path(PULSE.name + suffix)
        self.follower = Follower(self._records)
        self.sampler = Sampler(recorder.path(child.name + ".series"), child.name, child.pid)

    def begin(self, offer: Offer, **place: Any) -> None:
        """Send it its offer: where it stands among others, and the files that are its own."""
        own = {"records": str(self._records), "pulse": str(self._pulse)}
        self.tell(offer.model_copy(update=own | place))


class Master(Generator):
    """The process that leads several generators; it sends no request."""

    def __init__(self, child: Child, recorder: Recorder) -> None:
        super().__init__(child)
        self.sampler = Sampler(recorder.path("master.series"), "master", child.pid)


class Traffic:
    """Generators at work, one or several. `hold` and `ramp` yield a tick every half second."""

    def __init__(
        self, workers: Sequence[Worker], master: Master | None, recorder: Recorder
    ) -> None:
        self._workers = workers
        self._master = master
        self._recorder = recorder
        self._order = list(workers)  # of their shares in the load
        self._failures: dict[tuple[str, str, int], dict[str, Any]] = {}
        self._recent = Recent()
        self._secrets: tuple[str, ...] = ()  # headers whose values a server may repeat
        self.begins = 0.0  # when the plan of the last load does, by the monotonic clock

    def begin(self, offer: Offer) -> None:
        """Wait until all are ready for a load. Raises BrokenRun with what one says against it."""
        self._secrets = offer.headers
        if self._master is None:
            self._workers[0].begin(offer)
        else:
            self._master.tell(offer.model_copy(update={"role": "master"}))
            (ready,) = self._master.events_until("ready", START_PATIENCE)
            place = {"role": "worker", "port": ready.port, "workers": len(self._workers)}
            for index, worker in enumerate(self._workers):
                worker.begin(offer, index=index, **place)
        self._await("ready", START_PATIENCE)

    @property
    def size(self) -> int:
        """How many generators there are."""
        return len(self._workers)

    @property
    def answers(self) -> int:
        """How many requests have ended so far."""
        return self._recent.done

    @property
    def failures(self) -> int:
        """How many of them failed."""
        return self._recent.failed

    def ramp(self, load: Load) -> Iterator[Tick]:
        """Start a load and wait until all its users are there.

        Of several generators each takes part in proportion to its users. How locust spreads them is
        known when they are there: where the shares were others, the plan then begins anew.
        """
        began = time.monotonic()
        expected = load.users / load.spawn_rate
        self.begins = self._offer(load)
        users: dict[Worker, int] = {}
        while True:
            users |= self._ramped()
            if len(users) == len(self._workers):
                break
            elapsed = time.monotonic() - began
            if elapsed > expected + START_PATIENCE:
                raise BrokenRun(f"the generator had not started its users after {elapsed:.0f} s")
            progress = min(1.0, elapsed / max(expected, TICK))
            yield self._tick("ramp", elapsed, progress, time.monotonic() + _SHORT_TICK)
        if self._reordered(users, load.users) and load.rate is not None:
            self.begins = self._share_out(load)
        while time.monotonic() < self.begins:
            yield self._tick("ramp", time.monotonic() - began, 1.0, self.begins)

    def _offer(self, load: Load) -> float:
        """Tell all of a load; say when it begins."""
        if self._master is None:
            self._workers[0].tell(Command(do="load", load=load))
            return time.monotonic() if load.start is None else load.start
        start = self._share_out(load)
        self._master.tell(Command(do="load", load=load))
        return start

    def _share_out(self, load: Load) -> float:
        # one start for all: the clock is the machine's
        start = time.monotonic() + _LEAD
        for share, worker in enumerate(self._order):
            part = {"start": start, "share": share, "shares": len(self._order)}
            worker.tell(Command(do="load", load=load.model_copy(update=part)))
        return start

    def _ramped(self) -> dict[Worker, int]:
        """The workers that told just now that all users are there, and how many each has."""
        return {worker: event.users for worker, event in self._events() if event.event == "ramped"}

    def _reordered(self, users: dict[Worker, int], total: int) -> bool:
        """Give the larger shares to those with more users; say whether that changed anything."""
        before = self._order
        self._order = sorted(before, key=lambda worker: -users[worker])
        given = [users[worker] for worker in self._order]
        shares = [len(range(share, total, len(given))) for share in range(len(given))]
        if given != shares:
            raise BrokenRun(f"the generators have {given} users, not {shares}")
        return self._order != before

    def hold(self, name: str, seconds: float) -> Iterator[Tick]:
        """Keep the load for some time and record it as a window, also when it is cut short."""
        yield from self.hold_until_decided(name, (seconds,), lambda: True)

    def hold_until_decided(
        self, name: str, looks: Sequence[float], decided: Callable[[], bool]
    ) -> Iterator[Tick]:
        """Keep the load until the question is decided at one of the looks, or after the last.

        Looks are seconds from now; the window reaches to the look that ended it. What of it has
        passed is on disk at each tick: whoever kills this process loses no more than the rest.
        """
        began = time.monotonic()
        self._recent.begin(began)
        for look in looks:
            end = began + look
            try:
                while (now := time.monotonic()) < end:
                    self._events()
                    self._mark(Window(name=name, start=began, end=now))
                    tick = self._tick(name, now - began, (now - began) / look, end)
                    yield self._formed(tick) if name == MEASURED else tick
            finally:
                self._mark(Window(name=name, start=began, end=min(time.monotonic(), end)))
            if decided():
                return

    def send(self, phase: str, load: Load, patience: float) -> Iterator[Tick]:
        """Offer a load that ends after so many requests, and wait for the last of their answers.

        Its users are there already. Raises BrokenRun where no answer comes for `patience` seconds.
        """
        assert load.requests is not None  # noqa: S101 - else it would not end
        first = self.answers
        self._offer(load)
        began = answered = time.monotonic()
        while (done := self.answers - first) < load.requests:
            self._events()
            now = time.monotonic()
            progress = done / load.requests
            yield self._tick(phase, now - began, progress, now + _SHORT_TICK, _SHORT_TICK)
            now = time.monotonic()
            answered = now if self.answers - first > done else answered
            if now - answered > patience:
                missing = load.requests - done
                raise BrokenRun(f"{missing} requests had no answer for {patience:.0f} s")

    def _formed(self, tick: Tick) -> Tick:
        """A tick of the time that is judged: with what the metrics come to so far."""
        return tick.model_copy(update={"so_far": self._recent.so_far()})

    def _mark(self, window: Window) -> None:
        self._recorder.tell(windows=self._recorder.story.windows_with(window))

    def settle(self, phase: str, seconds: float) -> Iterator[Tick]:
        """Keep the load for some time that is in no window."""
        began = time.monotonic()
        end = began + seconds
        while (now := time.monotonic()) < end:
            self._events()
            yield self._tick(phase, now - began, (now - began) / seconds, end)

    def rest(self, phase: str, patience: float) -> Iterator[Tick]:
        """Offer nothing, and wait until the backlog is gone, or given up after `patience` s."""
        for worker in self._workers:
            worker.tell(Command(do="rest", drain=patience))
        began = time.monotonic()
        resting: set[Worker] = set()
        while True:
            resting |= {worker for worker, event in self._events() if event.event == "rested"}
            if len(resting) == len(self._workers):
                return
            elapsed = time.monotonic() - began
            if elapsed > patience + START_PATIENCE:
                raise BrokenRun(f"the generator did not rest within {elapsed:.0f} s")
            progress = min(1.0, elapsed / patience)
            yield self._tick(phase, elapsed, progress, time.monotonic() + _SHORT_TICK)

    def stop(self) -> None:
        """End the load; requests still open after a moment are written as censored.

        Raises BrokenRun, once all others have stopped, if one did not.
        """
        for worker in self._workers:
            worker.tell(Command(do="stop", drain=DRAIN))
        self._await("stopped", DRAIN + START_PATIENCE)

    def close(self) -> None:
        """End the sampling."""
        for process in self._sampled():
            process.sampler.close()

    def _tick(
        self, phase: str, elapsed: float, progress: float, until: float, every: float = TICK
    ) -> Tick:
        """Wait for the next whole tick, or less long, until a time."""
        for process in self._sampled():
            process.child.check()
            process.sampler.sample()
        now = time.monotonic()
        pause = max(0.0, min(every - now % every, until - now))
        time.sleep(pause)
        self._recent.take(worker.follower for worker in self._workers)
        if time.monotonic() - now - pause > _STARVED:
            to_foreground()
        return Tick(phase=phase, elapsed=elapsed, progress=progress, numbers=self._recent.numbers())

    def _sampled(self) -> Iterator[Worker | Master]:
        yield from self._workers
        if self._master is not None:
            yield self._master

    def _events(self) -> list[tuple[Worker, Event]]:
        """What the workers told since the last call; failures are noted."""
        told = [(worker, event) for worker in self._workers for event in worker.events()]
        for _, event in told:
            self._note(event)
        return told

    def _note(self, event: Event) -> None:
        if event.event == "failure":
            kind = event.endpoint, event.outcome, event.code
            first = event.model_dump(include={"endpoint", "outcome", "code", "text"})
            first["text"] = conceal(event.text, self._secrets)
            if self._failures.setdefault(kind, first) is first:
                self._recorder.tell(failures=tuple(self._failures.values()))

    def _await(self, name: str, patience: float) -> None:
        broken: list[BrokenRun] = []
        for worker in self._workers:
            try:
                for event in worker.events_until(name, patience):
                    self._note(event)
            except BrokenRun as error:
                broken.append(error)
        if broken:
            raise broken[0]


@contextmanager
def generator(
    offer: Offer, recorder: Recorder, cpus: tuple[int, ...], processes: int = 1
) -> Iterator[Traffic]:
    """Generators for as long as the block lasts; their rows are whole when the block ends.

    Several are led by one more process, locust's master, which has no users.
    """
    with ExitStack() as children:

        def start(name: str, own: tuple[int, ...]) -> Child:
            log = recorder.path(f"{name}.log")
            argv = ["-m", "asapbench.workers.generate"]
            return children.enter_context(Child(name, argv, log, cpus=own))

        names = (
            [f"generator-{index}" for index in range(processes)] if processes > 1 else ["generator"]
        )
        pins = deal(cpus, processes, physical_cores())
        workers = [Worker(start(*each), recorder) for each in zip(names, pins, strict=True)]
        master = Master(start("generator-master", cpus), recorder) if processes > 1 else None
        traffic = Traffic(workers, master, recorder)
        with closing(traffic):
            yield from _working(traffic, offer)


def _working(traffic: Traffic, offer: Offer) -> Iterator[Traffic]:
    traffic.begin(offer)
    try:
        with in_background():
            yield traffic
            traffic.stop()
    except BaseException:
        # what is open is written as censored, so that an interrupted run is whole as well
        with suppress(BrokenRun):
            traffic.stop()
        raise
