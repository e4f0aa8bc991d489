"""Servers on paper: latencies of a simulated run, whose true percentiles are known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.stats import norm

from asapbench.stats import Array

Draw = Callable[[np.random.Generator, float], tuple[Array, Array]]  # seconds -> latencies, times


@dataclass(frozen=True)
class Server:
    """`draw` gives a run of so many seconds; `quantile` the true one."""

    name: str
    draw: Draw
    quantile: Callable[[float], float]


def correlated(rate: float, seconds: float) -> Server:
    """Lognormal latencies, a first-order autoregression with this correlation time."""
    keep = float(np.exp(-1 / (rate * seconds))) if seconds else 0.0

    def draw(random: np.random.Generator, duration: float) -> tuple[Array, Array]:
        at = np.arange(int(duration * rate)) / rate
        noise = random.standard_normal(len(at))
        noise[1:] *= np.sqrt(1 - keep**2)
        return np.exp(lfilter([1.0], [1.0, -keep], noise)), at

    name = f"correlated over {seconds:g} s" if seconds else "independent"
    return Server(f"{name}, {rate:g}/s", draw, lambda q: float(np.exp(norm.ppf(q))))


def drifting(rate: float, seconds: float, slow: float, fast: float) -> Server:
    """Lognormal latencies whose level wanders, as that of a machine with neighbours does."""
    wandering = correlated(rate, seconds)

    def draw(random: np.random.Generator, duration: float) -> tuple[Array, Array]:
        level, at = wandering.draw(random, duration)
        return level**slow * np.exp(fast * random.standard_normal(len(at))), at

    spread = float(np.hypot(slow, fast))
    name = f"level drifting by {slow:g} over {seconds:g} s beside noise of {fast:g}, {rate:g}/s"
    return Server(name, draw, lambda q: float(np.exp(spread * norm.ppf(q))))


def heavy_tailed(rate: float) -> Server:
    """Independent, Pareto with infinite mean."""

    def draw(random: np.random.Generator, duration: float) -> tuple[Array, Array]:
        at = np.arange(int(duration * rate)) / rate
        return 1 + random.pareto(0.9, len(at)), at

    return Server(f"heavy tail, {rate:g}/s", draw, lambda q: float((1 - q) ** (-1 / 0.9)))


def pausing(rate: float, pause: float, every: float, *, fixed: bool) -> Server:
    """A millisecond of work on average, and pauses that hold up whoever comes meanwhile."""
    share = pause / every

    def draw(random: np.random.Generator, duration: float) -> tuple[Array, Array]:
        at = np.arange(int(duration * rate)) / rate
        ends = _ends(random, duration)
        starts, stops = ends[:-1:2], ends[1::2]
        following = np.minimum(np.searchsorted(stops, at), len(stops) - 1)
        left = np.where(starts[following] <= at, stops[following] - at, 0.0)
        return np.maximum(random.exponential(0.001, len(at)), left), at

    def _ends(random: np.random.Generator, duration: float) -> Array:
        number = int(3 * duration / every) + 50
        gaps = random.exponential(every - pause, number)
        pauses = np.full(number, pause) if fixed else random.exponential(pause, number)
        if random.random() < share:  # it begins within a pause
            gaps[0] = 0.0
            pauses[0] *= random.random() if fixed else 1.0
        return np.cumsum(np.column_stack([gaps, pauses]).ravel())

    def above(latency: float) -> float:
        left = max(0.0, 1 - latency / pause) if fixed else float(np.exp(-latency / pause))
        return 1 - (1 - share * left) * (1 - float(np.exp(-latency / 0.001)))

    def quantile(q: float) -> float:
        return float(brentq(lambda latency: above(latency) - (1 - q), 1e-9, 100.0, xtol=1e-12))

    kind = "" if fixed else " on average"
    name = f"pauses of {pause * 1e3:g} ms{kind} every {every:g} s, {rate:g}/s"
    return Server(name, draw, quantile)


def stepping(rate: float) -> Server:
    """Half way it becomes slow: all requests above a percentile are of the second half."""

    def draw(random: np.random.Generator, duration: float) -> tuple[Array, Array]:
        at = np.arange(int(duration * rate)) / rate
        return random.random(len(at)) + (at >= duration / 2), at

    return Server(f"a step half way, {rate:g}/s", draw, lambda q: 2 * q)
