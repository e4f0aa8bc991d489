"""How a request failed, and what was seen."""

from __future__ import annotations

from typing import NamedTuple

from asapbench.offer import Outcome

_SHOWN = 200


class Failure(NamedTuple):
    """`code` is what `Outcome` says of it; `text` is for people, one short line."""

    outcome: Outcome
    code: int
    text: str


def wrong_status(status: int, body: bytes) -> Failure:
    """Name the failure that an HTTP status other than 200 is."""
    kind = {4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}.get(status // 100, Outcome.INVALID)
    return Failure(kind, status, f"HTTP status {status}: {excerpt(body)}")


def excerpt(body: bytes) -> str:
    """Show the begin of an answer on one line."""
    text = " ".join(body[:_SHOWN].decode(errors="replace").split())
    return (text if text.isprintable() else ascii(text)) or "no body"
