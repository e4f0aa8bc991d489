"""A verdict at a glance: where the interval lies, and where the limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from asapbench.model import Verdict
from asapbench.targets import parse_limit

_ROOM = 1.6  # times the larger of value and limit; what lies beyond is cut off, as below zero


@dataclass(frozen=True)
class Bullet:
    """Positions from 0 to 100 along a line; `good` is the stretch that meets the limit."""

    limit: float
    low: float
    high: float
    value: float
    good: tuple[float, float]


def bullet(verdict: Verdict) -> Bullet | None:
    """The picture of a verdict; None where nothing was measured or the limit is below zero."""
    if verdict.value is None or not math.isfinite(verdict.value):
        return None
    limit = parse_limit(verdict.limit)
    low, high = (_known(bound, verdict.value) for bound in (verdict.low, verdict.high))
    end = max(limit.value, verdict.value) * _ROOM
    if end <= 0 or limit.value < 0:
        return None
    numbers = (limit.value, low, high, verdict.value)
    places = [min(100.0, max(0.0, 100 * number / end)) for number in numbers]
    at, first, last, value = (round(place, 2) for place in places)
    good = (0.0, at) if limit.sign.startswith("<") else (at, 100.0)
    return Bullet(limit=at, low=first, high=last, value=value, good=good)


def _known(bound: float | None, value: float) -> float:
    return value if bound is None or not math.isfinite(bound) else bound
