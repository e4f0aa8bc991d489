"""`make prove`: simulate, show, and fail where a promise is broken.

A false PASS more often than promised; an interval of a breaking point that misses it.
"""

from __future__ import annotations

import sys

from asapbench.model import Outcome
from benchmarks.evidence import record
from prove.capacities import HARDER, PROMISED, WIDEST, Capacity, too_seldom
from prove.latencies import correlated, heavy_tailed, pausing, stepping
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
    Case(correlated(1000, 1), (60,), 500),
    Case(correlated(1000, 3), (60,), 500),
    Case(correlated(1000, 1), (5,), 2000),
    Case(correlated(100, 1), (60,), 2000),
    Case(correlated(10_000, 0.1), (5,), 500),
    Case(heavy_tailed(1000), (10,)),
    Case(pausing(1000, 0.005, 0.2, fixed=True), (10,), 2000),
    Case(pausing(1000, 0.01, 0.5, fixed=False), (10,), 2000),
    Case(pausing(1000, 0.02, 0.3, fixed=False), (10,), 2000),
    Case(pausing(1000, 0.05, 1, fixed=True), (10,), 2000),
    Case(pausing(1000, 0.05, 0.5, fixed=False), (20,)),
    Case(pausing(200, 0.2, 2, fixed=False), (60,), 2000),
    Case(pausing(200, 0.2, 5, fixed=True), (60,), 2000),
    Case(pausing(1000, 0.05, 5, fixed=True), (60,), 500, q=0.99),
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
)


def main() -> None:
    """Prove, record, and say by the exit code whether the promise holds."""
    seen: dict[str, float | str] = {}
    broken = [case.name for seed, case in enumerate(AT_THE_LIMIT) if not _holds(case, seed, seen)]
    for seed, case in enumerate(POWER):
        seen[_power_name(case)] = _decided(case, seed)
        _show(_power_name(case), seen)
    record("The verdict at the limit", seen)
    missed = _capacities()
    if broken:
        sys.exit(f"false PASS in more than 1 %: {'; '.join(broken)}")
    if missed:
        sys.exit(f"the capacity is missed, or the interval too wide: {'; '.join(missed)}")


def _capacities() -> list[str]:
    seen: dict[str, float | str] = {}
    missed = [case.title for case in PROMISED if not _found(case, seen)]
    for case in HARDER:
        _found(case, seen)
    record("The breaking point in simulated time", seen)
    return missed


def _found(case: Capacity, seen: dict[str, float | str]) -> bool:
    held, median, widest = case.seen()
    seen[case.title] = (
        f"the interval holds it in {held} of {case.runs}; its width is {median:.1%}, "
        f"at the 95th percentile {widest:.1%}"
    )
    _show(case.title, seen)
    return widest <= WIDEST and not too_seldom(held, case.runs)


def _holds(case: Case, seed: int, seen: dict[str, float | str]) -> bool:
    outcomes = case.outcomes(seed)
    passes, fails = outcomes["pass"], outcomes["fail"]
    seen[case.name] = (
        f"false PASS {passes / case.runs:.2%} (at most {most(passes, case.runs):.2%}), "
        f"false FAIL {fails / case.runs:.2%} (at most {most(fails, case.runs):.2%}) "
        f"of {case.runs}"
    )
    _show(case.name, seen)
    return not significantly_above(passes, case.runs)


def _decided(case: Case, seed: int) -> str:
    outcomes = case.outcomes(1000 + seed)
    right: Outcome = "pass" if case.off < 1 else "fail"
    wrong: Outcome = "fail" if case.off < 1 else "pass"
    return f"{right} {outcomes[right] / case.runs:.0%}, {wrong} {outcomes[wrong] / case.runs:.0%}"


def _power_name(case: Case) -> str:
    return f"{case.name}, true value {case.off:.0%} of the limit"


def _show(name: str, seen: dict[str, float | str]) -> None:
    sys.stdout.write(f"{name}: {seen[name]}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
