"""How often made up traces of healthy servers are called a leak."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from asapbench.leak.growth import settled, steps
from asapbench.leak.kind import kind_of
from asapbench.stats import confidence_per_look
from prove.traces import (
    REQUESTS,
    Array,
    arenas,
    drifting,
    filling,
    in_pages,
    steady,
    then_full,
    wandering,
)

FALSE_LEAKS = 0.01
RATE = 100.0  # req/s
LOOKS = (8, 12, 16, 24, 32, 48)
CONFIRM = 24  # cycles, as `--quick` has it

Trace = Callable[[np.random.Generator], Array]
_MOST = LOOKS[-1]

HEALTHY: dict[str, Trace] = {
    "noise": lambda random: steady(_MOST, 0) + wandering(random, _MOST, 100e3, 0.0),
    "autocorrelated": lambda random: steady(_MOST, 0) + wandering(random, _MOST, 100e3, 0.9),
    "random walk": lambda random: steady(_MOST, 0) + drifting(random, _MOST, 50e3),
    "cache": lambda random: filling(_MOST, 20e6, 0.2) + wandering(random, _MOST, 50e3, 0.5),
    "fills, then full": lambda random: (
        then_full(_MOST, 700, 0.3) + wandering(random, _MOST, 20e3, 0.5)
    ),
    "full just now": lambda random: (
        then_full(_MOST, 700, (CONFIRM - random.uniform(0.5, 3)) / _MOST)
        + wandering(random, _MOST, 20e3, 0.5)
    ),
    "fills slowly": lambda random: filling(_MOST, 10e6, 0.25) + wandering(random, _MOST, 20e3, 0.5),
    "warm-up of 5 MB": lambda random: (
        filling(_MOST, 5e6, 0.05) + wandering(random, _MOST, 20e3, 0.5)
    ),
    "arenas": lambda random: steady(_MOST, 0) + arenas(random, _MOST, 0.3),
}


def false_leaks(seeds: int, seed: int) -> dict[str, float]:
    """The share of seeds in which a run that looks like `--quick` fails, by kind of trace."""
    return {
        name: sum(fails(in_pages(trace(np.random.default_rng(seed + n)))) for n in range(seeds))
        / seeds
        for name, trace in HEALTHY.items()
    }


def fails(level: Array) -> bool:
    """Whether growth is called a leak at a look at which that would end the run."""
    requests = np.asarray(REQUESTS * np.arange(len(level)), np.float64)
    confidence = confidence_per_look(len(LOOKS))
    for look in LOOKS:
        growth = settled(steps(requests[: look + 1], level[: look + 1]), confidence)
        if growth is None:
            continue
        kind = kind_of(growth, None, None, RATE)
        if kind == "leak" and look >= CONFIRM:
            return True
        if kind in {"stable", "monitor"}:
            return False
    return False
