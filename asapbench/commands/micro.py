"""Time every operation of the models and the transport, each against its target.

A round is one fresh process that times each benchmark once, in random order. A benchmark ends \
when its verdict is decided and, if not --quick, its time known to 3 % (--rigorous: 1 %).
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from asapbench.catalogue import REFERENCES, Agent, Entry
from asapbench.errors import BrokenRun
from asapbench.model import (
    Analysis,
    Bench,
    Look,
    Metric,
    Note,
    Plan,
    Recorder,
    Report,
    Run,
    Running,
    Story,
    Target,
    Tick,
    Value,
)
from asapbench.scratch import scratch_folder
from asapbench.writable import STDOUT, writable

if TYPE_CHECKING:
    from asapbench.rounds import Rounds
    from asapbench.timings import Timed

SHIPPED = "asapbench.suite.protocol"
PATIENCE = 60.0  # s
_GROWTH = 2  # of the number of rounds from one look to the next
_TIMES = ("", ".time", ".speed", ".speedup", ".client_cpu")  # what rounds tell of a benchmark
_LONG = 1.0  # s; an operation that takes longer is not run 13 times more to see its memory
_MEMORY = (".blocks", ".peak_memory")  # what is seen in a process of its own


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
        "[5; 4 with --quick, 15 with --rigorous]",
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

    `slice` is what a benchmark gets of a round, in seconds. `measured` is how much of a round is
    measuring, as a multiple of the rest: so much that it is more than half of the whole run.
    """

    least: int
    most: int
    precision: float
    seconds: float
    slice: float = 0.015
    measured: float = 1.7

    @property
    def looks(self) -> tuple[int, ...]:
        """The rounds after which to ask which benchmarks are done."""
        found = [self.least]
        while found[-1] < self.most:
            found.append(min(self.most, math.ceil(found[-1] * _GROWTH)))
        return tuple(found)

    def next_look(self, done: int) -> int:
        """The first of these after so many rounds, of which not all are done."""
        return next(look for look in self.looks if look > done)


_QUICK = Effort(least=4, most=8, precision=math.inf, seconds=16, slice=0.008, measured=2.2)
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
        if value == STDOUT:
            raise ValueError("must be a file: standard output is for reports")
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
    look: Look,  # noqa: ARG001 - each benchmark is asked for by itself
) -> Generator[Tick]:
    """Calibrate, look at memory, then rounds until every benchmark is done with."""
    from asapbench.rounds import Conditions, Rounds  # psutil and more: not for --help

    entries = [*_worth_it(plan, recorder.story.targets), *REFERENCES]
    recorder.tell(facts={"before": _before(plan, recorder.story)})
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
        measured=plan.effort.measured,
    )
    with Rounds(conditions, entries, recorder) as rounds:
        yield from rounds.calibrate()
        stopped = plan.stop and bool(recorder.story.failures)
        if not stopped:
            stopped = yield from _rounds(plan, rounds, recorder)
        if not stopped:
            yield from _memory(plan, rounds, recorder)


def _memory(plan: MicroPlan, rounds: Rounds, recorder: Recorder) -> Generator[Tick]:
    seen = _seen(plan, rounds, recorder.story.targets)
    wanted = _judged_memory(rounds, recorder.story.targets)
    long_ = [at for at in seen if at not in wanted and rounds.lasts_longer(at, _LONG)]
    names = [rounds.entries[at].key for at in long_]
    recorder.tell(facts={**recorder.story.facts, "memory_left_out": names})
    yield from rounds.memory([at for at in seen if at not in long_])


def _before(plan: MicroPlan, story: Story) -> float:
    """Seconds that the run took before it measured: to list the suite and to start the server."""
    began = datetime.fromisoformat(story.started_at)
    return _listed(plan.suite)[1] + (datetime.now(UTC) - began).total_seconds()


def analyse(run: Run) -> Analysis:
    """One metric a benchmark and what else its rounds say."""
    from asapbench import timings  # numpy and scipy: not for --help

    entries = _entries(run.story.facts)
    known = timings.timed(timings.table(run, "operations"), entries)
    metrics = tuple(_metrics(run, entries, known))
    return Analysis(
        metrics=metrics,
        notes=tuple(_notes(run, entries, metrics)) if entries else (),
        remarks=_remarks(run, entries, known),
        broke=_broke(run),
        details=_details(run, entries, known) if known or run.story.failures else {},
    )


