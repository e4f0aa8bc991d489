"""`asapbench stress` against real servers of known capacity: how often the interval holds it."""

from __future__ import annotations

from asapbench.model import Story, Tick
from asapbench.selfcheck.perform import perform
from asapbench.selfcheck.row import Result
from asapbench.selfcheck.rows.known_capacity import row
from prove.showing import Seen, show

TITLE = "The breaking point of real servers of known capacity"
# slots, seconds for each: 200 to 2000 req/s
SERVERS = (
    (2, 0.010),
    (8, 0.040),
    (4, 0.010),
    (8, 0.016),
    (5, 0.008),
    (8, 0.010),
    (8, 0.008),
    (10, 0.008),
    (16, 0.010),
    (20, 0.010),
)
MISSES = 1  # in ten


def prove(_: int) -> tuple[Seen, list[str]]:
    """What each run read, and whether more than one in ten missed."""
    seen: Seen = {}
    results = [perform(row(*server), _ignore, quick=False) for server in SERVERS]
    for result in results:
        show(result.about, f"{result.verdict}: {_told(result)}", seen)
    missed = sum(result.verdict != "right" for result in results)
    return seen, [f"{missed} of {len(results)} missed"] if missed > MISSES else []


def _told(result: Result) -> str:
    read = (f"{check.what} {check.reading} for {check.truth}" for check in result.checks)
    return "; ".join((*read, result.text))


def _ignore(_: Tick, __: Story) -> None:
    """Nobody watches."""
