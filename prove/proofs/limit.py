"""p95 exactly at the limit, simulated: how often a verdict is wrong; and right, far from it."""

from __future__ import annotations

from asapbench.model import Outcome
from prove.latencies import correlated, drifting, heavy_tailed, pausing, stepping
from prove.showing import Seen, show
from prove.verdicts import Case, most, significantly_above

_STEADY = (1.0, 1.5, 2.0)
_QUICK = (1 / 8, 1 / 4, 1 / 2, *_STEADY)


def _looks(seconds: float, shares: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(seconds * share for share in shares)


AT_THE_LIMIT = (
    Case(correlated(1000, 0), (10,)),
    Case(correlated(26, 0), (5,), 4000),  # the fewest samples that there may be
    Case(correlated(1000, 0), (10,), q=0.99),
    Case(correlated(1000, 0.001), (10,)),
    Case(correlated(1000, 0.01), (10,), 2000),
    Case(correlated(1000, 0.05), (10,), 2000),
    Case(correlated(1000, 0.2), (30,)),
    Case(correlated(1000, 1), (60,), 1000),
    Case(correlated(1000, 3), (60,), 1000),
    Case(correlated(1000, 1), (5,), 2000),
    Case(correlated(100, 1), (60,), 2000),
    Case(correlated(10_000, 0.1), (5,), 1000),
    Case(drifting(1000, 1, 0.3, 0.3), (20,), 2000),
    Case(drifting(1000, 3, 0.3, 0.3), (30,), 2000),
    Case(drifting(1000, 0.3, 0.5, 0.1), (10,), 2000),
    Case(drifting(1000, 1, 1.0, 0.2), (20,), 2000),
    Case(drifting(1000, 3, 1.0, 0.5), _looks(30, _STEADY), 1000),
    Case(heavy_tailed(1000), (10,)),
    Case(pausing(1000, 0.005, 0.2, fixed=True), (10,), 2000),
    Case(pausing(1000, 0.01, 0.5, fixed=False), (10,), 2000),
    Case(pausing(1000, 0.02, 0.3, fixed=False), (10,), 2000),
    Case(pausing(1000, 0.05, 1, fixed=True), (10,), 2000),
    Case(pausing(1000, 0.05, 0.5, fixed=False), (20,)),
    Case(pausing(200, 0.2, 2, fixed=False), (60,), 2000),
    Case(pausing(200, 0.2, 5, fixed=True), (60,), 2000),
    Case(pausing(1000, 0.05, 5, fixed=True), (60,), 1000, q=0.99),
    Case(stepping(1000), (10,)),
    Case(correlated(1000, 0), _looks(10, _STEADY)),
    Case(correlated(1000, 0), _looks(20, _QUICK)),
    Case(correlated(1000, 0.02), _looks(20, _QUICK)),
    Case(pausing(1000, 0.01, 0.3, fixed=False), _looks(20, _QUICK)),
)
POWER = tuple(
    Case(server, (60,), 200, off=off)
    for server in (correlated(1000, 0), correlated(1000, 0.05))
    for off in (0.8, 0.9, 1 / 0.9, 1 / 0.8)
) + tuple(
    Case(server, (20,), 200, off=off)
    for server in (drifting(1000, 1, 0.3, 0.3), drifting(1000, 3, 0.3, 0.3))
    for off in (0.2, 0.5, 2)
)


def prove(seed: int) -> tuple[Seen, list[str]]:
    """What was seen, and which cases gave a false PASS more often than is promised."""
    seen: Seen = {"first seed": str(seed)}
    cases = enumerate(AT_THE_LIMIT, start=seed)
    broken = [case.name for number, case in cases if not _holds(case, number, seen)]
    for number, case in enumerate(POWER, start=seed):
        show(_power_name(case), _decided(case, number), seen)
    return seen, [f"{name}: false PASS in more than 1 %" for name in broken]


def _holds(case: Case, seed: int, seen: Seen) -> bool:
    outcomes = case.outcomes(seed)
    passes, fails = outcomes["pass"], outcomes["fail"]
    told = (
        f"false PASS {passes / case.runs:.2%} (at most {most(passes, case.runs):.2%}), "
        f"false FAIL {fails / case.runs:.2%} (at most {most(fails, case.runs):.2%}) "
        f"of {case.runs}"
    )
    show(case.name, told, seen)
    return not significantly_above(passes, case.runs)


def _decided(case: Case, seed: int) -> str:
    outcomes = case.outcomes(1000 + seed)
    right: Outcome = "pass" if case.off < 1 else "fail"
    wrong: Outcome = "fail" if case.off < 1 else "pass"
    return f"{right} {outcomes[right] / case.runs:.0%}, {wrong} {outcomes[wrong] / case.runs:.0%}"


def _power_name(case: Case) -> str:
    return f"{case.name}, true value {case.off:.0%} of the limit"


TITLE = "The verdict at the limit"
