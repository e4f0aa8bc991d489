"""Time every operation of the models and the transport, each against its target.

A round is one fresh process that times each benchmark once, in random order. A benchmark ends \
when its verdict is decided and, if not --quick, its time known to 3 % (--rigorous: 1 %).
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from asapbench.catalogue import REFERENCES, Agent, Entry
from asapbench.errors import BrokenRun
from asapbench.model import (
    Analysis,
    Bench,
    Decided,
    Metric,
    Note,
    Plan,
    Recorder,
    Report,
    Run,
    Running,
    Target,
    Tick,
    Value,
)
from asapbench.writable import writable

if TYPE_CHECKING:
    from asapbench.rounds import Rounds

SHIPPED = "asapbench.suite.protocol"
PATIENCE = 60.0  # s
_GROWTH = 2  # of the number of rounds from one look to the next


class MicroPlan(Plan):
    """Which benchmarks to run, and how surely."""

    suite: str = Field(
        SHIPPED,
        pattern=r"^[A-Za-z_]\w*(\.\w+)*$",
        json_schema_extra={"panel": "Benchmarks", "metavar": "MODULE", "alike": True},
        description="Run the benchmarks of this module, and of those below it",
    )
    group: tuple[str, ...] = Field(
        (),
        description="Only this group; may be repeated",
        json_schema_extra={"panel": "Benchmarks"},
    )
    match: str = Field(
        "",
        json_schema_extra={"panel": "Benchmarks", "short": "-k", "metavar": "PATTERN"},
        description="Only benchmarks with this in 'group/name'; * and ? are understood",
    )
    list_: bool = Field(
        False,
        description="Say which benchmarks there are, and run none",
        json_schema_extra={"panel": "Benchmarks"},
    )
    rigorous: bool = Field(
        False,
        description="For careful comparisons: 1 % instead of 3 %",
        json_schema_extra={"panel": "Measuring"},
    )
    min_rounds: int | None = Field(
        None,
        ge=2,
        le=1000,
        json_schema_extra={"panel": "Measuring", "metavar": "N"},
        description="Processes that time each benchmark, at least "
        "[5; 3 with --quick, 15 with --rigorous]",
    )
    warmup: bool = Field(
        True,
        description="Run a batch that is not counted first",
        json_schema_extra={"panel": "Measuring", "alike": True},
    )
    disable_gc: bool = Field(
        False,
        description="No garbage collection while timing",
        json_schema_extra={"panel": "Measuring", "alike": True},
    )
    stop: bool = Field(
        False,
        json_schema_extra={"panel": "Measuring", "short": "-x"},
        description="Stop at the first benchmark that breaks or misses its target",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.quick and self.rigorous:
            raise ValueError("--quick and --rigorous exclude each other: give one of them")
        return self

    @field_validator("group")
    @classmethod
    def _no_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in value if name)

    @property
    def effort(self) -> Effort:
        """How much to do until a benchmark is done with."""
        effort = _QUICK if self.quick else _RIGOROUS if self.rigorous else _USUAL
        least = self.min_rounds or effort.least
        return effort.model_copy(update={"least": least, "most": max(least, effort.most)})


class Effort(Value):
    """`precision` is half of an interval as a share of its value; `seconds` end the rounds.

    `slice` is what a benchmark gets of a round, in seconds.
    """

    least: int
    most: int
    precision: float
    seconds: float
    slice: float = 0.015

    @property
    def looks(self) -> tuple[int, ...]:
        """The rounds after which to ask which benchmarks are done."""
        found = [self.least]
        while found[-1] < self.most:
            found.append(min(self.most, math.ceil(found[-1] * _GROWTH)))
        return tuple(found)


_QUICK = Effort(least=3, most=12, precision=math.inf, seconds=13, slice=0.008)
_USUAL = Effort(least=5, most=40, precision=0.03, seconds=45)
_RIGOROUS = Effort(least=15, most=120, precision=0.01, seconds=240)


class MicroOutputs(Value):
    """Output options of this command alone."""

    histogram: Path | None = Field(
        None,
        description="Draw the distributions and their targets to FILE.svg",
        json_schema_extra={"panel": "Output"},
    )
    pyperf_json: Path | None = Field(
        None,
        description="Write the values in the format of pyperf, which reads it",
        json_schema_extra={"panel": "Output"},
    )

    @field_validator("histogram", "pyperf_json")
    @classmethod
    def _can_be_written(cls, value: Path | None) -> Path | None:
        return writable(value)


def produces(plan: MicroPlan) -> dict[str, str]:
    """The metrics of the benchmarks that a plan selects."""
    from asapbench.selection import metric_units

    return metric_units(_selected(plan))


def left_out(plan: MicroPlan) -> frozenset[str]:
    """The metrics of those that it does not select; without a table, the rows for our own suite."""
    from asapbench.selection import metric_units
    from asapbench.targets import read_table

    there = set(metric_units(_catalogue(plan.suite)))
    if plan.suite != SHIPPED and plan.targets is None:
        there |= {row.metric for row in read_table(BENCH.name, None)}
    names = {key.partition("{")[0] for key in there}
    return frozenset(there | names) - frozenset(produces(plan))


def listing(plan: MicroPlan) -> str | None:
    """The benchmarks that a plan selects, for --list."""
    if not plan.list_:
        return None
    return "".join(f"{entry.key}\n" for entry in _selected(plan))


def measure(
    plan: MicroPlan,
    system: Running,
    recorder: Recorder,
    decided: Decided,  # noqa: ARG001 - each benchmark is asked for by itself
) -> Generator[Tick]:
    """Calibrate, look at memory, then rounds until every benchmark is done with."""
    from asapbench.rounds import Conditions, Rounds  # psutil and more: not for --help

    entries = (*_worth_it(plan, recorder), *REFERENCES)
    recorder.tell(facts={"entries": [entry.model_dump(mode="json") for entry in entries]})
    server = system.server
    conditions = Conditions(
        suite=plan.suite,
        agent=Agent(
            url=server.url,
            id=server.agent,
            pid=server.pid,
            headers=plan.header,
            verify_tls=not plan.insecure,
        ),
        cpus=recorder.story.environment.generator_cpus,
        seed=plan.seed,
        warm_up=plan.warmup,
        collect=not plan.disable_gc,
        slice=plan.effort.slice,
    )
    with Rounds(conditions, entries, recorder) as rounds:
        yield from rounds.calibrate()
        if not (plan.stop and recorder.story.failures):
            yield from _rounds(plan, rounds, recorder)
        if not plan.quick:
            yield from rounds.memory()


def analyse(run: Run) -> Analysis:
    """One metric a benchmark and what else its rounds say."""
    from asapbench import timings  # numpy and scipy: not for --help

    entries = _entries(run.story.facts)
    plan = MicroPlan.model_validate({**run.story.plan, "header": ()})
    known = timings.timed(timings.table(run, "operations"))
    if not known:
        return Analysis(metrics=(), broke=_broke(run), remarks=_remarks(run, entries, {}))
    confidence = _confidence(plan)
    of_run = (timings.noise(known), timings.overhead(run), timings.disturbed(known))
    whole = [metric for metric in of_run if metric]
    metrics = (
        *timings.metrics(entries, known, confidence, run.story.facts.get("numbers", {})),
        *timings.memory_metrics(entries, timings.table(run, "memory")),
        *whole,
    )
    details = {
        "suite": plan.suite,
        "benchmarks": [timings.row(entries[at], one) for at, one in sorted(known.items())],
        "failures": list(run.story.failures),
        "rounds": max(len(one) for one in known.values()),
        "about": run.story.facts.get("about", {}),
    }
    return Analysis(
        metrics=metrics,
        notes=tuple(_notes(run, entries, metrics)),
        remarks=_remarks(run, entries, known),
        broke=_broke(run),
        details=details,
    )


def _rounds(plan: MicroPlan, rounds: Rounds, recorder: Recorder) -> Generator[Tick]:
    effort = plan.effort
    everything = range(len(rounds.entries))
    references = everything[-len(REFERENCES) :]
    positions = _alive(everything[: -len(REFERENCES)], rounds)
    pending = partial(_pending, plan, rounds, recorder.story.targets)
    while positions and rounds.done < effort.most and _in_time(rounds, effort):
        yield from rounds.round([*positions, *_alive(references, rounds)])
        positions = _alive(positions, rounds)
        if plan.stop and recorder.story.failures:
            return
        if rounds.done in effort.looks:
            positions, missed, rounds.so_far = pending(positions)
            if plan.stop and missed:
                return
        rounds.undecided = tuple(rounds.entries[at].key for at in positions)
        rounds.progress = max(rounds.done / effort.most, rounds.elapsed / effort.seconds)


def _alive(positions: Sequence[int], rounds: Rounds) -> list[int]:
    return [at for at in positions if at in rounds.alive]


def _in_time(rounds: Rounds, effort: Effort) -> bool:
    """Whether one more round, as long as those before, still fits; the least are always made."""
    if rounds.done < effort.least:
        return True
    return rounds.elapsed + rounds.longest <= effort.seconds


def _pending(
    plan: MicroPlan, rounds: Rounds, targets: Sequence[Target], positions: Sequence[int]
) -> tuple[list[int], bool, tuple[Metric, ...]]:
    """The benchmarks to time further, whether one missed its target, what is known of them."""
    from asapbench import timings
    from asapbench.selection import judged_key
    from asapbench.targets import judge

    known = rounds.timed()
    metrics = tuple(timings.metrics(rounds.entries, known, _confidence(plan)))
    outcomes = {verdict.metric: verdict.outcome for verdict in judge(targets, metrics)}
    by_key = {metric.key: metric for metric in metrics}
    open_ = {key for key, outcome in outcomes.items() if outcome not in {"pass", "fail"}}

    def is_open(position: int) -> bool:
        entry = rounds.entries[position]
        metric: Metric | None = by_key.get(judged_key(entry))
        wide = metric is None or timings.width(metric) > plan.effort.precision
        return wide or bool(open_ & _keys(entry))

    judged = tuple(metric for metric in metrics if metric.key in outcomes)
    return list(filter(is_open, positions)), "fail" in outcomes.values(), judged


def _keys(entry: Entry) -> set[str]:
    """The metrics that more rounds of a benchmark narrow."""
    from asapbench.selection import key_of

    kinds = ("", ".time", ".speed", ".speedup", ".client_cpu")
    return {entry.group, *(key_of(entry, kind) for kind in kinds)}


def _confidence(plan: MicroPlan) -> float:
    from asapbench import stats

    # whoever looks several times must be surer each time, to be right in all
    return stats.confidence_per_look(len(plan.effort.looks))


def _worth_it(plan: MicroPlan, recorder: Recorder) -> tuple[Entry, ...]:
    """The selected benchmarks; for --quick, of those not asked for by name only the judged ones."""
    selected = _selected(plan)
    if not plan.quick or plan.group or plan.match:
        return selected
    rows = {target.metric for target in recorder.story.targets}
    return tuple(entry for entry in selected if rows & _keys(entry)) or selected


def _selected(plan: MicroPlan) -> tuple[Entry, ...]:
    from asapbench.selection import select

    return select(_catalogue(plan.suite), plan.group, plan.match)


@lru_cache(maxsize=4)
def _catalogue(suite: str) -> tuple[Entry, ...]:
    """What is in a suite, asked of a process of its own: importing it may do anything."""
    import tempfile

    from asapbench.rounds import catalogue

    with tempfile.TemporaryDirectory() as folder:
        return catalogue(suite, Path(folder) / "suite.log")


def _entries(facts: Mapping[str, Any]) -> tuple[Entry, ...]:
    return tuple(Entry.model_validate(entry) for entry in facts.get("entries", ()))


def _remarks(run: Run, entries: Sequence[Entry], known: Mapping[int, Any]) -> dict[str, str]:
    """What a reader of a verdict has to know: that its benchmark broke, or was noisy."""
    from asapbench import timings
    from asapbench.selection import judged_key
    from asapbench.units import show

    by_key = {entry.key: entry for entry in entries}
    remarks = {}
    for position, one in known.items():
        off = timings.split(one) if len(one) > 1 else 0.0
        if abs(off) > timings.VERY_NOISY:
            shown = show(abs(off), "ratio")
            remarks[judged_key(entries[position])] = f"noisy: its halves differ by {shown}"
    for failure in run.story.failures:
        entry = by_key[failure["benchmark"]]
        remarks[judged_key(entry)] = f"it broke: {failure['error']}"
    return remarks


def _broke(run: Run) -> str:
    return "; ".join(f"{each['benchmark']}: {each['error']}" for each in run.story.failures)


def _notes(run: Run, entries: Sequence[Entry], metrics: Sequence[Metric]) -> Generator[Note]:
    from asapbench import timings
    from asapbench.units import show

    noise = next((metric for metric in metrics if metric.name == "noise"), None)
    if noise is not None and noise.value > timings.NOISY:
        yield Note(
            code="noisy",
            text="this machine was not quiet: the first and the second half of the run differ by "
            f"{show(noise.value, 'ratio')} in the median benchmark",
            hint="end what else runs on it, ask `asapbench doctor`, or give --rigorous more time",
        )
    if run.story.failures:
        names = ", ".join(failure["benchmark"] for failure in run.story.failures)
        yield Note(
            code="benchmark-broke",
            text=f"not measured to the end: {names}",
            hint="what they wrote is in operations.log of the run; the others are not affected",
        )
    if not run.story.targets:
        yield Note(
            code="no-target",
            text=f"no row of the table is about {_some(entries)}: there is nothing to judge",
            hint="--targets: give a table with [[micro]] rows for these groups",
        )


def _some(entries: Sequence[Entry]) -> str:
    groups = dict.fromkeys(entry.group for entry in entries if entry not in REFERENCES)
    return ", ".join(list(groups)[:3]) + (", …" if len(groups) > 3 else "")


def write(report: Report, outputs: MicroOutputs) -> None:
    """Write what only this command has. Raises BrokenRun naming a file that cannot be written."""
    if outputs.histogram is not None:
        _draw(report, outputs.histogram)
    if outputs.pyperf_json is not None and report.details.get("benchmarks"):
        _write_pyperf(report, outputs.pyperf_json)


def _draw(report: Report, file: Path) -> None:
    from asapbench.report.histogram import render_histogram

    try:
        file.write_text(render_histogram(report), encoding="utf-8")
    except OSError as error:
        reason = f"--histogram: {str(file)!r} cannot be written: {error.strerror}"
        raise BrokenRun(reason) from error


def _write_pyperf(report: Report, file: Path) -> None:
    """By a program, since only those import pyperf."""
    import json
    import tempfile

    from asapbench.process import Child

    content = {name: report.details[name] for name in ("about", "benchmarks")}
    with tempfile.TemporaryDirectory() as folder:
        argv = ["-m", "asapbench.workers.pyperf_file", str(file)]
        with Child("writer", argv, Path(folder) / "log") as child:
            child.send(json.dumps(content))
            if child.line(PATIENCE) is None:
                child.stop()
                raise BrokenRun(
                    f"--pyperf-json: {str(file)!r} cannot be written{child.last_words()}"
                )


BENCH = Bench(
    name="micro",
    plan=MicroPlan,
    produces=produces,
    measure=measure,
    analyse=analyse,
    doc=__doc__,
    examples=(
        ("asapbench micro --quick", "all verdicts in less than a minute"),
        ("asapbench micro --group jsonrpc_processing", "one group; --list says which there are"),
        ("asapbench micro --suite my_benchmarks", "benchmarks of your own"),
        ("asapbench micro --rigorous --baseline main", "what became slower, to 1 %"),
    ),
    left_out=left_out,
    instead=listing,
    outputs=MicroOutputs,
    write=write,
)
