"""What a request and its answer are to the rest of the generator."""

from __future__ import annotations

from typing import Protocol

from asapbench.workers.generate.failure import Failure


class Exchange(Protocol):
    """One endpoint: writes requests and checks their answers.

    A request is known by its number, which no other request has.
    """

    def request(self, number: int) -> bytes: ...

    def check(self, number: int, body: bytes) -> Failure | None:
        """Tell what is wrong with an answer of status 200."""
