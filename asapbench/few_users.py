"""Whether the users of a plan can offer its rate at all, with one request each.

Behind an overloaded server answers take as long as there are users, so what tells is how long they
took when the first few came. That is a server as it began, still cold perhaps: no more is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from asapbench.model import Note, Run
from asapbench.samples import rows_of
from asapbench.units import show

_FIRST = 50  # requests
_FEWEST = 10
_ROOM = 0.9  # of the time between two requests of a user that an answer may take
_BETTER = 0.5


def too_few_users(run: Run, rate: float, users: int) -> Iterator[Note]:
    """Say so where a user would have to wait for answers nearly all of its time."""
    takes = first_answers(run)
    if takes is None or takes * rate / users < _ROOM:
        return
    yield Note(
        code="too-few-users",
        text=f"the first answers took {show(takes, 's')}, so of the server as it began {users:,} "
        f"users with one request each can ask {show(users / takes, 'req/s')} at most",
        hint=f"give --users {ceil(takes * rate / _BETTER)} or more, or a lower --rps",
    )


def first_answers(run: Run) -> float | None:
    """Seconds from sent to done of the first requests, the middle one; None for too few of them."""
    rows = rows_of(run)
    rows = rows.where(rows.served & ~np.isnan(rows.sent))
    first = np.argsort(rows.sent)[:_FIRST]
    if len(first) < _FEWEST:
        return None
    return float(np.median((rows.done - rows.sent)[first]))
