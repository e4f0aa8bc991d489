"""Readings of servers that behave in a known way, made up: what the verdicts are proved with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

REQUESTS = 1500.0  # a cycle
PAGE, ARENA = 4096.0, 1 << 20


def steady(cycles: int, per_request: float) -> Array:
    """A level that grows by so much a request."""
    return np.asarray(40e6 + per_request * REQUESTS * np.arange(cycles + 1), np.float64)


def filling(cycles: int, most: float, share: float) -> Array:
    """A cache that fills up to `most` bytes, by requests that more and more often hit it.

    After a `share` of the cycles 63 % of it are filled.
    """
    return 40e6 + most * (1 - np.exp(-np.arange(cycles + 1) / (cycles * share)))


def then_full(cycles: int, per_request: float, share: float) -> Array:
    """Growth at one rate until a share of the cycles, then none."""
    grown = np.minimum(np.arange(cycles + 1), cycles * share)
    return 40e6 + per_request * REQUESTS * grown


def wandering(random: np.random.Generator, cycles: int, spread: float, alike: float) -> Array:
    """Noise around a level that depends on the reading before (AR 1), in bytes."""
    level = np.zeros(cycles + 1)
    level[0] = random.normal(0, spread / np.sqrt(1 - alike**2))
    for index in range(1, cycles + 1):
        level[index] = alike * level[index - 1] + random.normal(0, spread)
    return level


def drifting(random: np.random.Generator, cycles: int, spread: float) -> Array:
    """A random walk, in bytes."""
    return np.cumsum(random.normal(0, spread, cycles + 1))


def arenas(random: np.random.Generator, cycles: int, often: float) -> Array:
    """Whole arenas that come and go, and that stay once they are more than a few."""
    change = random.choice([-ARENA, 0.0, ARENA], cycles + 1, p=[often / 2, 1 - often, often / 2])
    return np.asarray(np.maximum(np.cumsum(change), 0.0), np.float64)


def in_pages(level: Array) -> Array:
    """As a meter reads it."""
    return np.asarray(np.floor(level / PAGE) * PAGE)
