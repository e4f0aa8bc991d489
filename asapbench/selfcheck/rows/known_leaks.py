"""Agents that keep a known number of bytes of each request, and some that only look like it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from asapbench.commands import memory
from asapbench.commands.memory import MemoryPlan
from asapbench.engine import start_server
from asapbench.errors import Exit
from asapbench.selfcheck.row import Check, Row, Seen, Stage, near, same
from asapbench.units import show

RELATIVE = 0.2  # of what is kept
# what a malloc of so few bytes takes for itself, and a page that is not full
_ABSOLUTE = 50.0

# the components are the same whatever the server keeps
LIMITS = (("growth_rate", "< 50 MB/h"),)


# of the target: what a healthy server may seem to keep of a request
_NOTHING = 15.0


def _stage(app: str | None, _quick: bool) -> Stage:
    """An agent of ours, or the embedded one."""
    plan = MemoryPlan(quick=True, app=app and f"asapbench.selfcheck.leaking:{app}")
    return Stage(plan, start_server, bench=memory.BENCH, limits=LIMITS)


def judge_leak(size: int, seen: Seen) -> tuple[Check, ...]:
    """How much is kept of each request, and that it is called a leak."""
    kept = seen.metric("growth_per_request")
    return (
        near("kept", float(size), kept, "B", relative=RELATIVE, absolute=_ABSOLUTE),
        same("class", "leak", seen.report.details.get("kind")),
        same("exit code", str(int(Exit.MISSED)), str(int(seen.report.exit_code))),
    )


def judge_no_leak(seen: Seen) -> tuple[Check, ...]:
    """That growth which ends is never called a leak, and never missed the target."""
    kind = seen.report.details.get("kind")
    called = None if kind is None else "yes" if kind == "leak" else "no"
    outcome = seen.report.outcome
    return (
        same("called a leak", "no", called),
        same("fails", "no", {"fail": "yes", "invalid": None}.get(outcome, "no")),
    )


def judge_cycles(seen: Seen) -> tuple[Check, ...]:
    """That reference cycles are no leak, and are counted."""
    counted = seen.metric("collected_per_request")
    return (*judge_no_leak(seen), near("collected", 10.0, counted, "count", relative=RELATIVE))


def judge_healthy(seen: Seen) -> tuple[Check, ...]:
    """That a server which keeps nothing passes, and is read to keep nothing."""
    kept = seen.metric("growth_per_request")
    return (
        near("kept", 0.0, kept, "B", relative=0.0, absolute=_NOTHING),
        *judge_no_leak(seen),
        same("exit code", str(int(Exit.PASS)), str(int(seen.report.exit_code))),
    )


def _remark(seen: Seen) -> str:
    cycles = seen.report.details.get("kept")
    sensitivity = seen.metric("sensitivity") or 0.0
    return f"{cycles} cycles; would have seen {show(sensitivity, 'B')} a request"


def _row(name: str, about: str, app: str | None, judge: Callable[[Seen], tuple[Check, ...]]) -> Row:
    return Row(name, about, partial(_stage, app), judge, _remark, long=True)


_KINDS = {
    "objects": "Python objects",
    "bytes": "one object that grows",
    "native": "memory that Python does not know of",
}

ROWS: tuple[Row, ...] = (
    *(
        _row(
            f"{kind}-{size}",
            f"keeps {size} B a request: {what}",
            f"{kind}_{size}",
            partial(judge_leak, size),
        )
        for kind, what in _KINDS.items()
        for size in (200, 2000)
    ),
    _row("healthy", "the embedded server, which keeps nothing", None, judge_healthy),
    _row("cache", "fills a cache of 20,000 entries", "cache_20000", judge_no_leak),
    _row("warm-up", "grows by 5 MB and no more", "warmup_5", judge_no_leak),
    _row("ref-cycles", "10 objects a request in reference cycles", "cycles_10", judge_cycles),
)
