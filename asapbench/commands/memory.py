"""Find leaks: growth per request, with its interval, judged at --rps.

Cycles of requests, after each of which the server settles (drain, collect, trim) and is read. \
Warm-up cycles count for nothing; at least eight count, twice as many while undecided. --quick \
raises the rate to what the server bears and ends when all is decided.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from importlib.machinery import PathFinder
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from asapbench.errors import BenchError, UsageError
from asapbench.headers import conceal
from asapbench.leak.parts import PARTS
from asapbench.model import (
    Analysis,
    Bench,
    Labels,
    Look,
    Metric,
    Note,
    Plan,
    Recorder,
    Report,
    Run,
    Running,
    Seconds,
    Server,
    Story,
    Tick,
)
from asapbench.offer import Endpoint
from asapbench.tasks import InputFile, SkillName, Timeout, offer_of
from asapbench.units import show_duration

if TYPE_CHECKING:
    from asapbench.cycling import Cycles, Meter
    from asapbench.grown import Findings
    from asapbench.leak.growth import Growth

KEPT = 8  # cycles, at least
EXTEND = 2  # times as many while undecided
CONFIRM = 16  # cycles until growth is called a leak: a cache may be full by then
LEAST_REQUESTS = 100  # a cycle
QUICK_LOOKS = (8, 12, 16, 24, 32, 48)
QUICK_CONFIRM = 24
QUICK_RATE = 3000.0  # req/s, at most
QUICK_CYCLE = 1.0  # s
QUICK_LONGEST = 2 * QUICK_CYCLE  # s, of requests, unless the server is slow
QUICK_SHARE = 1 / 3  # of the limit, that the last look may leave open where the server is slow
SETTLING = 1.0  # s, that a reading may take beside the requests of a cycle
FINAL = frozenset({"control", "idle-process"})  # gates that more cycles do not mend
EARLY = 2  # cycles, after which these are asked for
AT_REST = 2.0  # seconds, in which a process that may not be the server is seen to wait
MOSTLY = 0.5  # of the replies until then wrong: the server will hardly come to its senses
TRACED_RATE = 1000.0  # req/s, at most: tracing costs several times the request
TRACED_LEAST = 100.0  # req/s
TRACED_SIZE = 200  # requests a cycle
NOTHING: dict[str, Any] = {"sites": [], "types": [], "chain": [], "keeper": None}

_ENDPOINTS = (
    Endpoint(name="asap", weight=36),
    Endpoint(name="manifest", weight=2),
    Endpoint(name="metrics", weight=1),
    Endpoint(name="refused", weight=1),
)
_PROCESSES = ("server", "generator", "asapbench")


class MemoryPlan(Plan):
    """What to serve, for how long, and how."""

    duration: Seconds = Field(
        3600,
        gt=0,
        description="Measured time, after the warm-up: 60, 90s, 5m, 1h",
        json_schema_extra={"panel": "Measuring", "short": "-t"},
    )
    interval: Seconds = Field(
        10, gt=0, description="Time of a cycle at --rps", json_schema_extra={"panel": "Measuring"}
    )
    rps: float = Field(
        100,
        gt=0,
        description="Requests a second to judge the growth at",
        json_schema_extra={"panel": "Load"},
    )
    warmup: int = Field(
        3,
        ge=2,
        le=1000,
        description="Cycles before those that count",
        json_schema_extra={"panel": "Measuring"},
    )
    users: int = Field(
        20,
        ge=1,
        le=20_000,
        description="Users, one connection each",
        json_schema_extra={"panel": "Load", "short": "-u"},
    )
    components_only: bool = Field(
        False,
        description="Only the parts of an agent, each in a process of its own",
        json_schema_extra={"panel": "Measuring"},
    )
    explain: bool = Field(
        False,
        description="Where memory grows, name the lines: a second, instrumented run",
        json_schema_extra={"panel": "Measuring"},
    )
    app: str | None = Field(
        None,
        json_schema_extra={"panel": "Server", "metavar": "MODULE:APP"},
        description="Serve this ASGI app in the embedded server",
    )
    pid: int | None = Field(
        None,
        gt=0,
        description="The process of the server at --host",
        json_schema_extra={"panel": "Server"},
    )
    skill: SkillName = "echo"
    input: InputFile = None
    timeout: Timeout = 30
    floor: bool = Field(
        True,
        description="Control: first the same load on a server that holds nothing",
        json_schema_extra={"panel": "Judging"},
    )

    @field_validator("app")
    @classmethod
    def _names_an_app(cls, value: str | None) -> str | None:
        if value is not None and not all(value.partition(":")):
            raise ValueError("must be MODULE:APP, such as my_agent:app")
        return value

    @model_validator(mode="after")
    def _time_for_cycles(self) -> Self:
        if self.quick or self.components_only:
            return self
        if self.interval > self.duration:
            raise ValueError(
                f"--interval: {show_duration(self.interval)} is longer than the --duration of "
                f"{show_duration(self.duration)}, which has to hold {KEPT} of it"
            )
        if self.cycles < KEPT:
            raise ValueError(
                f"--duration: {show_duration(self.duration)} holds {self.cycles} cycles of "
                f"{show_duration(self.interval)}, and a growth needs {KEPT}: give "
                f"{show_duration(KEPT * self.interval)} or more, a shorter --interval, or --quick"
            )
        return self

    @model_validator(mode="after")
    def _requests_in_cycles(self) -> Self:
        if not self.components_only and self.size < LEAST_REQUESTS:
            raise ValueError(
                f"--interval: {show_duration(self.interval)} at --rps {self.rps:g} holds "
                f"{self.size} requests, and a cycle needs {LEAST_REQUESTS}: give a longer one"
            )
        return self

    @model_validator(mode="after")
    def _one_way_to_serve(self) -> Self:
        if self.pid is not None and self.host is None:
            raise ValueError("--pid: names the process of a server at --host: give that too")
        if self.foreign and self.app is not None:
            raise ValueError("--app: is for the embedded server: leave out --host and --serve")
        if self.components_only and self.explain:
            raise ValueError(
                "--explain: is about the server, which --components-only leaves out: drop one"
            )
        if self.foreign and self.explain:
            raise ValueError(
                "--explain: only the embedded server can be instrumented: leave out --host and "
                "--serve, and name your app by --app MODULE:APP"
            )
        return self

    @property
    def process(self) -> int | None:
        return self.pid

    @property
    def application(self) -> str | None:
        return self.app

    @property
    def foreign(self) -> bool:
        """Whether the server is one that cannot be asked."""
        return self.host is not None or self.serve is not None

    @property
    def cycles(self) -> int:
        """How many cycles the planned time holds."""
        return _cycles_in(self.duration, self.interval)

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many cycles to ask whether all is decided."""
        return looks(self.duration, self.interval, quick=self.quick)

    @property
    def size(self) -> int:
        """How many requests a cycle is."""
        return round(self.rps * self.interval)


