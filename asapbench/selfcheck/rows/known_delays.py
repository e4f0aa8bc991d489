"""Delays of a known distribution: the percentiles are those that the server itself recorded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil

from asapbench.commands.load import LoadPlan
from asapbench.offer import REQUESTS
from asapbench.selfcheck.behaviour import SERVED, Behaviour
from asapbench.selfcheck.pairing import Pair, pair
from asapbench.selfcheck.row import Check, Row, Seen, Stage, near, same
from asapbench.selfcheck.serving import serving
from asapbench.units import show

RELATIVE, ABSOLUTE = 0.03, 0.25e-3
_RATE = 500.0
# each user's next slot is 100 ms away: no delay here is that long, so no request waits for another
_USERS = 50
# decided at the first look, whatever is read: a verdict left open would extend the run
SETTLED = (("error_rate", "<= 50 %"),)
_PERCENTILES = {"latency.p50": 0.5, "latency.p95": 0.95, "latency.p99": 0.99}


def _stage(behaviour: Behaviour, quick: bool) -> Stage:
    plan = LoadPlan(
        users=_USERS, spawn_rate=200, rps=_RATE, warmup=0.5, duration=4 if quick else 10
    )
    return Stage(plan, serving(behaviour), limits=SETTLED)


def judge(seen: Seen) -> tuple[Check, ...]:
    """The percentiles of the measured requests, over exactly these requests."""
    pairs = measured(seen)
    metric = seen.report.find("latency.p50")
    asked = same(
        "requests", len(pairs) if pairs else "not those read", metric.n if metric else None
    )
    took = sorted(served.left - served.arrived for _, served in pairs or ())
    return (
        asked,
        *(
            near(
                key, _quantile(took, q), seen.metric(key), "s", relative=RELATIVE, absolute=ABSOLUTE
            )
            for key, q in _PERCENTILES.items()
        ),
    )


def measured(seen: Seen) -> list[Pair] | None:
    """The answered requests that were planned within the measured window, with their records."""
    pairs = pair(seen.table(REQUESTS.name), seen.table(SERVED.name))
    window = next(one for one in seen.run.story.windows if one.name == "measured")
    if pairs is None:
        return None
    return [(a, s) for a, s in pairs if window.start <= a.planned < window.end]


def _remark(seen: Seen) -> str:
    """How far the two are apart request by request: what percentiles alone could hide."""
    pairs = measured(seen)
    if not pairs:
        return "the server saw other requests, or at other times, than the generator wrote down"
    apart = sorted((a.done - a.sent) - (s.left - s.arrived) for a, s in pairs)
    middle, most = _quantile(apart, 0.5), _quantile(apart, 0.99)
    return (
        f"the way there and back took {show(middle, 's')}, 99 % of them {show(most, 's')} at most"
    )


def _quantile(ordered: Sequence[float], q: float) -> float:
    """The smallest value that is not below a share q of all; NaN of none."""
    return ordered[ceil(q * len(ordered)) - 1] if ordered else float("nan")


def _row(name: str, about: str, behaviour: Behaviour) -> Row:
    return Row(name, about, partial(_stage, behaviour), judge, _remark)


ROWS = (
    _row("fixed", "each answer takes 2 ms", Behaviour(steps=((2e-3, 1),))),
    _row(
        "two-point",
        "80 % of the answers take 1 ms, the others 20 ms",
        Behaviour(steps=((1e-3, 80), (20e-3, 20))),
    ),
    _row(
        "exponential",
        "answers take 5 ms on average, exponentially distributed",
        Behaviour(steps=((5e-3, 1),), shape="exponential"),
    ),
)
