"""How much a cycle may grow, so that a large leak is measured before it takes the machine down."""

from __future__ import annotations

_CYCLES = 100  # that have to fit into half of what is free
_LEAST = 10  # requests a cycle
_AHEAD = 4  # cycles like the last, for which there has to be room


def affordable(size: int, grown: float, free: float) -> int:
    """How many of `size` requests a cycle may have, where so many grew by `grown` bytes."""
    allowed = free / 2 / _CYCLES
    return size if grown <= allowed else max(_LEAST, int(size * allowed / grown))


def goes_on(grown: float, free: float) -> bool:
    """Whether there is room for some more cycles like the last."""
    return _AHEAD * grown < free
