"""One step of the ladder, as it was measured and judged on its own window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from asapbench.model import Target, Value
from asapbench.targets import Limit, parse_limit
from asapbench.units import show

State = Literal["healthy", "degraded", "severe", "broken"]
Role = Literal["ladder", "repeat", "search", "quiet", "spike", "recovery", "warm-up"]

ROLES: tuple[Role, ...] = ("ladder", "repeat", "search", "quiet", "spike", "recovery", "warm-up")
_WORSE: tuple[State, ...] = ("broken", "severe", "degraded")
_WORDS = {
    "error_rate": "error rate",
    "delivered": "answers delivered, of the load offered,",
    "queue_growth": "growth of the queue, of the load,",
}
_FELL = "throughput, of the most with no more users,"  # of a closed loop, which offers no load
JUDGED = ("error_rate", "delivered", "queue_growth", "latency.p50", "latency.p95", "latency.p99")


class Rung(Value):
    """What a step offered and what came of it; rates in req/s, times in seconds.

    `level` is what the search moves: req/s, in a closed loop users. A closed loop offers no rate of
    its own. `growth` is how much longer the wait gets in a second (None where it cannot be told),
    `growth_error` its standard error. `low` and `high` are what this step says of the rate that the
    server can sustain; of a broken one, `capacity` is what it did sustain, and the standard error
    of that. `doubt` says why the step is no evidence against the server.
    One that is `final` cannot be repeated: it counts as it is.
    """

    step: int
    role: Role
    level: float
    users: int
    offered: float | None = None
    achieved: float
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    error_rate: float = 0.0
    in_flight: float | None = None
    little: float | None = None
    server_cpu: float | None = None
    server_rss: float | None = None
    growth: float | None = None
    growth_error: float | None = None
    low: float = 0.0
    high: float | None = None
    capacity: float | None = None
    capacity_error: float | None = None
    state: State = "healthy"
    reasons: tuple[str, ...] = ()
    doubt: str = ""
    final: bool = False
    exhausted: str = ""

    @property
    def delivered(self) -> float | None:
        """The share of the load that was answered; None where no rate was offered."""
        return self.achieved / self.offered if self.offered else None

    @property
    def broken(self) -> bool:
        """Whether the server could not sustain this load."""
        return self.state == "broken"

    @property
    def fell(self) -> bool:
        """Whether all that is wrong is that more users of a closed loop got less done."""
        return self.broken and all(reason.startswith(_FELL) for reason in self.reasons)


@dataclass(frozen=True)
class Rule:
    """A threshold that gives a step its state."""

    metric: str
    limit: Limit
    text: str
    state: State


def rules_of(targets: Iterable[Target]) -> tuple[Rule, ...]:
    """The rows of a table that mark steps."""
    return tuple(
        Rule(target.metric, parse_limit(target.limit), target.limit, target.marks)
        for target in targets
        if target.marks
    )


def users_for(level: float, each: float) -> int:
    """How many users offer a level of which each offers so much; never a part of one."""
    return ceil(level / each - 1e-6)


def judge(
    values: Mapping[str, float | None], rules: Iterable[Rule], *, closed: bool = False
) -> tuple[State, tuple[str, ...]]:
    """The worst state that any rule gives, and its reasons in words; what is None meets no rule.

    In a closed loop, which offers no load, what is delivered is a share of what was before.
    """
    words = _WORDS | ({"delivered": _FELL} if closed else {})
    met = [
        rule
        for rule in rules
        if (value := values.get(rule.metric)) is not None and rule.limit.allows(value)
    ]
    for state in _WORSE:
        reasons = tuple(_reason(rule, values, words) for rule in met if rule.state == state)
        if reasons:
            return state, reasons
    return "healthy", ()


def _reason(rule: Rule, values: Mapping[str, float | None], words: Mapping[str, str]) -> str:
    value = values[rule.metric]
    shown = show(value, rule.limit.dimension) if value is not None else ""
    return f"{words.get(rule.metric, rule.metric)} {shown} {rule.text}"
