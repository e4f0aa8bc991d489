"""A server with slots: it can answer slots / delay requests a second, and no more.

The truth is what it recorded itself while clients saturated it before the run, in which neither the
generator nor any window of the run has a part.
"""

from __future__ import annotations

import math
from functools import partial

from asapbench.commands import stress
from asapbench.commands.stress import StressPlan
from asapbench.selfcheck.behaviour import SERVED, Behaviour
from asapbench.selfcheck.row import Check, Row, Seen, Stage
from asapbench.selfcheck.saturating import rate_of, saturated
from asapbench.selfcheck.serving import serving
from asapbench.units import show

WIDEST = 0.08  # of the interval
RPS_PER_USER = 10.0
_REQUESTS = 850  # in the lowest step, so that its p99 is known
_CLIENTS = 3  # of each slot, so that none is ever free
_PER_STEP = 0.375  # of the capacity: the third step is too much
# decided by any interval, so that no run ends early or is extended for it
_SETTLED = (("max_sustainable_rps", ">= 1 req/s"),)


def row(slots: int, delay: float) -> Row:
    """A ladder against a server with so many slots, each taken for so many seconds a request."""
    by_plan = show(slots / delay, "req/s")
    return Row(
        "known-capacity",
        f"{slots} slots of {show(delay, 's')} each: {by_plan}",
        partial(_stage, slots, delay),
        judge,
        lambda seen: f"by its plan it is {by_plan}; {seen.report.details['conclusion']}",
        long=True,
    )


def _stage(slots: int, delay: float, quick: bool) -> Stage:
    step_users = round(slots / delay * _PER_STEP / RPS_PER_USER)
    enough = _REQUESTS / (step_users * RPS_PER_USER)
    plan = StressPlan(
        step_users=step_users,
        max_users=4 * step_users,
        step_time=max(3.5 if quick else 6, enough),
        rps_per_user=RPS_PER_USER,
    )
    behaviour = Behaviour(steps=((delay, 1),), slots=slots)
    start = saturated(serving(behaviour), _CLIENTS * slots)
    return Stage(plan, start, bench=stress.BENCH, limits=_SETTLED)


def judge(seen: Seen) -> tuple[Check, ...]:
    """The interval contains the capacity that the server recorded, and is narrow."""
    metric = seen.report.find("max_sustainable_rps")
    truth = capacity(seen)
    if metric is None or metric.low is None or metric.high is None:
        return (Check(what="capacity", truth=truth, reading=None, right=False, unit="req/s"),)
    reach = (metric.high - metric.low) / 2
    width = 2 * reach / metric.value if metric.value else math.inf
    return (
        Check(
            what="capacity",
            truth=truth,
            reading=metric.value,
            right=metric.low <= truth <= metric.high,
            unit="req/s",
            allowed=reach,
        ),
        Check(
            what="width",
            truth=f"<= {show(WIDEST, 'ratio')}",
            reading=show(width, "ratio"),
            right=width <= WIDEST,
        ),
    )


def capacity(seen: Seen) -> float:
    """Answers a second before the run, while the server was saturated; NaN of none."""
    begun = min((window.start for window in seen.run.story.windows), default=math.inf)
    left = seen.table(SERVED.name).columns["left"]
    return rate_of(left[left < begun].tolist())


ROW = row(slots=8, delay=0.010)
