"""Quiet runs trip no gate, and a starved or held generator never leads to a verdict."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from asapbench.commands.load import BENCH, LoadPlan
from asapbench.engine import execute
from asapbench.errors import UsageError
from asapbench.model import Report, Story, Tick
from asapbench.resources import allowed_cpus, cpu_seconds
from asapbench.selfcheck.perform import perform
from asapbench.selfcheck.row import Row
from asapbench.selfcheck.rows import starved
from prove import held
from prove.showing import Seen, show

TITLE = "The gates"
RUNS = 20
ROBBED = 0.005  # of the time of all CPUs, by the hypervisor, and a run was not quiet

Told = Report | UsageError


class Clocks(NamedTuple):
    """A moment, and the CPU seconds that the hypervisor has given to others until then."""

    at: float
    stolen: float


def prove(seed: int) -> tuple[Seen, list[str]]:
    """Real runs; what else runs on the machine decides whether the quiet ones are quiet."""
    seen: Seen = {}
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)  # where their runs are kept
        try:
            broken = _quiet(seed, seen)
            broken += _void("starved", starved.ROW, seen)
            broken += _void("held", held.ROW, seen)
        finally:
            os.chdir(before)
    return seen, broken


def _quiet(seed: int, seen: Seen) -> list[str]:
    plans = (
        LoadPlan(users=100, spawn_rate=100, duration=10, seed=seed + run) for run in range(2 * RUNS)
    )
    quiet, robbed = parted(map(_one, plans))
    return _judged(quiet, robbed, seen)


def parted(runs: Iterable[tuple[Told, float]]) -> tuple[list[Told], int]:
    """Until enough runs were quiet by what the kernel counts, which no gate of ours decides.

    Also how many were not: no more than are counted.
    """
    quiet: list[Told] = []
    robbed = 0
    for told, stolen in runs:
        if stolen > ROBBED:
            robbed += 1
        else:
            quiet.append(told)
        if RUNS in {len(quiet), robbed}:
            break
    return quiet, robbed


def stolen_share(before: Clocks, after: Clocks, cpus: int) -> float:
    """Of the time of so many CPUs what the hypervisor took; 0 where that is not told."""
    share = (after.stolen - before.stolen) / (cpus * (after.at - before.at))
    return 0.0 if math.isnan(share) else share


def _judged(quiet: Sequence[Told], robbed: int, seen: Seen) -> list[str]:
    reports = [report for report in quiet if isinstance(report, Report)]
    outcomes: Counter[str] = Counter(report.outcome for report in reports)
    outcomes["refused"] = len(quiet) - len(reports)
    tripped = Counter(name for report in reports for name in _tripped(report))
    untouched = sum(not _tripped(report) for report in reports)
    counts = ", ".join(f"{name} {count}" for name, count in (outcomes + tripped).most_common())
    told = f"{untouched} of {len(quiet)} tripped no gate"
    show("quiet runs", f"{told}; {counts}; of {robbed} more the hypervisor took time", seen)
    return [] if untouched == RUNS else [f"quiet runs: {told}"]


def _one(plan: LoadPlan) -> tuple[Told, float]:
    """A report, or the refusal where not even the floor was quiet; and what was stolen."""
    before = _clocks()
    try:
        told: Told = execute(BENCH, plan, _ignore)
    except UsageError as refused:
        told = refused
    return told, stolen_share(before, _clocks(), max(1, len(allowed_cpus())))


def _clocks() -> Clocks:
    return Clocks(time.monotonic(), cpu_seconds(allowed_cpus())[1])


def _tripped(report: Report) -> list[str]:
    return [gate.name for gate in report.gates if not gate.ok]


def _void(how: str, row: Row, seen: Seen) -> list[str]:
    results = [perform(row, _ignore, quick=True) for _ in range(RUNS)]
    right = sum(result.verdict == "right" for result in results)
    show(f"{how} runs", f"{right} of {RUNS} invalid, and for that reason", seen)
    return [] if right == RUNS else [f"a {how} generator: {right} of {RUNS} runs were invalid"]


def _ignore(_: Tick, __: Story) -> None:
    """Nobody watches."""
