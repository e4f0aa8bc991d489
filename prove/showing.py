"""What a proof saw, shown as it comes."""

from __future__ import annotations

import sys

Seen = dict[str, float | str]


def show(name: str, value: float | str, seen: Seen) -> None:
    """Add a line to what was seen, and print it."""
    seen[name] = value
    sys.stdout.write(f"{name}: {value}\n")
    sys.stdout.flush()
