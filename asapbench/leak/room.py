"""How much a cycle may grow, so that a large leak is measured before it takes the machine down."""

from __future__ import annotations

_CYCLES = 100  # at least, that have to fit into half of what is free
_LEAST = 10  # requests a cycle
_AHEAD = 4  # cycles like the last, for which there has to be room
_RESERVE = 0.05  # of what was free at first


def affordable(size: int, grown: float, free: float, cycles: int = _CYCLES) -> int:
    """How many of `size` requests each of some cycles may have, where so many grow by `grown` B."""
    allowed = free / 2 / max(cycles, _CYCLES)
    return size if grown <= allowed else max(_LEAST, int(size * allowed / grown))


def goes_on(grown: float, free: float) -> bool:
    """Whether there is room for some more cycles like the last."""
    return _AHEAD * grown < free


def is_used_up(free: float, at_first: float) -> bool:
    """Whether so little is left of what was free at first that a run has to end at once."""
    return free < _RESERVE * at_first
