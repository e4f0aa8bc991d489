"""What a user gets alone: one whose answers take longer than its turns cannot offer its share.

Behind an overloaded server the answers take as long, so what tells is how long they take while
nothing waits for another: one user, request after request, before the ladder begins.
"""

from __future__ import annotations

import numpy as np

from asapbench.ladder.observe import Step
from asapbench.model import Run
from asapbench.samples import Requests, requests_in
from asapbench.units import show

ALONE = "alone"  # the window
_ROOM = 0.8  # of the time between two requests that an answer may take
_PARTS = 3


def too_few_users(run: Run, step: Step) -> str:
    """Why the users of a step could not offer it to any server; nothing if they could."""
    window = next((window for window in run.story.windows if window.name == ALONE), None)
    if window is None or step.rate is None:
        return ""
    takes = time_alone(requests_in(run, window))
    each = step.rate / step.users
    if takes is None or takes * each < _ROOM:
        return ""
    return (
        f"the generator's users, {step.users:,} with one request each, cannot offer "
        f"{show(step.rate, 'req/s')}: an answer takes {show(takes, 's')} though nothing else is "
        f"asked, so that a user comes to {1 / takes:.3g} of {each:.3g} requests a second: lower "
        "--rps-per-user"
    )


def time_alone(requests: Requests) -> float | None:
    """Seconds from sent to done on average; None where nothing was answered.

    The middle one of the means of parts, so that it passes over what happens once.
    """
    rows = requests.where((requests.served | requests.open) & ~np.isnan(requests.sent))
    took = (rows.done - rows.sent)[np.argsort(rows.sent)]
    parts = np.array_split(took, _PARTS)
    means = [float(np.mean(part)) for part in parts if len(part)]
    return float(np.median(means)) if means else None