def _metrics(run: Run, entries: Sequence[Entry], known: Mapping[int, Timed]) -> Generator[Metric]:
    from asapbench import timings

    if not known:
        return
    confidence = _confidence(MicroPlan.model_validate({**run.story.plan, "header": ()}))
    yield from timings.metrics(entries, known, confidence, run.story.facts.get("numbers", {}))
    yield from timings.memory_metrics(entries, timings.table(run, "memory"))
    of_run = (timings.noise(known), timings.overhead(run), timings.disturbed(known))
    yield from (metric for metric in of_run if metric)


def _details(run: Run, entries: Sequence[Entry], known: Mapping[int, Timed]) -> dict[str, Any]:
    from asapbench import timings

    return {
        "suite": run.story.plan["suite"],
        "benchmarks": [timings.row(entries[at], one) for at, one in sorted(known.items())],
        "failures": list(run.story.failures),
        "rounds": max(map(len, known.values()), default=0),
        "about": run.story.facts.get("about", {}),
    }


def _rounds(plan: MicroPlan, rounds: Rounds, recorder: Recorder) -> Generator[Tick, None, bool]:
    """Rounds until all is decided, or the time is over; whether -x ended them."""
    effort = plan.effort
    everything = range(len(rounds.entries))
    benchmarks, references = everything[: -len(REFERENCES)], everything[-len(REFERENCES) :]
    positions = _alive(benchmarks, rounds)
    pending = partial(_pending, plan, rounds, recorder.story.targets)
    while positions and rounds.done < effort.most:
        all_ = [*positions, *_alive(references, rounds)]
        room = effort.seconds - rounds.elapsed
        if rounds.done >= effort.least and rounds.shortest(all_) > room:
            break
        yield from rounds.round(all_, room / (effort.next_look(rounds.done) - rounds.done))
        positions = _alive(positions, rounds)
        if plan.stop and recorder.story.failures:
            return True
        if rounds.done in effort.looks:
            # all of them: what slows the machine later may undo what an earlier look decided
            positions, missed, rounds.so_far = pending(_alive(benchmarks, rounds))
            if plan.stop and missed:
                return True
        rounds.undecided = tuple(rounds.entries[at].key for at in positions)
        rounds.progress = max(rounds.done / effort.most, rounds.elapsed / effort.seconds)
    return False


def _alive(positions: Sequence[int], rounds: Rounds) -> list[int]:
    return [at for at in positions if at in rounds.alive]


def _pending(
    plan: MicroPlan, rounds: Rounds, targets: Sequence[Target], positions: Sequence[int]
) -> tuple[list[int], bool, tuple[Metric, ...]]:
    """The benchmarks to time further, whether one missed its target, what is known of them."""
    from asapbench import timings
    from asapbench.selection import judged_key
    from asapbench.targets import judge

    known = rounds.timed()
    metrics = tuple(timings.metrics(rounds.entries, known, _confidence(plan)))
    verdicts = judge(targets, metrics)
    by_key = {metric.key: metric for metric in metrics}
    open_ = {verdict.metric for verdict in verdicts if not verdict.decided}

    def is_open(position: int) -> bool:
        entry = rounds.entries[position]
        metric: Metric | None = by_key.get(judged_key(entry))
        wide = metric is None or timings.width(metric) > plan.effort.precision
        return wide or bool(open_ & _keys(entry, rounds.entries, _TIMES))

    rows = {verdict.metric for verdict in verdicts}
    judged = tuple(metric for metric in metrics if metric.key in rows)
    missed = any(verdict.outcome == "fail" for verdict in verdicts)
    return list(filter(is_open, positions)), missed, judged


def _keys(entry: Entry, entries: Sequence[Entry], kinds: Iterable[str]) -> set[str]:
    """The metrics that a benchmark has a part in: its own, and how much faster another way is."""
    from asapbench.selection import key_of

    this = (entry.group, entry.name)
    faster = (one for one in entries if (one.group, one.against) == this)
    return {
        entry.group,
        *(key_of(entry, kind) for kind in kinds),
        *(key_of(one, ".speedup") for one in faster),
    }


