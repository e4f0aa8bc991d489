"""A server or a part of one: its readings as arrays, and how it grew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asapbench.leak.growth import Growth, settled, steps
from asapbench.model import Measurement
from asapbench.stats import CONFIDENCE, Array

# Python takes pages from the system in pools of this size: what a reading of USS is off by
_POOL = 16384.0


def resolution(size: float) -> float:
    """The standard deviation, in bytes a request, of steps of so many requests, by the pools."""
    return float(_POOL / np.sqrt(6) / size)


@dataclass(frozen=True)
class Subject:
    """`counted` are the rows from the last of the warm-up on; the growths are per request."""

    name: str
    rows: dict[str, Array]
    counted: dict[str, Array]
    confidence: float

    @property
    def requests(self) -> float:
        """How many requests the growth rests on."""
        done = self.counted["requests"]
        return float(done[-1] - done[0])

    @property
    def cycles(self) -> int:
        """How many cycles count."""
        return len(self.counted["requests"]) - 1

    def growth(self, column: str) -> Growth | None:
        """None with fewer than eight cycles, and for what could not be read."""
        found = steps(self.counted["requests"], self.counted[column])
        if not len(found):
            return None
        in_pages = column in {"uss", "rss"}
        size = float(np.mean(np.diff(self.counted["requests"])))
        return settled(found, self.confidence, resolution(size) if in_pages else 0.0)

    def change(self, column: str) -> float:
        """How much it became more from the end of the warm-up to the last reading."""
        return float(self.counted[column][-1] - self.counted[column][0])


def subject_of(table: Measurement, confidence: float = CONFIDENCE) -> Subject | None:
    """Read a table of cycles; None where none of them counts yet."""
    rows = {name: np.asarray(column, np.float64) for name, column in table.columns.items()}
    kept = np.flatnonzero(rows["kept"])
    if not len(kept) or kept[0] == 0:
        return None
    counted = {name: column[kept[0] - 1 :] for name, column in rows.items()}
    return Subject(table.labels["subject"], rows, counted, confidence)
