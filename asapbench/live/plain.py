"""Ticks as lines for a log: a few seconds apart, and what stays or is news at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain

from asapbench.live.words import failures, phase_of
from asapbench.model import Story, Tick, Watch
from asapbench.report.drawing import clean
from asapbench.sparkline import sparkline
from asapbench.terminal import tell
from asapbench.units import show, show_duration

EVERY = 5.0  # seconds
_TREND = 20  # characters


def lines(title: str = "") -> Watch:
    """Print to standard error."""
    return _Printer(title).watch


def line(tick: Tick, elapsed: float) -> str:
    """A tick as a line: phase, elapsed, numbers."""
    return f"{phase_of(tick):<11} {show_duration(int(elapsed)):>6}  {describe(tick)}".rstrip()


def describe(tick: Tick) -> str:
    """The numbers of a tick on one line, what it is about, and how the latest of them went."""
    numbers = (
        f"{name} {show(value, unit)}".replace("throughput ", "").replace("latency.", "")
        for name, value, unit in tick.numbers
    )
    return "  ".join([*numbers, tick.doing, sparkline(tick.trend, _TREND)]).rstrip()


class _Printer:
    def __init__(self, title: str) -> None:
        self._title = title
        self._phase = ""
        self._began = self._at = time.monotonic()
        self._told: set[str] = set()

    def watch(self, tick: Tick, story: Story) -> None:
        if tick.phase == "starting" and not self._phase:
            return  # what is refused before anything began is one line, and no more
        if self._title:
            tell(self._title)
            self._title = ""
        for text in news(story):
            if text not in self._told:
                self._told.add(text)
                tell(text)
        now = time.monotonic()
        if not tick.kept and tick.phase == self._phase and now - self._at < EVERY:
            return
        self._at = now
        self._phase = self._phase if tick.kept else tick.phase
        tell(line(tick, now - self._began))


def news(story: Story) -> Iterator[str]:
    """What was noted and what broke so far."""
    notes = (f"note  {note.text}" for note in story.notes)
    broke = (f"failed  {text}" for text in failures(story))
    return map(clean, chain(notes, broke))