def _cycles_in(duration: float, interval: float) -> int:
    """How many cycles a time holds; as a float can be off, a hair more is enough."""
    return int(duration / interval + 1e-9)


def looks(duration: float, interval: float, *, quick: bool) -> tuple[int, ...]:
    """After how many cycles to ask whether all is decided."""
    if quick:
        return QUICK_LOOKS
    planned = max(KEPT, _cycles_in(duration, interval))
    return (planned, planned * (1 + EXTEND) // 2, planned * EXTEND)


def produces(plan: MemoryPlan) -> dict[str, str]:
    """The metrics that a memory run can give, and their units."""
    each = [f'{{component="{name}"}}' for name in PARTS]
    units = {"growth_rate": "B/s", "live_envelopes.peak": "B"}
    units |= {f"growth_rate{part}": "B/s" for part in each}
    units |= {f"growth_per_operation{part}": "B" for part in each}
    if plan.components_only:
        return units
    held = ("initial", "final", "peak", "growth")
    units |= {f"memory.{name}": "B" for name in held}
    units |= dict.fromkeys(("growth_per_request", "rss_per_request", "sensitivity"), "B")
    units |= {"unexpected_replies": "ratio"}
    units |= {f"{name}.cpu": "cores" for name in _PROCESSES}
    units |= {f"{name}.rss": "B" for name in _PROCESSES}
    if plan.floor:
        units |= {"control.growth_per_request": "B"}
    if not plan.foreign:
        units |= {"heap_per_request": "B", "blocks_per_request": "count"}
        units |= {"collected_per_request": "count", "meters.cost": "cores"}
    return units


def prepare(plan: MemoryPlan) -> None:
    """See that what is to be served is there, before the control takes its time."""
    from asapbench.limits import allow_sockets

    if plan.host is not None:
        _check_host(plan, plan.host)
    if plan.app is not None:
        _check_module(plan.app.partition(":")[0])
    if not plan.components_only:
        allow_sockets("--users", plan.users, plan.users, local=plan.host is None)


def _check_host(plan: MemoryPlan, host: str) -> None:
    """See that the process of a server is the one, and that its memory may be read."""
    from asapbench import listening  # psutil: not for --help
    from asapbench.outside import ProcessTree

    if plan.pid is not None:
        listening.check_process(host, plan.pid)
    if plan.components_only:
        return
    process = plan.pid or listening.listening_pid(host)
    if process is not None:
        ProcessTree(process).held()
    elif listening.answers(host) or not listening.is_here(host):
        raise _unseen(host)


def _check_module(name: str) -> None:
    """Raise UsageError where there is no such module; whether it can be imported is seen later."""
    package = name.partition(".")[0]
    found = any(finder.find_spec(package, None) for finder in sys.meta_path)
    # the server looks in the current folder too, which this program may not
    if not found and PathFinder.find_spec(package, [""]) is None:
        raise UsageError(
            f"--app: there is no module {package!r}: name one in this folder, or one that is "
            "installed beside asapbench"
        )


def measure(plan: MemoryPlan, system: Running, recorder: Recorder, look: Look) -> Generator[Tick]:
    """The parts by themselves, then cycles on the server until all is decided."""
    from asapbench.components import measure_components  # psutil and more: not for --help

    if plan.foreign and not plan.components_only:
        _note_process(plan, system.server, recorder)
    if _void(plan, recorder, FINAL):
        return  # the control says so
    if plan.components_only or _judges_parts(recorder):
        undecided, so_far = partial(undecided_parts, recorder), partial(_parts_so_far, recorder)
        yield from measure_components(recorder, undecided, so_far)
    if not plan.components_only:
        yield from _measure_server(plan, system, recorder, look)


def _note_process(plan: MemoryPlan, server: Server, recorder: Recorder) -> None:
    """Whose memory is read, by name; who listens at --host, and how this one waits, if it does not.

    It may be the server behind a proxy, or some other process.
    """
    from asapbench.listening import is_seen_to_listen, listening_pid, named
    from asapbench.resources import cores_used

    if server.pid is None:
        raise _unseen(server.url)
    recorder.tell(facts={"process": named(server.pid)})
    if is_seen_to_listen(server.url, server.pid):
        return
    at_rest = cores_used(server.pid, AT_REST)
    recorder.tell(facts={**recorder.story.facts, "at_rest": at_rest})
    other = listening_pid(server.url)
    if plan.pid is not None and other is not None:
        note = Note(
            code="another-listens",
            text=f"at {server.url} listens process {named(other)}, and the memory of process "
            f"{named(server.pid)} is judged, which --pid names",
            hint="right where a proxy or a container stands before the server",
        )
        recorder.tell(notes=(*recorder.story.notes, note))


def _unseen(host: str) -> UsageError:
    return UsageError(
        f"--host: the process of {host} is not seen from here: give --pid N, of a server on this "
        "machine"
    )


def _judges_parts(recorder: Recorder) -> bool:
    """Whether the table has a limit for a part: the one that ships has."""
    return any(_is_of_parts(target.metric) for target in recorder.story.targets)


def _is_of_parts(metric: str) -> bool:
    return "{component=" in metric or metric.startswith("live_envelopes")


def _measure_server(
    plan: MemoryPlan, system: Running, recorder: Recorder, look: Look
) -> Iterator[Tick]:
    from asapbench.cycling import Wanted, until
    from asapbench.stats import confidence_per_look

    kept_looks = plan.looks
    with _cycles(plan, system, recorder) as run:
        yield from run.begin()
        run.planned = plan.warmup + kept_looks[0]
        if plan.quick:
            yield from run.raise_rate(plan.rps, QUICK_RATE, QUICK_CYCLE)
            size = quick_size(plan, recorder.story, run.rate)
            seconds = max(QUICK_LONGEST, size / run.rate)
            run.wanted = Wanted(size, seconds, kept_looks[-1])
        else:
            yield from run.feel(plan.rps)
            run.rate = plan.rps
            run.wanted = Wanted(plan.size, plan.interval, kept_looks[-1])
        confidence = confidence_per_look(len(kept_looks))
        run.so_far = partial(_so_far, recorder, "cycles", {}, confidence)
        for _ in range(plan.warmup):
            run.fit()
            yield from run.warm_up(1)
        run.fit()
        done = partial(is_done, plan, look)
        yield from until(done, kept_looks, run, partial(is_hopeless, plan, recorder, run, look))


def quick_size(plan: MemoryPlan, story: Story, rate: float) -> int:
    """Requests a cycle at a rate that the server bears: of a slow one as many as tell the limit."""
    brief = max(round(rate * QUICK_CYCLE), min(plan.size, 2 * round(rate)))
    return max(brief, min(LEAST_REQUESTS, _needed(plan, story, QUICK_SHARE)))


def _needed(plan: MemoryPlan, story: Story, share: float) -> int:
    """Requests a cycle with which the last look can leave less than a share of the limit open."""
    from asapbench.grown import tightest
    from asapbench.leak.enough import enough

    return enough(tightest(story), plan.looks, share)


def is_done(plan: MemoryPlan, look: Look) -> bool:
    """Whether more cycles of the server would change nothing that they have a say in."""
    report = look()
    if plan.gates and any(not gate.ok for gate in report.gates):
        return True
    own = (verdict for verdict in report.verdicts if not _is_of_parts(verdict.metric))
    return all(verdict.decided for verdict in own) and confirmed(plan, report)


def _void(plan: MemoryPlan, recorder: Recorder, gates: Collection[str] = ()) -> bool:
    """Whether one of these gates, or any, voids the verdicts as it is now."""
    tripped = (gate.name for gate in analyse(recorder.run()).gates if not gate.ok)
    return plan.gates and any(name in gates or not gates for name in tripped)


def is_hopeless(
    plan: MemoryPlan, recorder: Recorder, run: Cycles, look: Look, kept: int, following: int
) -> bool:
    """Whether the look that follows can give no verdict, or would come far too late.

    What the report would not show else becomes a note.
    """
    from asapbench.grown import UNEXPECTED, seems_to_miss

    mostly_wrong = kept == EARLY and run.failed > MOSTLY * run.size * kept
    if plan.gates and (mostly_wrong or run.failed > UNEXPECTED * run.size * following):
        return True
    if kept == EARLY and _void(plan, recorder, FINAL):
        return True
    why = why_vain(plan, recorder.story, run, kept)
    if why is None or seems_to_miss(look().verdicts):  # a miss is for the looks to confirm
        return False
    recorder.tell(notes=(*recorder.story.notes, why))
    return True


def why_vain(plan: MemoryPlan, story: Story, run: Cycles, kept: int) -> Note | None:
    """Why to go on leads nowhere: cycles too small for the limit, or that take far too long."""
    if kept < KEPT:
        return None
    longer = "leave out --quick" if plan.quick else "give a longer --interval"
    hint = f"give a --rps that the server bears, or {longer}"
    # too small to tell that a server is healthy, but a leak may be told at the first look
    if kept >= plan.looks[0] and run.size < _needed(plan, story, share=1.0):
        text = f"cycles of {run.size} requests are too small to tell the limit from no growth"
        return Note(code="ended-early", text=f"the run ended early: {text}", hint=hint)
    if run.seconds > plan.looks[-1] * (run.wanted.seconds + SETTLING):
        took = show_duration(run.seconds)
        text = f"{kept} cycles took {took}, longer than all {plan.looks[-1]} were to take at most"
        return Note(code="ended-early", text=f"the run ended early: {text}", hint=hint)
    return None


def measure_control(plan: MemoryPlan, system: Running, recorder: Recorder) -> Generator[Tick]:
    """As many requests a cycle on a server that holds nothing, as fast as it bears them."""
    if plan.components_only:
        return
    with _cycles(plan, system, recorder) as run:
        yield from run.begin()
        yield from run.raise_rate(plan.rps, QUICK_RATE, QUICK_CYCLE)
        run.size = min(plan.size, round(run.rate * QUICK_CYCLE))
        run.planned = 2 + KEPT
        yield from run.warm_up(2)
        yield from run.keep(KEPT)


def name_lines(plan: MemoryPlan, recorder: Recorder) -> Generator[Tick]:
    """Name the lines, if the server grew; what goes wrong meanwhile touches no verdict."""
    if not plan.explain:
        return
    if nothing := _nothing_to_explain(plan, recorder):
        recorder.tell(explanation={**NOTHING, "text": f"there is nothing to explain: {nothing}"})
        return
    try:
        for tick in _explain(plan, recorder):
            yield tick.model_copy(update={"phase": "explaining"})
    except BenchError as error:
        why = conceal(str(error), plan.header)
        text = f"the lines that keep memory could not be named: {why}"
        recorder.tell(explanation={**NOTHING, "text": text})


def _nothing_to_explain(plan: MemoryPlan, recorder: Recorder) -> str:
    """Why not, unless the server that was measured grew: by the table, or at all."""
    from asapbench.grown import judged_server, misses
    from asapbench.stats import CONFIDENCE

    if _void(plan, recorder):
        return "the measurement is not valid"
    rate = _rate(recorder, "cycles", CONFIDENCE)
    grew = rate is not None and (rate.low > 0 or misses(judged_server(_findings(recorder.run()))))
    return "" if grew else "memory does not grow with the requests"


def _explain(plan: MemoryPlan, recorder: Recorder) -> Iterator[Tick]:
    """Trace the allocations of a fresh server."""
    from asapbench.cycling import Traced, Wanted
    from asapbench.explaining import Beside, traced_server
    from asapbench.leak.explain import explanation

    beside = Beside(recorder)
    with (
        traced_server(plan, beside) as system,
        _cycles(plan, system, beside, Traced(system)) as run,
    ):
        yield from run.begin()
        yield from run.raise_rate(min(plan.rps, TRACED_LEAST), TRACED_RATE, QUICK_CYCLE)
        run.wanted = Wanted(TRACED_SIZE, TRACED_SIZE / TRACED_LEAST)
        run.fit()  # once: what grew is told by snapshots that lie equally far apart
        run.planned = 2 + KEPT
        yield from run.warm_up(2)
        yield from run.keep(KEPT)
        recorder.tell(explanation=explanation(Traced(system).grown(), run.size))


@contextmanager
def _cycles(
    plan: MemoryPlan, system: Running, recorder: Recorder, meter: Meter | None = None
) -> Iterator[Cycles]:
    from asapbench.cycling import Cycles, meter_of  # psutil: not for --help
    from asapbench.traffic import generator

    meter = meter or meter_of(system, asks=system.answers and not plan.foreign)
    offer, cpus = (
        offer_of(plan, system.server, _ENDPOINTS),
        recorder.story.environment.generator_cpus,
    )
    with (
        generator(offer, recorder, cpus) as traffic,
        closing(Cycles(traffic, meter, recorder, system.server.url, plan.users)) as run,
    ):
        run.patience += plan.timeout
        yield run


def undecided_parts(recorder: Recorder) -> set[str]:
    """The parts whose growth lies on both sides of a limit so far."""
    from asapbench.components import LOOKS
    from asapbench.stats import confidence_per_look

    confidence = confidence_per_look(len(LOOKS))
    return {name for name in PARTS if _straddles(recorder, name, confidence)}


def _parts_so_far(recorder: Recorder) -> tuple[Metric, ...]:
    from asapbench.components import LOOKS
    from asapbench.stats import confidence_per_look

    confidence = confidence_per_look(len(LOOKS))
    parts = (_so_far(recorder, f"cycles-{n}", {"component": n}, confidence) for n in PARTS)
    return tuple(chain.from_iterable(parts))


def _so_far(recorder: Recorder, file: str, labels: Labels, confidence: float) -> tuple[Metric, ...]:
    """The growth that the cycles show so far, as it will be judged."""
    from asapbench.grown import growth_metric

    rate = _rate(recorder, file, confidence)
    return () if rate is None else (growth_metric("growth_rate", "B/s", rate, confidence, labels),)


def _straddles(recorder: Recorder, part: str, confidence: float) -> bool:
    from asapbench.grown import judged_part

    growth = _growth(recorder, f"cycles-{part}", confidence)
    if growth is None:
        return True
    verdicts = judged_part(recorder.story, part, growth, confidence)
    return any(verdict.outcome == "inconclusive" for verdict in verdicts)


def confirmed(plan: MemoryPlan, report: Report) -> bool:
    """Whether growth that fails went on for so long that it is no cache that fills."""
    from asapbench.grown import misses

    least = QUICK_CONFIRM if plan.quick else CONFIRM
    return report.details.get("kept", 0) >= least or not misses(report.verdicts)


def _rate(recorder: Recorder, file: str, confidence: float) -> Growth | None:
    """The growth so far, in bytes a second at --rps."""
    growth = _growth(recorder, file, confidence)
    return growth and growth.times(recorder.story.plan["rps"])


def _growth(recorder: Recorder, file: str, confidence: float) -> Growth | None:
    """The growth so far, in bytes a request."""
    from asapbench.leak.subject import subject_of
    from asapbench.table import read_measurement

    subject = subject_of(read_measurement(recorder.path(f"{file}.series")), confidence)
    return subject.growth("uss") if subject else None


def _findings(run: Run) -> Findings:
    from asapbench import grown  # numpy and scipy: not for --help
    from asapbench.components import LOOKS

    plan = run.story.plan
    times = len(looks(plan["duration"], plan["interval"], quick=plan["quick"]))
    return grown.findings(run, times, len(LOOKS), tuple(one.name for one in _ENDPOINTS))


def analyse(run: Run) -> Analysis:
    """The growth, its kind, and what else the cycles say."""
    from asapbench import grown

    found = _findings(run)
    return Analysis(
        metrics=tuple(grown.metrics(found)),
        notes=tuple(grown.notes(found)),
        gates=tuple(grown.gates(found)),
        details=grown.details(found) if found.parts or found.server else {},
    )


BENCH = Bench(
    name="memory",
    plan=MemoryPlan,
    produces=produces,
    measure=measure,
    analyse=analyse,
    doc=__doc__,
    examples=(
        ("asapbench memory --quick", "an answer in a minute or two"),
        ("asapbench memory --duration 10m --app my_agent:app", "an ASGI app of yours"),
        ("asapbench memory --quick --explain", "where memory grows, name the lines"),
        ("asapbench memory --components-only", "the parts of an agent, each by itself"),
    ),
    floor=measure_control,
    prepare=prepare,
    explain=name_lines,
)