def _seen(plan: MicroPlan, rounds: Rounds, targets: Sequence[Target]) -> list[int]:
    """The benchmarks whose memory is looked at; with --quick those with a target for it."""
    return _judged_memory(rounds, targets) if plan.quick else list(rounds.alive)


def _judged_memory(rounds: Rounds, targets: Sequence[Target]) -> list[int]:
    rows = {target.metric for target in targets}
    return [at for at in rounds.alive if rows & _memory_keys(rounds.entries[at])]


def _memory_keys(entry: Entry) -> set[str]:
    from asapbench.selection import key_of

    return {key_of(entry, kind) for kind in _MEMORY}


def _confidence(plan: MicroPlan) -> float:
    from asapbench import stats

    # whoever looks several times must be surer each time, to be right in all
    return stats.confidence_per_look(len(plan.effort.looks))


def _worth_it(plan: MicroPlan, targets: Sequence[Target]) -> tuple[Entry, ...]:
    """The selected benchmarks; for --quick, of those not asked for by name only the judged ones."""
    selected = _selected(plan)
    if not plan.quick or plan.group or plan.match:
        return selected
    rows = {target.metric for target in targets}
    return tuple(one for one in selected if rows & _all_keys(one, selected)) or selected


def _all_keys(entry: Entry, entries: Sequence[Entry]) -> set[str]:
    numbers = (f".{number}" for number in entry.numbers)
    return _keys(entry, entries, (*_TIMES, *_MEMORY, *numbers))


def _selected(plan: MicroPlan) -> tuple[Entry, ...]:
    from asapbench.selection import select

    return select(_catalogue(plan.suite), plan.group, plan.match)


def _catalogue(suite: str) -> tuple[Entry, ...]:
    return _listed(suite)[0]


@lru_cache(maxsize=4)
def _listed(suite: str) -> tuple[tuple[Entry, ...], float]:
    """What is in a suite, and the seconds that it took to know that.

    A process of its own is asked: importing a suite may do anything.
    """
    from asapbench.rounds import catalogue

    began = time.monotonic()
    with scratch_folder() as folder:
        entries = catalogue(suite, folder / "suite.log")
    return entries, time.monotonic() - began


def _entries(facts: Mapping[str, Any]) -> tuple[Entry, ...]:
    return tuple(Entry.model_validate(entry) for entry in facts.get("entries", ()))


def _remarks(run: Run, entries: Sequence[Entry], known: Mapping[int, Any]) -> dict[str, str]:
    """What a reader of a verdict has to know: that its benchmark broke, was noisy or uneven."""
    from asapbench.selection import judged_key

    by_key = {entry.key: entry for entry in entries}
    remarks = {}
    for position, one in known.items():
        if said := "; ".join(_doubts(one)):
            remarks[judged_key(entries[position])] = said
    for failure in run.story.failures:
        entry = by_key[failure["benchmark"]]
        remarks[judged_key(entry)] = f"it broke: {failure['error']}"
    return remarks


def _doubts(one: Timed) -> Generator[str]:
    from asapbench import timings
    from asapbench.units import show

    off = timings.split(one) if len(one) > 1 else 0.0
    if abs(off) > timings.VERY_NOISY:
        yield f"noisy: its halves differ by {show(abs(off), 'ratio')}"
    if one.uneven:
        yield f"uneven: few slow operations make its mean {show(one.mean, 's')}"


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
    if long_ := run.story.facts.get("memory_left_out"):
        yield Note(
            code="memory-left-out",
            text=f"the memory of {', '.join(long_)} was not looked at: an operation takes more "
            f"than {show(_LONG, 's')}, and that runs it 13 times more",
            hint="give it a target for .blocks or .peak_memory, and it is looked at",
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

    from asapbench.process import Child

    content = {name: report.details[name] for name in ("about", "benchmarks")}
    with scratch_folder() as folder:
        argv = ["-m", "asapbench.workers.pyperf_file", str(file)]
        with Child("writer", argv, folder / "log") as child:
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
        ("asapbench micro --quick", "all verdicts in twenty seconds"),
        ("asapbench micro --group jsonrpc_processing", "one group; --list says which there are"),
        ("asapbench micro --suite my_benchmarks", "benchmarks of your own"),
        ("asapbench micro --rigorous --baseline main", "what became slower, to 1 %"),
    ),
    left_out=left_out,
    instead=listing,
    outputs=MicroOutputs,
    write=write,
)
