"""What a step shows: a rung made of the requests of its window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asapbench import stats
from asapbench.ladder.growth import Growth, growth
from asapbench.ladder.rung import Role, Rule, Rung, judge
from asapbench.samples import Requests

Z = 1.96  # standard errors within which the capacity lies that a step tells of
CONFIDENCE = 0.975  # of each bound of a closed loop's throughput


@dataclass(frozen=True)
class Step:
    """What was asked of the generator: see Rung. `rate` is None in a closed loop.

    `cycle` is how often bursts come (seconds); what is the same in each of them is no growth.
    """

    number: int
    role: Role
    level: float
    users: int
    rate: float | None
    cycle: float | None = None


def observe(step: Step, requests: Requests, rules: Iterable[Rule], best: float = 0.0) -> Rung:
    """Judge a step by its requests; `best` is what fewer users of a closed loop achieved."""
    seconds = requests.window.end - requests.window.start
    answers = requests.ended.served
    achieved = float(answers.sum()) / seconds
    offered = None if step.rate is None else len(requests.planned) / seconds
    longer, rules = _growth(step, requests), tuple(rules)
    latency = requests.latency()
    ended = requests.served | requests.failed
    values = {
        "error_rate": float(requests.failed[ended].mean()) if ended.any() else None,
        "delivered": _delivered(achieved, offered, best),
        "queue_growth": _surely(longer),
        **{f"latency.{name}": _quantile(latency, q) for name, q in _PERCENTILES.items()},
    }
    state, reasons = judge(values, rules, closed=step.rate is None)
    low, high = _capacity(step, requests, longer)
    return Rung(
        step=step.number,
        role=step.role,
        level=step.level,
        users=step.users,
        offered=offered,
        achieved=achieved,
        **{name: values[f"latency.{name}"] for name in _PERCENTILES},
        error_rate=values["error_rate"] or 0.0,
        growth=longer.slope if longer else None,
        growth_error=longer.error if longer else None,
        low=low,
        high=high,
        state=state,
        reasons=reasons,
        **_sustained(step, longer, rules),
    )


_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def _sustained(step: Step, longer: Growth | None, rules: Iterable[Rule]) -> dict[str, float]:
    """What a server sustains whose queue grows all the time.

    One that breaks by its latency or its errors alone may still answer all that it is offered.
    """
    if longer is None or step.rate is None or longer.mean <= -_ALL_LOST:
        return {}
    if judge({"queue_growth": _surely(longer)}, rules)[0] != "broken":
        return {}
    capacity = step.rate / (1 + longer.mean)
    error = capacity * longer.mean_error / (1 + longer.mean)
    return {"capacity": capacity, "capacity_error": error}


_ALL_LOST = 0.5  # what falls as fast is no queue that is worked off


def _surely(longer: Growth | None) -> float | None:
    """The growth where it is one and not chance."""
    if longer is None:
        return None
    return longer.slope if longer.sure else min(0.0, longer.slope)


def _quantile(latency: stats.Array, q: float) -> float | None:
    return float(np.quantile(latency, q)) if len(latency) else None


def _delivered(achieved: float, offered: float | None, best: float) -> float | None:
    """The share of what was offered, or of the best step where none was, that was answered."""
    asked = best if offered is None else offered
    return achieved / asked if asked else None


def _growth(step: Step, requests: Requests) -> Growth | None:
    if step.rate is None:
        return None
    planned, latency = requests.waits()
    if step.cycle is None:
        return growth(planned, latency)
    seconds = requests.window.end - requests.window.start
    return growth(planned, latency, round(seconds / step.cycle))


def _capacity(step: Step, requests: Requests, longer: Growth | None) -> tuple[float, float | None]:
    """Between which rates the capacity lies as far as this step tells; no bound above if None.

    Where the wait grows by r seconds a second, the capacity is the load / (1 + r).
    """
    window, answers = requests.window, requests.ended.done[requests.ended.served]
    if step.rate is None:
        found = stats.rate(answers, window.start, window.end, CONFIDENCE)
        return found.low, found.high
    if longer is None:
        return min(step.rate, len(answers) / (window.end - window.start)), None
    least = step.rate / (1 + max(0.0, longer.slope + Z * longer.error))
    shrinks = min(0.0, longer.slope - Z * longer.error)
    # a wait that shrinks as fast as time passes is a backlog of before: it tells of no bound
    return least, step.rate / (1 + shrinks) if shrinks > -1 else None
