"""How often the interval of `asapbench stress` holds the capacity, and how wide it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asapbench.ladder.search import Ladder
from prove.queues import Climb, Queue, fixed, varied

HOLDS = 0.95
WIDEST = 0.05
_OFTEN = 0.9  # of 100 runs, each of which holds it with 95 %, fewer do once in a hundred proofs


@dataclass(frozen=True)
class Seen:
    """How many of the intervals of some runs hold the truth, and their width as a share of it."""

    held: int
    runs: int
    median: float
    widest: float  # the 95th percentile

    def __str__(self) -> str:
        return (
            f"the interval holds it in {self.held} of {self.runs}; its width is "
            f"{self.median:.1%}, at the 95th percentile {self.widest:.1%}"
        )


@dataclass(frozen=True)
class Capacity:
    """Runs on one kind of queue, with steps of so many seconds; how wide an interval may be."""

    name: str
    queue: Queue
    seconds: float = 4.0
    runs: int = 100
    widest: float = WIDEST

    @property
    def title(self) -> str:
        """The queue in words."""
        slots = f"{self.queue.slots} slots" if self.queue.slots > 1 else "1 slot"
        return f"{self.queue.capacity:g} req/s, {slots}, {self.name}, steps of {self.seconds:g} s"

    def seen(self, first: int = 0) -> Seen:
        """What the runs found."""
        ladder = Ladder(step=self.queue.capacity / 2.7, top=4000, most=4000)
        climb, held, widths = Climb(self.queue, ladder, self.seconds), 0, []
        for seed in range(first, first + self.runs):
            found = climb.finding(seed)
            high = found.high or float("inf")
            held += found.low <= self.queue.sustains <= high
            widths.append(2 * (high - found.low) / (high + found.low))
        median, widest = float(np.median(widths)), float(np.quantile(widths, 0.95))
        return Seen(held, self.runs, median, widest)

    def missed_by(self, seen: Seen) -> bool:
        """Whether so few intervals hold the truth that it is no chance, or they are too wide."""
        return seen.held < _OFTEN * seen.runs or seen.widest > self.widest


def share(seen: Iterable[Seen]) -> float:
    """How many of all intervals hold the truth: one case alone says little of 5 in 100."""
    every = tuple(seen)
    return sum(one.held for one in every) / sum(one.runs for one in every)


_EVEN, _UNEVEN = "fixed service time", "service times that vary by 30 %"
PROMISED = (
    *(
        Capacity(_EVEN, Queue(capacity, slots, fixed))
        for capacity in (200.0, 650.0, 2000.0)
        for slots in (1, 8)
    ),
    *(Capacity(_UNEVEN, Queue(capacity, 4, varied(0.3))) for capacity in (650.0, 2000.0)),
    Capacity(_UNEVEN, Queue(200.0, 4, varied(0.3)), seconds=8),
)
# what it is like where a step of 4 s shows too little: as often right, and wider
HARDER = (
    Capacity(_UNEVEN, Queue(200.0, 4, varied(0.3)), widest=0.06),
    Capacity("exponential service times", Queue(650, 4, varied(1.0)), widest=0.15),
    Capacity("exponential service times", Queue(650, 4, varied(1.0)), seconds=24, widest=0.06),
    Capacity("pauses of 25 ms a second", Queue(650, 4, varied(0.1), 1.0, 0.05), widest=0.07),
    Capacity(
        "pauses of 150 ms in 5 s", Queue(650, 4, varied(0.1), 0.2, 0.3), seconds=24, widest=0.08
    ),
)
