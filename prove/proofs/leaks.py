"""Traces of healthy servers are not called leaks; healthy ones pass; planted leaks are found."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from asapbench.commands.memory import BENCH, MemoryPlan
from asapbench.engine import execute
from asapbench.model import Report, Story, Tick
from asapbench.selfcheck.perform import perform
from asapbench.selfcheck.rows.known_leaks import ROWS
from prove.leak_traces import FALSE_LEAKS, false_leaks
from prove.showing import Seen, show

TITLE = "Leaks"
RUNS = 20
SEEDS = 2000
SECONDS = 90.0
CHEAP = 0.01  # of a core


def prove(seed: int) -> tuple[Seen, list[str]]:
    """Made up traces first, then real runs."""
    seen: Seen = {}
    broken = _traces(seed, seen)
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)  # where their runs are kept
        try:
            broken += _healthy(seed, seen) + _planted(seen) + _as_shipped(seen) + _slow(seen)
        finally:
            os.chdir(before)
    return seen, broken


def _traces(seed: int, seen: Seen) -> list[str]:
    broken = []
    for name, share in false_leaks(SEEDS, seed).items():
        show(f"false leaks, {name}", f"{share:.2%} of {SEEDS}", seen)
        broken += [f"{name}: {share:.2%} are called a leak"] if share > FALSE_LEAKS else []
    return broken


def _healthy(seed: int, seen: Seen) -> list[str]:
    times, reports = [], []
    for run in range(RUNS):
        began = time.monotonic()
        reports.append(execute(BENCH, MemoryPlan(quick=True, seed=seed + run), _ignore))
        times.append(time.monotonic() - began)
    outcomes = Counter(report.outcome for report in reports)
    told = ", ".join(f"{name} {count}" for name, count in outcomes.most_common())
    show("healthy, --quick", f"{told}; at most {max(times):.0f} s", seen)
    show("healthy, kinds", str(Counter(_kind(report) for report in reports)), seen)
    passed = outcomes["pass"] == RUNS and max(times) < SECONDS
    return [] if passed else [f"healthy, --quick: {told}, at most {max(times):.0f} s"]


def _kind(report: Report) -> str:
    return str(report.details.get("kind"))


def _planted(seen: Seen) -> list[str]:
    broken = []
    for row in ROWS:
        began = time.monotonic()
        result = perform(row, _ignore, quick=True)
        took = time.monotonic() - began
        told = "; ".join(f"{check.what} {check.reading}" for check in result.checks)
        show(f"planted, {row.name}", f"{result.verdict} in {took:.0f} s: {told}", seen)
        late = took > SECONDS and row.name not in {"cache", "warm-up", "ref-cycles"}
        broken += [f"{row.name}: {result.verdict}"] if result.verdict != "right" or late else []
    return broken


def _as_shipped(seen: Seen) -> list[str]:
    """A planted leak as users find it: with the control, the parts and the table that ships."""
    plan = MemoryPlan(quick=True, app="asapbench.selfcheck.leaking:objects_200")
    began = time.monotonic()
    report = execute(BENCH, plan, _ignore)
    told = f"{report.outcome}, {_kind(report)} in {time.monotonic() - began:.0f} s"
    show("planted, the table that ships", told, seen)
    late = time.monotonic() - began > SECONDS
    return [f"the table that ships: {told}"] if late or not is_found(report) else []


def is_found(report: Report) -> bool:
    """Whether it is the server that is told to leak: a part that does would fail a run too."""
    failed = {verdict.metric for verdict in report.verdicts if verdict.outcome == "fail"}
    return "growth_rate" in failed and _kind(report) == "leak"


def _slow(seen: Seen) -> list[str]:
    """Five minutes at 100 req/s give a verdict, and cost the server little."""
    report = execute(BENCH, MemoryPlan(duration=300, rps=100), _ignore)
    show("300 s at 100 req/s", f"{report.outcome}, {_kind(report)}", seen)
    broken = [] if report.outcome in {"pass", "fail"} else [f"300 s: {report.outcome}"]
    return broken + _cost(report, seen)


def _cost(report: Report, seen: Seen) -> list[str]:
    """The meters take next to nothing at the default interval, which this run has."""
    cost = report.find("meters.cost")
    told = "not known" if cost is None else f"{cost.value:.2%} of a core"
    show("cost of the meters", told, seen)
    return [] if cost is not None and cost.value < CHEAP else [f"the meters cost {told}"]


def _ignore(_: Tick, __: Story) -> None:
    """Nobody watches."""
