"""The one flow: check, start, measure, keep, analyse, judge."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

from asapbench import store
from asapbench.conclusion import conclude
from asapbench.cores import CorePlan, physical_cores, plan_cores
from asapbench.environment import read_environment
from asapbench.errors import BenchError, Interrupted, ServerDied, UsageError
from asapbench.headers import conceal
from asapbench.model import (
    Bench,
    Plan,
    Recorder,
    Report,
    Running,
    Tick,
    Watch,
)
from asapbench.report.document import render_json
from asapbench.resources import MachineSampler, Sampler
from asapbench.store import Recording
from asapbench.system import Access, System, embedded, system_of
from asapbench.targets import check_table, read_table

FLOOR_ATTEMPTS = 3

Start = Callable[[Plan, Recording, CorePlan], AbstractContextManager[System]]


def start_server(
    plan: Plan, recording: Recording, cores: CorePlan
) -> AbstractContextManager[System]:
    """The server that a plan names, up for as long as the block lasts."""
    return system_of(plan, recording.path("server.log"), cores.server)


def execute(
    bench: Bench,
    plan: Plan,
    watch: Watch,
    start: Start = start_server,
    place: Path = store.STORE,
) -> Report:
    """Run a bench by its plan, keep the run in a folder at `place`, and say what came of it.

    Raises BenchError where there is nothing to report: a table that is refused, a server that does
    not come up. What goes wrong once something is measured ends in a report of what there is.
    """
    rows = read_table(bench.name, plan.targets)
    table = check_table(rows, bench.produces(plan), bench.left_out(plan))
    if bench.prepare:
        bench.prepare(plan)
    cores = plan_cores(
        physical_cores(), many_servers=plan.serve is not None, generators=plan.generators
    )
    recording = store.begin(bench.name, plan, read_environment(cores), place)
    recording.tell(targets=table)
    try:
        if bench.floor and plan.floor:
            _measure_floor(bench.floor, plan, watch, recording)
        watch(_about("starting"), recording.story)
        with start(plan, recording, cores) as system:
            recording.tell(server=system.server)
            _measure(_looking(bench, recording), plan, watch, recording, system)
        if bench.explain:
            _explain(bench.explain(plan, recording), watch, recording)
    except (BenchError, KeyboardInterrupt) as error:
        said = _concealed(error, plan)
        recording.tell(**_how_it_ended(said))
        if not recording.story.windows:
            raise said from None
    else:
        recording.tell(ended="complete")
    try:
        watch(_about("analysing"), recording.story)
        report = conclude(bench, recording.run())
        recording.keep(render_json(report))
    except KeyboardInterrupt:
        raise Interrupted(_only_analysed(recording.folder, place)) from None
    return report


def _only_analysed(run: Path, place: Path) -> str:
    said = "interrupted while the run was analysed"
    if place != store.STORE:
        return said  # with --no-save it is gone
    return f"{said}; what it measured is kept: `asapbench report {run.name}` shows it"


def _about(phase: str) -> Tick:
    """What is going on where nothing is measured."""
    return Tick(phase=phase, elapsed=0.0, progress=0.0)


def _look(bench: Bench, recording: Recording) -> Report:
    return conclude(bench, recording.run())


def _looking(bench: Bench, recording: Recording) -> Measure:
    """The measuring of a bench, which may look at what follows so far."""

    def measure(plan: Plan, system: Running, recorder: Recorder) -> Generator[Tick]:
        return bench.measure(plan, system, recorder, partial(_look, bench, recording))

    return measure


def _explain(explaining: Generator[Tick], watch: Watch, recording: Recording) -> None:
    with closing(explaining) as ticks:
        for tick in ticks:
            watch(tick, recording.story)


Measure = Callable[[Plan, Running, Recorder], Generator[Tick]]


def _measure(
    measure: Measure, plan: Plan, watch: Watch, recording: Recording, system: System
) -> None:
    with (
        _timed(recording),
        Sampler(recording.path("server.series"), "server", system.server.pid) as server,
        MachineSampler(recording.path("machine.series"), system.server.cpus) as machine,
        Sampler(recording.path("asapbench.series"), "asapbench", os.getpid(), alone=True) as own,
        closing(measure(plan, system, recording)) as ticks,
    ):
        for tick in ticks:
            system.check()
            server.sample()
            machine.sample()
            own.sample()
            watch(tick, recording.story)
        # what died after the last tick died in the measured time or just behind it
        system.check()


def _measure_floor(measure: Measure, plan: Plan, watch: Watch, recording: Recording) -> None:
    """Measure the floor, again if a limit lies below it: a noisy moment must not refuse a table.

    Raises UsageError where a limit cannot be told from the floor.
    """
    from asapbench.floor import below_floor  # numpy: only once something is measured

    refused = ""
    for attempt in range(FLOOR_ATTEMPTS):
        watch(_about("starting"), recording.story)
        part = recording.part(f"floor-{attempt + 1}")
        log, cpus = part.path("responder.log"), part.story.environment.server_cpus
        with embedded("respond", Access(), log, cpus) as system:
            _measure(measure, plan, watch, part, system)
        refused = below_floor(recording.run())
        if not refused:
            return
    raise UsageError(refused)


@contextmanager
def _timed(recording: Recording) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        recording.tell(duration=time.monotonic() - began)


def _concealed(error: BaseException, plan: Plan) -> BaseException:
    """An error without secrets: the last words of a server may hold the token that it was sent."""
    if not isinstance(error, BenchError):
        return error
    return type(error)(conceal(str(error), plan.header))


def _how_it_ended(error: BaseException) -> dict[str, str]:
    if isinstance(error, KeyboardInterrupt):
        return {"ended": "interrupted", "why": "interrupted by the user"}
    return {"ended": "server-died" if isinstance(error, ServerDied) else "broke", "why": str(error)}
