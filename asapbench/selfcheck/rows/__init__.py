"""The rows, in the order in which they are run."""

from __future__ import annotations

from asapbench.selfcheck.row import Row
from asapbench.selfcheck.rows import (
    fast_errors,
    known_capacity,
    known_delays,
    known_leaks,
    starved,
    stopped,
)

ROWS: tuple[Row, ...] = (
    *known_delays.ROWS,
    stopped.ROW,
    fast_errors.ROW,
    starved.ROW,
    known_capacity.ROW,
    *known_leaks.ROWS,
)
