"""Where a request ends up: its row, and a word to the parent when it failed in a new way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from asapbench.offer import Event
from asapbench.workers.generate.failure import Failure

_KINDS = 100  # of failures told, at most: a server can make up a new code for each request


class Records:
    """`row` takes the columns of `REQUESTS`; the names are the endpoints'."""

    def __init__(
        self, row: Callable[..., None], names: Sequence[str], tell: Callable[[Event], None]
    ) -> None:
        self.row = row
        self._names = names
        self._tell = tell
        self._told: set[tuple[int, int, int]] = set()

    def failed(self, endpoint: int, failure: Failure) -> None:
        """Tell the parent, the first time that an endpoint fails in this way."""
        kind = (endpoint, failure.outcome, failure.code)
        if kind in self._told or len(self._told) >= _KINDS:
            return
        self._told.add(kind)
        self._tell(
            Event(
                event="failure",
                at=monotonic(),
                endpoint=self._names[endpoint],
                outcome=failure.outcome.name.lower(),
                code=failure.code,
                text=failure.text,
            )
        )
