"""The Universal Scalability Law of a closed-loop ladder (Gunther 2007).

X(N) = c·N / (1 + s·(N - 1) + k·N·(N - 1)): c is what one user gets, s the share that is done one
after the other (contention), k the cost of agreeing (coherency). It is highest at the knee,
N* = √((1 - s) / k).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asapbench.model import Value
from asapbench.stats import Array

FEWEST = 4  # rungs: three parameters and one to check them
_DRAWS = 200
_TAIL = 0.025  # on each side of an interval


class Interval(Value):
    """A fitted number, and between which it lies with 95 % confidence; None: not bounded."""

    value: float | None
    low: float | None
    high: float | None


class Scaling(Value):
    """The law as fitted: parameters, the users at the knee, and req/s there."""

    single: Interval
    contention: Interval
    coherency: Interval
    knee_users: Interval
    knee_rps: Interval
    error: float


def law(users: Array, single: float, contention: float, coherency: float) -> Array:
    """Throughput at a number of users."""
    return np.asarray(
        single * users / (1 + contention * (users - 1) + coherency * users * (users - 1))
    )


def fit(users: Sequence[float], rates: Sequence[float]) -> Scaling | None:
    """Fit the law to a ladder by least squares; None for fewer than four different loads.

    The intervals are those of fits to resampled residuals (Davison and Hinkley 1997, §6.4), drawn
    from a fixed seed. `error` is the root mean square of the residuals, relative to the rates.
    """
    at, seen = np.asarray(users, float), np.asarray(rates, float)
    if len(np.unique(at)) < FEWEST or not (seen > 0).all():
        return None
    found = _fit(at, seen)
    if found is None:
        return None
    shown = law(at, *found)
    left = (seen - shown) / shown * np.sqrt(len(at) / (len(at) - 3))
    random = np.random.default_rng(0)
    again = (_fit(at, shown * (1 + random.choice(left, len(at))), found) for _ in range(_DRAWS))
    draws = np.array([draw for draw in again if draw is not None]).reshape(-1, 3)
    return _scaling(found, draws, float(np.sqrt(np.mean(left**2))))


def _fit(users: Array, rates: Array, start: Array | None = None) -> Array | None:
    """Relative errors are minimised; contention below 1, no parameter below 0."""
    from scipy import optimize  # half a second: only for a closed loop

    scale = float(np.max(rates / users))
    first = [1.0, 0.05, 1e-4] if start is None else [start[0] / scale, *start[1:]]
    bounds = ([0.0, 0.0, 0.0], [np.inf, 1.0, np.inf])

    def off(parameters: Array) -> Array:
        return np.asarray(law(users, parameters[0] * scale, *parameters[1:]) / rates - 1)

    inside = np.clip(first, [1e-9, 1e-9, 1e-12], [np.inf, 1 - 1e-9, np.inf])
    found = optimize.least_squares(off, inside, bounds=bounds, x_scale=[1.0, 0.1, 1e-3])
    return np.array([found.x[0] * scale, *found.x[1:]]) if found.success else None


def _scaling(found: Array, draws: Array, error: float) -> Scaling:
    knees, most = _knee(np.vstack([found, draws]))
    return Scaling(
        single=_interval(found[0], draws[:, 0]),
        contention=_interval(found[1], draws[:, 1]),
        coherency=_interval(found[2], draws[:, 2]),
        knee_users=_interval(knees[0], knees[1:]),
        knee_rps=_interval(most[0], most[1:]),
        error=error,
    )


def _knee(parameters: Array) -> tuple[Array, Array]:
    """Users at the knee and the rate there; without coherency it is the limit far out."""
    single, contention, coherency = parameters.T
    with np.errstate(divide="ignore", invalid="ignore"):
        knee = np.where(coherency > 1e-12, np.sqrt((1 - contention) / coherency), np.inf)
        far = np.where(contention > 1e-9, single / contention, np.inf)
        most = np.where(np.isfinite(knee), law(knee, single, contention, coherency), far)
    return knee, most


def _interval(value: float, draws: Array) -> Interval:
    low, high = np.quantile([value, *draws], [_TAIL, 1 - _TAIL], method="nearest")
    return Interval(
        value=_finite(value), low=_finite(min(low, value)), high=_finite(max(high, value))
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
