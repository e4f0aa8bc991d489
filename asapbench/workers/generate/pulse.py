"""A sleeper that says how late this process is, and how many requests are open at that moment."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from asapbench.workers.generate.scene import Scene

PERIOD = 0.02  # seconds


class Pulse:
    """Beats for as long as the loop runs; `row` takes the columns of `PULSE`."""

    def __init__(self, scene: Scene, row: Callable[..., None]) -> None:
        self._scene = scene
        self._row = row
        self._sleep(monotonic())

    def _sleep(self, now: float) -> None:
        self._due = now + PERIOD
        self._scene.agenda.at(self._due, self._beat)

    def _beat(self) -> None:
        now = monotonic()
        self._row(now, now - self._due, self._scene.open)
        self._sleep(now)
