"""The parent's side of timing operations: a process a round, driven and listened to."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from asapbench.catalogue import MEMORY, OPERATIONS, ROUNDS, Agent, Entry, Job, Said
from asapbench.errors import BrokenRun, UsageError
from asapbench.model import Metric, Recorder, Tick, Window
from asapbench.process import Child
from asapbench.series import Writer

if TYPE_CHECKING:
    from asapbench.timings import Timed

PATIENCE = 60.0  # s without a word from a worker
TICK = 0.25
BATCH = 0.001  # s
_LEAST_BATCHES = 6
_LEAST_LONG = 3  # of one of which six would take longer than this:
_LONG = 0.3  # s
_LAST_WORDS = 2.0  # s until what a worker said before its end has been read
_LONGEST_START = 1.5  # s; a start that took longer was held up
_START = 0.5  # s
_STRETCH = 1.5  # times what is to be timed: batches are taken again, and warm up
_WORKER = ("-m", "asapbench.workers.operations")


def catalogue(suite: str, log: Any, patience: float = PATIENCE) -> tuple[Entry, ...]:
    """The benchmarks of a suite. Raises UsageError saying why it cannot be imported."""
    with Child("suite", _WORKER, log) as child:
        child.send(Job(suite=suite, do="list").model_dump_json())
        entries: list[Entry] = []
        while True:
            line = child.line(patience)
            if line is None:
                how = "ended its process" if child.silent else f"took more than {patience:.0f} s"
                child.stop()
                raise UsageError(f"--suite: the import of {suite!r} {how}{child.last_words()}")
            said = Said.model_validate_json(line)
            if said.what == "refused":
                raise UsageError(f"--suite: {suite!r} cannot be used: {said.error}")
            if said.what == "ended":
                return tuple(entries)
            if said.entry is not None:
                entries.append(said.entry)


@dataclass(frozen=True)
class Conditions:
    """How operations are timed."""

    suite: str
    agent: Agent
    cpus: tuple[int, ...]
    seed: int
    warm_up: bool = True
    collect: bool = True
    slice: float = 0.015  # s of a benchmark in a round, at least
    measured: float = 1.7  # of what a round takes beside measuring is to be measured


@dataclass
class _Known:
    """What was found out about a benchmark."""

    loops: int = 1
    seconds: float = BATCH  # of a batch
    awaited: bool = False
    broken: bool = False


@dataclass
class Rounds:
    """Rounds of these benchmarks; each writes its rows as they come."""

    conditions: Conditions
    entries: list[Entry]
    recorder: Recorder
    done: int = 0
    undecided: tuple[str, ...] = ()
    so_far: tuple[Metric, ...] = ()
    numbers: dict[str, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._position = {entry.key: index for index, entry in enumerate(self.entries)}
        self._known = {entry.key: _Known() for entry in self.entries}
        self._beside = 0.7  # s that a round takes beside measuring
        self._stretch = _STRETCH
        self.undecided = tuple(self._position)
        self.progress = 0.0

    def __enter__(self) -> Rounds:
        with ExitStack() as files:
            paths = [self.recorder.path(f"{layout.name}.series") for layout in _LAYOUTS]
            writers = [
                files.enter_context(Writer(*pair)) for pair in zip(paths, _LAYOUTS, strict=True)
            ]
            self._operations, self._rounds, self._memory = writers
            self._files = files.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def elapsed(self) -> float:
        """Seconds since the first process was started."""
        return time.monotonic() - self._began

    def timed(self) -> dict[int, Timed]:
        """The rounds of each benchmark so far."""
        from asapbench.table import read_measurement
        from asapbench.timings import timed

        rows = read_measurement(self.recorder.path(f"{OPERATIONS.name}.series"))
        return timed(rows, self.entries)

    def shortest(self, positions: Sequence[int]) -> float:
        """Seconds that a round of these benchmarks takes at least."""
        return _START + self._stretch * self._planned(positions, self.conditions.slice)

    @property
    def alive(self) -> tuple[int, ...]:
        """The positions of the benchmarks that did not break."""
        return tuple(
            at for at, entry in enumerate(self.entries) if not self._known[entry.key].broken
        )

    def calibrate(self) -> Iterator[Tick]:
        """Run each benchmark until it is known how often it fits in a batch."""

        def take(said: Said) -> None:
            known = self._known[said.key]
            known.loops, known.awaited = said.loops, said.awaited
            # short only where its loops were found out while it was held up
            known.seconds = max(said.batches[0][0], BATCH / 2)
            if said.numbers:
                self.numbers[said.key] = said.numbers
            if said.size:
                self._resize(said.key, said.size)
            self._write(said, 0)

        self._remember_entries()
        yield from self._work("calibrate", "calibrating", self.alive, take)
        self._remember(numbers=self.numbers)
        self._remember_entries()

    def lasts_longer(self, position: int, seconds: float) -> bool:
        """Whether an operation of this benchmark takes more than so many seconds."""
        known = self._known[self.entries[position].key]
        return known.seconds > seconds * known.loops

    def memory(self, positions: Sequence[int]) -> Iterator[Tick]:
        """See what these operations allocate, in a process that times nothing."""

        def take(said: Said) -> None:
            self._memory.append(said.at, self._position[said.key], said.blocks, said.peak)

        yield from self._work("memory", "memory", positions, take)

    def round(self, positions: Sequence[int], room: float = math.inf) -> Iterator[Tick]:
        """Time these benchmarks once, in an order of this round's own and in so many seconds."""
        self.done += 1
        share = self._share(len(positions), room)
        began, timed = time.monotonic(), 0.0
        order = list(positions)
        # not for secrets
        random.Random(f"{self.conditions.seed} {self.done}").shuffle(order)  # noqa: S311

        def take(said: Said) -> None:
            nonlocal timed
            timed += sum(seconds for seconds, *_ in said.batches)
            self._write(said, self.done)

        yield from self._work("time", "measuring", order, take, share)
        ended = time.monotonic()
        self._rounds.append(began, self.done, ended - began)
        self._beside = min(_LONGEST_START, ended - began - timed)
        self._stretch = max(1.0, (ended - began - _START) / self._planned(positions, share))
        self.recorder.tell(
            windows=(Window(name="measured", start=self._measured_from(began), end=ended),)
        )

    def _measured_from(self, began: float) -> float:
        windows = self.recorder.story.windows
        return windows[0].start if windows else began

    def _planned(self, positions: Sequence[int], share: float) -> float:
        """Seconds of batches in a round that gives each benchmark such a share."""
        batches = self._batches(positions, share).items()
        return sum(count * self._known[key].seconds for key, count in batches)

    def _batches(self, positions: Sequence[int], share: float) -> dict[str, int]:
        known = {key: self._known[key] for key in (self.entries[at].key for at in positions)}
        return {key: max(_least(one), round(share / one.seconds)) for key, one in known.items()}

    def _share(self, benchmarks: int, room: float) -> float:
        """Seconds of each benchmark in a round: so many that it is not mostly start-up."""
        wanted = min(self.conditions.measured * self._beside, (room - _START) / self._stretch)
        return max(self.conditions.slice, wanted / max(1, benchmarks))

    def _work(
        self,
        do: Any,
        phase: str,
        positions: Sequence[int],
        take: Callable[[Said], None],
        share: float = 0.0,
    ) -> Iterator[Tick]:
        keys = [self.entries[at].key for at in positions]
        while keys:
            job = Job(
                suite=self.conditions.suite,
                do=do,
                keys=tuple(keys),
                loops={key: self._known[key].loops for key in keys},
                batches=self._batches(positions, share),
                awaited=tuple(key for key in keys if self._known[key].awaited),
                batch=BATCH,
                warm_up=self.conditions.warm_up,
                collect=self.conditions.collect,
                agent=self.conditions.agent,
            )
            yield from self._one_process(job, phase, take, keys)

    def _one_process(
        self, job: Job, phase: str, take: Callable[[Said], None], keys: list[str]
    ) -> Iterator[Tick]:
        """Drive one worker; `keys` loses those that it is done with, one way or the other."""
        log = self.recorder.path("operations.log")
        with Child("worker", _WORKER, log, cpus=self.conditions.cpus) as child:
            child.send(job.model_dump_json())
            doing, heard, ticked = "", time.monotonic(), -math.inf
            while True:
                line = child.line(TICK)
                # what a tick sets going takes time of the cores on which is measured
                if line is None or time.monotonic() - ticked >= TICK:
                    ticked = time.monotonic()
                    yield self._tick(phase, doing)
                if line is None and (reason := _gone(child, time.monotonic() - heard)):
                    line = None if child.silent else child.line(_LAST_WORDS)
                    if line is None:
                        self._give_up(doing, reason, keys)
                        return
                if line is None:
                    continue
                heard = time.monotonic()
                said = Said.model_validate_json(line)
                if said.what == "ended":
                    keys.clear()
                    return
                doing = said.key or doing
                self._hear(said, take, keys)

    def _hear(self, said: Said, take: Callable[[Said], None], keys: list[str]) -> None:
        if said.what == "refused":
            raise BrokenRun(f"the suite {self.conditions.suite!r}: {said.error}")
        if said.what == "about":
            self._remember(about=said.about)
        elif said.what == "failed":
            self._fail(said.key, said.error, keys)
        elif said.what in {"timed", "memory"}:
            take(said)
            keys.remove(said.key)

    def _give_up(self, doing: str, reason: str, keys: list[str]) -> None:
        if not doing:
            raise BrokenRun(f"a worker broke before its first benchmark: {reason}")
        self._fail(doing, reason, keys)

    def _fail(self, key: str, error: str, keys: list[str]) -> None:
        if key not in keys:  # how its clean-up ended: it is done with already
            return
        self._known[key].broken = True
        keys.remove(key)
        failure = {"benchmark": key, "error": error, "round": self.done}
        self.recorder.tell(failures=(*self.recorder.story.failures, failure))

    def _write(self, said: Said, number: int) -> None:
        position = self._position[said.key]
        for batch in said.batches:
            self._operations.append(said.at, position, number, said.loops, *batch)

    def _resize(self, key: str, size: int) -> None:
        at = self._position[key]
        self.entries[at] = self.entries[at].model_copy(update={"size": size})

    def _remember_entries(self) -> None:
        self._remember(entries=[entry.model_dump(mode="json") for entry in self.entries])

    def _remember(self, **facts: Any) -> None:
        self.recorder.tell(facts={**self.recorder.story.facts, **facts})

    def _tick(self, phase: str, doing: str) -> Tick:
        numbers = (
            ("round", float(self.done), "count"),
            ("undecided", float(len(self.undecided)), "count"),
        )
        return Tick(
            phase=phase,
            elapsed=self.elapsed,
            progress=min(1.0, self.progress),
            numbers=numbers if self.done else (),
            doing=doing,
            undecided=self.undecided,
            so_far=self.so_far,
        )


_LAYOUTS = (OPERATIONS, ROUNDS, MEMORY)


def _least(known: _Known) -> int:
    """So many batches that their lower quartile is one, however many others are timed beside."""
    return max(_LEAST_LONG, min(_LEAST_BATCHES, int(_LONG / known.seconds)))


def _gone(child: Child, silent: float) -> str | None:
    """Why no more is to be expected of a worker; None where there is."""
    try:
        child.check()
    except BrokenRun as error:
        return str(error).partition(":\n")[0]  # its last words may be another benchmark's
    return f"nothing came for {PATIENCE:.0f} s" if silent > PATIENCE else None
