"""A server that is fast because it fails: the errors are counted, and never taken for speed."""

from __future__ import annotations

from asapbench.commands.load import LoadPlan
from asapbench.errors import Exit
from asapbench.selfcheck.behaviour import Behaviour
from asapbench.selfcheck.row import Check, Row, Seen, Stage, same
from asapbench.selfcheck.rows.known_delays import measured
from asapbench.selfcheck.serving import serving


def _stage(quick: bool) -> Stage:
    plan = LoadPlan(users=50, spawn_rate=200, rps=500, warmup=0.5, duration=2 if quick else 5)
    behaviour = Behaviour(steps=((0.1e-3, 1),), errors=True)
    # the limit that ships, alone: the others are missed too, and would hide it in the exit code
    return Stage(plan, serving(behaviour), limits=(("error_rate", "<= 0.1 %"),))


def judge(seen: Seen) -> tuple[Check, ...]:
    """The share of errors that the server gave, and the verdict that follows from it."""
    pairs = measured(seen)
    outcomes = [v.outcome for v in seen.report.verdicts if v.metric == "error_rate"]
    failed = sum(served.failed for _, served in pairs or ())
    share = failed / len(pairs) if pairs else float("nan")
    return (
        same("error_rate", share, seen.metric("error_rate"), "ratio"),
        same("verdict on it", "fail", ", ".join(outcomes)),
        same("exit code", str(int(Exit.MISSED)), str(int(seen.report.exit_code))),
    )


ROW = Row("fast-errors", "each call is answered by an error, in 0.1 ms", _stage, judge)
