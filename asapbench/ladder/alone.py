"""What a user gets alone: one whose answers take longer than its turns cannot offer its share.

Behind an overloaded server the answers take as long, so what tells is how long they take while
nothing waits for another: one user, request after request, before any other has come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asapbench.ladder.observe import Step
from asapbench.model import Run, Window
from asapbench.offer import Outcome
from asapbench.samples import Requests, Rows
from asapbench.units import show

ALONE = "alone"  # the window
ANSWERS = 3  # that it takes
_ROOM = 0.8  # of the time between two requests that an answer may take
_AS_ALONE = 1.5  # times what it takes alone: an answer that takes longer waited for others
_PARTS = 3
NO_ANSWER = "got no answer while nothing else was asked"


@dataclass(frozen=True)
class Alone:
    """What an answer takes while nothing else is asked, in seconds; None where nothing tells."""

    takes: float | None

    def too_few_users(self, step: Step, requests: Requests) -> str:
        """Why the users of a step could not offer it to any server; nothing if they could."""
        if step.rate is None:
            return ""
        if self.takes is None:
            return f"the generator {NO_ANSWER}, to compare with"
        each = step.rate / step.users
        busy = self.takes * each  # from 1 on no server could be offered this by these users
        if busy < _ROOM or (busy < 1 and self._waited(requests)):
            return ""
        return (
            f"the generator's users, {step.users:,} with one request each, cannot offer "
            f"{show(step.rate, 'req/s')}: an answer takes {show(self.takes, 's')} though nothing "
            f"else is asked, so that a user comes to {1 / self.takes:.3g} of {each:.3g} requests a "
            "second: lower --rps-per-user"
        )

    def _waited(self, requests: Requests) -> bool:
        """Whether it was the server that made the users late: one slot waits for another."""
        took = requests.service_time()
        return bool(len(took)) and float(np.median(took)) > _AS_ALONE * (self.takes or 0.0)


def seen_alone(run: Run, rows: Rows) -> Alone | None:
    """What the requests in flight in the window of one user show; None where there was none."""
    window = next((window for window in run.story.windows if window.name == ALONE), None)
    return None if window is None else Alone(_time(_in_flight(rows, window)))


def _in_flight(rows: Rows, window: Window) -> Rows:
    """Those that were on their way in it: the first of a slow server was sent before."""
    return rows.where((rows.sent < window.end) & (rows.done > window.start))


def _time(rows: Rows) -> float | None:
    """Seconds from sent to done on average; what has no answer took at least as long as it waited.

    The middle one of the means of parts, so that it passes over what happens once.
    """
    told = rows.where(rows.served | rows.open | (rows.outcome == Outcome.TIMEOUT.value))
    took = (told.done - told.sent)[np.argsort(told.sent)]
    means = [float(np.mean(part)) for part in np.array_split(took, _PARTS) if len(part)]
    return float(np.median(means)) if means else None
