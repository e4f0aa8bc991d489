"""Whether the steps of a ladder are told by their users or by the rate that was offered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def by_users(steps: Sequence[dict[str, Any]]) -> bool:
    """A closed loop offers no rate; users there are in each step."""
    return any(step["offered"] is None for step in steps)
