"""A generator that gets too little CPU: what it reads is its own doing, so nothing is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from asapbench.commands.load import LoadPlan
from asapbench.cores import CorePlan
from asapbench.engine import start_server
from asapbench.model import Plan, Tick
from asapbench.process import Child
from asapbench.selfcheck.row import Check, Row, Seen, Stage, same
from asapbench.store import Recording
from asapbench.system import System
from asapbench.units import show

_LOOPS = 8  # a CPU: the generator waits for the time slices of all of them


class Starve:
    """Takes the CPU of the generator, from the warm-up on: without it, it would not even start."""

    def __init__(self) -> None:
        self._loops = ExitStack()
        self._begun = False

    def watch(self, tick: Tick) -> None:
        """Wait for the warm-up."""
        if tick.phase == "warm-up" and not self._begun:
            self._begun = True
            for number in range(_LOOPS * max(1, len(self._cpus))):
                self._loops.enter_context(_busy_loop(number, self._recording, self._cpus))

    @contextmanager
    def start(self, plan: Plan, recording: Recording, cores: CorePlan) -> Iterator[System]:
        """The embedded server; the loops that were begun end with it."""
        self._recording, self._cpus = recording, cores.generator
        with start_server(plan, recording, cores) as system, self._loops:
            yield system


def _busy_loop(number: int, recording: Recording, cpus: Sequence[int]) -> Child:
    log = recording.path(f"spin-{number}.log")
    return Child("busy loop", ["-m", "asapbench.workers.spin"], log, cpus=cpus)


def judge(seen: Seen) -> tuple[Check, ...]:
    """No verdict but `invalid`, each for a reason that names the generator."""
    verdicts = seen.report.verdicts
    outcomes = ", ".join(sorted({verdict.outcome for verdict in verdicts}))
    named = all("generator" in verdict.reason for verdict in verdicts)
    return (
        same("verdicts", "invalid", outcomes),
        same("the reason is", "the generator", "the generator" if named else "another"),
    )


def _remark(seen: Seen) -> str:
    lag, latency = seen.report.find("lag.p99"), seen.report.find("latency.p95")
    told = [f"{m.name} {show(m.value, m.unit)}" for m in (lag, latency) if m]
    return "; ".join([*told, *sorted({verdict.reason for verdict in seen.report.verdicts})])


def plan_for(quick: bool) -> LoadPlan:
    """The load of a generator that gets too little CPU from the warm-up on."""
    return LoadPlan(users=50, spawn_rate=200, warmup=1, duration=3 if quick else 5)


def _stage(quick: bool) -> Stage:
    starve = Starve()
    return Stage(plan_for(quick), starve.start, starve.watch)


ROW = Row(
    "starved",
    f"{_LOOPS} busy loops take the CPU of the generator",
    _stage,
    judge,
    _remark,
    sound=False,
)
