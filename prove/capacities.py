"""How often the interval of `asapbench stress` holds the capacity, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asapbench import stats
from asapbench.ladder.search import Ladder
from prove.queues import Climb, Queue, fixed, varied

HOLDS = 0.95
WIDEST = 0.05


@dataclass(frozen=True)
class Capacity:
    """Runs on one kind of queue, with steps of so many seconds."""

    name: str
    queue: Queue
    seconds: float = 4.0
    runs: int = 100

    @property
    def title(self) -> str:
        """The queue in words."""
        slots = f"{self.queue.slots} slots" if self.queue.slots > 1 else "1 slot"
        return f"{self.queue.capacity:g} req/s, {slots}, {self.name}, steps of {self.seconds:g} s"

    def seen(self, first: int = 0) -> tuple[int, float, float]:
        """How many intervals hold the truth; the median and the 95th percentile of their width."""
        ladder = Ladder(step=self.queue.capacity / 2.7, top=4000, most=4000)
        climb, held, widths = Climb(self.queue, ladder, self.seconds), 0, []
        for seed in range(first, first + self.runs):
            found = climb.finding(seed)
            high = found.high or float("inf")
            held += found.low <= self.queue.sustains <= high
            widths.append(2 * (high - found.low) / (high + found.low))
        return held, float(np.median(widths)), float(np.quantile(widths, 0.95))


def too_seldom(held: int, runs: int) -> bool:
    """Whether so few cannot be chance if each interval holds the truth with 95 %."""
    return stats.proportion(np.arange(runs) < held).high < HOLDS


PROMISED = tuple(
    Capacity(name, Queue(capacity, slots, work))
    for capacity in (200.0, 650.0, 2000.0)
    for name, slots, work in (
        ("fixed service time", 1, fixed),
        ("fixed service time", 8, fixed),
        ("service times that vary by 30 %", 4, varied(0.3)),
    )
)
# what it is like where a step of 4 s shows too little: honest, and wider
HARDER = (
    Capacity("exponential service times", Queue(650, 4, varied(1.0))),
    Capacity("exponential service times", Queue(650, 4, varied(1.0)), seconds=24, runs=20),
    Capacity("pauses of 25 ms a second", Queue(650, 4, varied(0.1), 1.0, 0.05)),
    Capacity("pauses of 150 ms in 5 s", Queue(650, 4, varied(0.1), 0.2, 0.3), seconds=24, runs=20),
)
