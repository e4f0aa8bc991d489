"""What a benchmark promises: a limit that is missed is said beside it, and by the exit code."""

from __future__ import annotations

from collections.abc import Mapping

_MISSED = "MISSED"


def against(shown: str, value: float, limit: float, unit: str) -> str:
    """What was seen, in words, with its limit and whether that is missed."""
    return f"{shown} (limit {limit:g} {unit}{f', {_MISSED}' if value > limit else ''})"


def missed(seen: Mapping[str, float | str]) -> list[str]:
    """The names of what is beyond its limit."""
    return [name for name, value in seen.items() if str(value).endswith(f"{_MISSED})")]
