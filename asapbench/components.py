"""Drives the processes in which parts of an agent are measured by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from asapbench.cycling import reading_of
from asapbench.errors import BrokenRun
from asapbench.grown import tightest
from asapbench.leak.cycles import layout
from asapbench.leak.enough import enough
from asapbench.leak.parts import LIVE, LIVE_COUNT, PARTS
from asapbench.model import Metric, Recorder, Story, Tick, Window
from asapbench.process import Child
from asapbench.series import Writer

WARM_UP = 3
LOOKS = (8, 16, 24)  # cycles that count
_SHARE = 1 / 3  # of a limit, that the last look leaves open of a part that does not grow
_MOST = 20_000  # operations a cycle, whatever the limit is
_PATIENCE = 60.0  # seconds for one cycle
_WAIT = 0.2


class Part:
    """One process and the rows of its cycles."""

    def __init__(self, name: str, size: int, recorder: Recorder) -> None:
        self.name, self.size = name, size
        program = ["-m", "asapbench.workers.components", name, str(size)]
        self._child = Child(f"component {name}", program, recorder.path(f"{name}.log"))
        self._writer = Writer(recorder.path(f"cycles-{name}.series"), layout(name))
        self.cycles = 0

    def ask(self) -> None:
        """Begin a cycle."""
        self._child.send("cycle")

    def answered(self, timeout: float, warm_up: int) -> bool:
        """Whether the cycle has ended; then its row is written.

        Raises BrokenRun where the process has ended, with its last words.
        """
        answer = self._child.line(timeout)
        if answer is None:
            self._child.check()
            return False
        self.cycles += 1
        done = float(self.cycles * self.size)
        kept = self.cycles > warm_up
        self._writer.append(time.monotonic(), done, *reading_of(answer).values, kept)
        return True

    def close(self) -> None:
        """End the process and the file."""
        self._child.stop()
        self._writer.close()


def sizes(story: Story) -> dict[str, int]:
    """Operations a cycle of each part: more than usual where a limit is tight at --rps."""
    needed = {name: enough(tightest(story, name), LOOKS, _SHARE) for name in PARTS}
    return {name: max(size, min(_MOST, needed[name])) for name, size in PARTS.items()}


def measure_components(
    recorder: Recorder,
    undecided: Callable[[], set[str]],
    so_far: Callable[[], tuple[Metric, ...]],
) -> Iterator[Tick]:
    """Cycles of each part, all at once, until none is undecided; then the live envelopes.

    `so_far` says what is known of their growth at each of the looks.
    """
    began = time.monotonic()
    recorder.tell(windows=(Window(name="components", start=began, end=began),))
    with ExitStack() as open_parts:
        parts = [Part(name, size, recorder) for name, size in sizes(recorder.story).items()]
        live = Part(LIVE, LIVE_COUNT, recorder)
        for part in (*parts, live):
            open_parts.callback(part.close)
        yield from _cycle([live], 1, began)  # none are alive at the first
        yield from _cycle([*parts, live], 1, began)
        for look in LOOKS:
            while parts[0].cycles < WARM_UP + look:
                yield from _cycle(parts, WARM_UP, began)
            names, first = undecided(), parts[0]
            parts = [part for part in parts if part.name in names]
            yield _tick(first, parts, began).model_copy(update={"so_far": so_far()})
            if not parts:
                return


def _cycle(parts: list[Part], warm_up: int, began: float) -> Iterator[Tick]:
    for part in parts:
        part.ask()
    for part in parts:
        asked = time.monotonic()
        while not part.answered(_WAIT, warm_up):
            if time.monotonic() - asked > _PATIENCE:
                raise BrokenRun(f"the component {part.name} did no cycle in {_PATIENCE:.0f} s")
            yield _tick(part, parts, began)
        yield _tick(part, parts, began)


def _tick(part: Part, parts: list[Part], began: float) -> Tick:
    share = min(1.0, part.cycles / (WARM_UP + LOOKS[0]))
    numbers = (("cycles", float(part.cycles), "count"),)
    return Tick(
        phase="components",
        elapsed=time.monotonic() - began,
        progress=share,
        numbers=numbers,
        undecided=tuple(one.name for one in parts),
    )
