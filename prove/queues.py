"""Queues of known capacity in simulated time, driven by the search of `asapbench stress`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapreplace

import numpy as np

from asapbench.ladder.observe import Step, observe
from asapbench.ladder.rung import Rule, Rung, rules_of
from asapbench.ladder.search import Finding, Ladder, find, next_load
from asapbench.model import Window
from asapbench.offer import Flag
from asapbench.samples import Requests, Rows, within
from asapbench.stats import Array
from asapbench.targets import read_table

SETTLE = 1.0
Work = Callable[[np.random.Generator, int], Array]


def shipped_rules() -> tuple[Rule, ...]:
    """The rows of the shipped table that mark steps."""
    return rules_of(read_table("stress", None))


def fixed(_: np.random.Generator, number: int) -> Array:
    """Each request takes as long as any other."""
    return np.ones(number)


def varied(spread: float) -> Work:
    """Gamma distributed service times; `spread` is their coefficient of variation."""
    shape = spread**-2
    return lambda random, number: random.gamma(shape, 1 / shape, number)


@dataclass(frozen=True)
class Queue:
    """`slots` that work at once, first come first served; `work` draws service times of mean 1.

    `pauses` a second hold up all slots, for a time drawn evenly from 0 to `pause` seconds.
    """

    capacity: float
    slots: int = 4
    work: Work = field(default=fixed, repr=False)
    pauses: float = 0.0
    pause: float = 0.0

    @property
    def sustains(self) -> float:
        """What it can answer in the long run: what the pauses leave of the capacity."""
        return self.capacity / (1 + self.pauses * self.pause / 2)

    def answer(self, random: np.random.Generator, planned: Array) -> Array:
        """When each request is answered. In a pause the server's own clock stands still."""
        stops = self._stops(random, float(planned[-1]) * 3 + 60)
        own = self._answer(random, _without(stops, planned))
        return _with(stops, own)

    def _answer(self, random: np.random.Generator, planned: Array) -> Array:
        service = self.work(random, len(planned)) * self.slots / self.capacity
        free = [0.0] * self.slots
        done = np.empty(len(planned))
        for index, (at, takes) in enumerate(zip(planned.tolist(), service.tolist(), strict=True)):
            done[index] = end = max(at, free[0]) + takes
            heapreplace(free, end)
        return done

    def _stops(self, random: np.random.Generator, seconds: float) -> Array:
        """Where on the server's own clock it stands still, and for how long."""
        number = random.poisson(self.pauses * seconds)
        starts = np.sort(random.uniform(0, seconds, number))
        return np.column_stack([starts, random.uniform(0, self.pause, number)])


def _without(stops: Array, times: Array) -> Array:
    """Times on the server's own clock, which does not go on in the pauses."""
    if not len(stops):
        return times
    ends = np.cumsum(stops[:, 1])
    begins = stops[:, 0] + ends - stops[:, 1]
    real = np.column_stack([begins, begins + stops[:, 1]]).ravel()
    own = np.repeat(stops[:, 0], 2)
    far = 1e9
    return np.asarray(np.interp(times, [0.0, *real, real[-1] + far], [0.0, *own, own[-1] + far]))


def _with(stops: Array, times: Array) -> Array:
    passed = np.searchsorted(stops[:, 0], times)
    return np.asarray(times + np.concatenate([[0.0], np.cumsum(stops[:, 1])])[passed])


def requests_of(queue: Queue, random: np.random.Generator, rate: float, seconds: float) -> Requests:
    """What an even grid of requests shows of a queue, after a time to settle."""
    planned = np.arange(int(rate * (SETTLE + seconds))) / rate
    done = queue.answer(random, planned) + random.gamma(2, 0.2e-3, len(planned))
    number = len(planned)
    none, unknown = np.zeros(number, int), np.full(number, np.nan)
    flags = np.full(number, Flag.WAITED.value)
    rows = Rows(planned, planned, done, none, none, none, flags, unknown, unknown, none)
    return within(rows, Window(name="step", start=SETTLE, end=SETTLE + seconds))


@dataclass(frozen=True)
class Climb:
    """A whole run on a queue: the ladder, and the time that each step is measured for."""

    queue: Queue
    ladder: Ladder
    seconds: float = 4.0

    def history(self, seed: int) -> list[Rung]:
        """All steps, each of them on a queue that is empty when it begins."""
        random = np.random.default_rng(seed)
        rules, rungs = shipped_rules(), list[Rung]()
        while (load := next_load(rungs, self.ladder)) is not None:
            requests = requests_of(self.queue, random, load.level, self.seconds)
            step = Step(len(rungs) + 1, load.role, load.level, int(load.level / 10), load.level)
            rungs.append(observe(step, requests, rules))
        return rungs

    def finding(self, seed: int) -> Finding:
        """What the run found."""
        return find(self.history(seed))
