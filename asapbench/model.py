"""The nouns: Plan, Server, Measurement, Run, Metric, Target, Verdict, Note, Report, Bench, Tick.

All are frozen. Values are in SI base units; docs/terminology.md says what each word means.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from asapbench.doctor.machine import Machine
from asapbench.errors import EXITS, Exit
from asapbench.headers import expand_headers, mask_header
from asapbench.offer import Load, Offer
from asapbench.units import parse_duration

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pydantic.fields import FieldInfo

RUN_FORMAT = "asapbench.run/1"  # of the story; a new number where an old one cannot be read

Outcome = Literal["pass", "fail", "inconclusive", "invalid"]
Labels = dict[str, str]
Seconds = Annotated[float, BeforeValidator(parse_duration)]


class Value(BaseModel):
    """A frozen value that can be written as JSON and read back."""

    # built when first used: --help needs none of them but the plans
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Plan(Value):
    """All that is needed to repeat a measurement; the fields are the options of the command."""

    model_config = ConfigDict(allow_inf_nan=False)

    host: str | None = Field(
        None,
        json_schema_extra={"panel": "Server", "metavar": "URL"},
        description="Measure a server that runs already, at this http(s) URL",
    )
    serve: str | None = Field(
        None,
        json_schema_extra={"panel": "Server", "metavar": "CMD"},
        description="Start this server instead of the embedded one: 'CMD … {port}'",
    )
    header: tuple[str, ...] = Field(
        (),
        description="Send this header: 'Name: value', $NAME in it from the environment",
        json_schema_extra={"panel": "Server"},
    )
    insecure: bool = Field(
        False, description="Accept any TLS certificate", json_schema_extra={"panel": "Server"}
    )
    targets: Path | None = Field(
        None,
        description="Judge by this target table (TOML)",
        json_schema_extra={"panel": "Judging"},
    )
    floor: bool = Field(
        True,
        description="Measure first what the generator itself takes; refuse limits below that",
        json_schema_extra={"panel": "Judging"},
    )
    gates: bool = Field(
        True,
        description="Void the verdicts where the instrument is in doubt; else only say so",
        json_schema_extra={"panel": "Judging"},
    )
    quick: bool = Field(
        False,
        description="Stop as soon as every verdict is decided",
        json_schema_extra={"panel": "Judging"},
    )
    seed: int = Field(
        0,
        ge=0,
        description="Seed of all that is drawn at random",
        json_schema_extra={"panel": "Measuring"},
    )

    @property
    def generators(self) -> int:
        """How many generator processes to start."""
        return 1

    @property
    def process(self) -> int | None:
        """The process of a server that runs already, where it is named."""
        return None

    @property
    def application(self) -> str | None:
        """The ASGI app that the embedded server serves; None for that of `asap`."""
        return None

    def stored(self) -> dict[str, Any]:
        """The plan as it may be written down: without the secrets it may hold."""
        return {
            **self.model_dump(mode="json"),
            "header": [mask_header(line) for line in self.header],
        }

    @field_validator("host")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.isprintable() or " " in value or "?" in value or "#" in value:
            raise ValueError("must hold no blank, ? or #: give a URL such as http://127.0.0.1:8000")
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be a URL such as http://127.0.0.1:8000")
        parts.port  # noqa: B018 - raises ValueError for a port that is no number
        if parts.username is not None:
            raise ValueError("must hold no user or password: give --header 'Authorization: $NAME'")
        return value.rstrip("/")

    @field_validator("serve")
    @classmethod
    def _is_command(cls, value: str | None) -> str | None:
        if value is not None and "{port}" not in " ".join(shlex.split(value)):
            raise ValueError("must be a command with {port} where its port number goes")
        return value

    @field_validator("header")
    @classmethod
    def _are_headers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        expand_headers(value)
        return value

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if self.host is not None and self.serve is not None:
            raise ValueError("--host and --serve exclude each other: give one of them")
        return self


class Server(Value):
    """The system under test. `pid` is None where the process cannot be seen."""

    url: str
    pid: int | None
    how: Literal["embedded", "command", "host"]
    agent: str
    version: str
    cpus: tuple[int, ...] = ()


class Running(Protocol):
    """A server that is up: what it is, and how to see that it still runs."""

    @property
    def server(self) -> Server:
        """What is known of it."""

    def check(self) -> None:
        """Raise ServerDied, with its last words, if it has ended."""

    @property
    def answers(self) -> bool:
        """Whether it can be asked."""

    def ask(self, question: str, patience: float) -> str:
        """Its answer, over a private pipe. Raises ServerDied where none comes in time."""


class Environment(Value):
    """The machine and the versions that a measurement was taken with."""

    hostname: str
    system: str
    cpu: str
    cores: int
    memory: int
    python: str
    versions: dict[str, str]
    commit: str | None
    load_average: float
    server_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    machine: Machine = Machine()


@dataclass(frozen=True)
class Measurement:
    """A named table of raw numbers: one array a column, all of one length, in `units`."""

    name: str
    columns: Mapping[str, npt.NDArray[np.float64]]
    units: Mapping[str, str]
    labels: Labels = field(default_factory=dict)

    def within(self, window: Window) -> dict[str, npt.NDArray[np.float64]]:
        """The rows whose `at` lies in a window, by column."""
        at = self.columns["at"]
        inside = (at >= window.start) & (at <= window.end)
        return {name: column[inside] for name, column in self.columns.items()}


class Window(Value):
    """A stretch of the run on the monotonic clock, in seconds."""

    name: str
    start: float
    end: float


class Note(Value):
    """A warning as a value; the hint says what to do about it."""

    code: str
    text: str
    hint: str = ""


class Target(Value):
    """A row of the table; `limit` keeps the words of the table.

    A row that `marks` gives a step of a ladder its state where the limit is met; it is no verdict.
    """

    metric: str
    limit: str
    why: str = ""
    marks: Literal["", "degraded", "severe", "broken"] = ""


class Story(Value):
    """What is known of a run beside its numbers; kept as JSON next to them."""

    format: str = RUN_FORMAT
    command: str
    started_at: str
    duration: float = 0.0
    plan: dict[str, Any]
    environment: Environment
    server: Server | None = None
    targets: tuple[Target, ...] = ()
    windows: tuple[Window, ...] = ()
    notes: tuple[Note, ...] = ()
    failures: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = {}  # what only this command has to know again
    explanation: dict[str, Any] | None = None
    ended: Literal["running", "complete", "interrupted", "server-died", "broke"] = "running"
    why: str = ""

    def windows_with(self, window: Window) -> tuple[Window, ...]:
        """The windows with one more; one that began at the same time has been extended."""
        return (*(one for one in self.windows if one.start != window.start), window)


@dataclass(frozen=True)
class Run:
    """The evidence: the story and the raw numbers. Everything after it is a pure function of it."""

    story: Story
    measurements: tuple[Measurement, ...]
    parts: Mapping[str, Run] = field(default_factory=dict)

    def tables(self, name: str) -> tuple[Measurement, ...]:
        """The measurements of this name."""
        return tuple(table for table in self.measurements if table.name == name)


class Metric(Value):
    """One derived number. Each bound holds with the one-sided `confidence`."""

    name: str
    unit: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    confidence: float | None = None
    labels: Labels = {}

    @property
    def key(self) -> str:
        """The name as a target table writes it: `latency.p99{endpoint="manifest"}`."""
        return metric_key(self.name, self.labels)


class Verdict(Value):
    """A target, what was measured for it, and what follows."""

    metric: str
    limit: str
    outcome: Outcome
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    reason: str
    remark: str = ""  # what of the reason holds whatever the outcome
    why: str = ""

    @property
    def decided(self) -> bool:
        """Whether more time would not change it: it is a pass or a fail."""
        return self.outcome in {"pass", "fail"}


class Gate(Value):
    """A question to the instrument itself; where `value` is beyond `limit` no verdict is valid."""

    name: str
    unit: str
    value: float
    limit: float
    text: str
    hint: str

    @property
    def ok(self) -> bool:
        """Whether the instrument can be believed as far as this goes."""
        return self.value <= self.limit


class Analysis(Value):
    """What a bench makes of a run: its metrics, its notes, and what only it has to say.

    `remarks` are put behind the reason of a verdict, by metric key. `broke` says what part of the
    measurement could not be taken; the verdicts on the others stand.
    """

    metrics: tuple[Metric, ...]
    notes: tuple[Note, ...] = ()
    gates: tuple[Gate, ...] = ()
    remarks: dict[str, str] = {}
    broke: str = ""
    details: dict[str, Any] = {}


class Report(Value):
    """Run + metrics + verdicts + notes; every output is a function of it."""

    story: Story
    metrics: tuple[Metric, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[Note, ...]
    gates: tuple[Gate, ...] = ()
    details: dict[str, Any]
    outcome: Outcome
    exit_code: Exit
    broke: str = ""

    @property
    def decided(self) -> bool:
        """Whether more time would change no verdict."""
        return all(verdict.decided for verdict in self.verdicts)

    def find(self, key: str) -> Metric | None:
        """The metric of this key, or None where the run gave none."""
        return next((metric for metric in self.metrics if metric.key == key), None)


class Tick(Value):
    """What a running measurement shows. `progress` is 0 to 1; `numbers` are (name, value, unit).

    What is `kept` stays on the screen when others follow. `doing` is what it is about right now,
    `undecided` are names of what is still open. `trend` are the latest readings of what matters
    most, for a small drawing. `so_far` are metrics as they form, where there is news of them: they
    are shown, and nothing is decided by them.
    """

    phase: str
    elapsed: float
    progress: float
    numbers: tuple[tuple[str, float, str], ...] = ()
    kept: bool = False
    doing: str = ""
    undecided: tuple[str, ...] = ()
    trend: tuple[float, ...] = ()
    so_far: tuple[Metric, ...] = ()


class Recorder(Protocol):
    """Where a measurement writes its evidence while it is taken."""

    story: Story

    def path(self, name: str) -> Path:
        """A new file of this run."""

    def tell(self, **changes: Any) -> None:
        """Change the story; it is on disk when this returns."""

    def run(self) -> Run:
        """All that was recorded so far."""


# Shows a tick, and what is known of the run at that time.
Watch = Callable[[Tick, Story], None]


@dataclass(frozen=True)
class Exploring:
    """What is offered by hand, on locust's page, in place of a measurement.

    Its form begins with the users of `load`, each of whom keeps an equal share of the rate when
    others come or go. `users` is the option that gave their number. `port` is None for the usual
    one.
    """

    port: int | None
    users: str
    load: Load
    offer: Callable[[Server], Offer]


# What follows from all that is recorded so far.
Look = Callable[[], Report]

# Command lines, and what each does; the help shows them, and tests run them.
Examples = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Bench:
    """What makes a subcommand.

    `produces` maps each metric key that a plan can give to its unit. `measure` touches the world
    and yields ticks; `analyse` is pure. `floor` measures, against a server that does nothing, what
    the instrument itself takes; None where there is nothing to compare with. `prepare` raises
    UsageError for a plan that this machine cannot carry out. `explain` says more of what was
    measured, once its server has ended: nothing that goes wrong then touches a verdict. Where
    `judges_death`, a server that dies is something that `analyse` judges, and no reason to judge
    nothing. `left_out` are metric keys that a plan does not measure on purpose: target rows on them
    are dropped, not refused.
    `instead` is what to say where a plan asks for something else than a measurement. `explore` is
    what to show on locust's page where a plan asks for that; only the options `explored` and those
    of the server count there. `outputs` are output options of this bench alone, and `write` writes
    them.
    """

    name: str
    plan: type[Plan]
    produces: Callable[[Any], Mapping[str, str]]
    measure: Callable[[Any, Running, Recorder, Look], Generator[Tick]]
    analyse: Callable[[Run], Analysis]
    doc: str
    examples: Examples
    floor: Callable[[Any, Running, Recorder], Generator[Tick]] | None = None
    prepare: Callable[[Any], None] | None = None
    explain: Callable[[Any, Recorder], Generator[Tick]] | None = None
    judges_death: bool = False
    left_out: Callable[[Any], Collection[str]] = lambda _: ()
    instead: Callable[[Any], str | None] = lambda _: None
    explore: Callable[[Any], Exploring | None] = lambda _: None
    explored: Collection[str] = ()
    outputs: type[Value] | None = None
    write: Callable[[Report, Any], None] = lambda *_: None

    @property
    def exits(self) -> Mapping[Exit, str]:
        """What each exit code means."""
        return EXITS


@dataclass(frozen=True)
class Command:
    """A subcommand that measures no server: its fields are the options.

    Its answer is text, or a report, which goes where those of a bench go. `exits` are what the exit
    codes mean that it has beside those of all.
    """

    name: str
    options: type[Value]
    run: Callable[[Any], tuple[str | Report, Exit]]
    doc: str
    examples: Examples
    own_exits: Mapping[Exit, str] = field(default_factory=dict)

    @property
    def exits(self) -> Mapping[Exit, str]:
        """What each exit code means."""
        return dict(sorted((_DONE | dict(self.own_exits)).items()))


# Of a command that judges nothing.
_DONE = {
    Exit.PASS: "done",
    Exit.USAGE: "an option, a file or a name was refused",
    Exit.BROKEN: "it broke",
    Exit.INTERRUPTED: "interrupted",
}


def metric_key(name: str, labels: Labels) -> str:
    """Write a metric with its labels as a target table does."""
    if not labels:
        return name
    inner = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inner}}}"


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """What a field says of its option: panel, short, metavar, argument, values, alike."""
    return dict(field.json_schema_extra) if isinstance(field.json_schema_extra, dict) else {}


def option_name(field: str) -> str:
    """`spawn_rate` as it is written on the command line: `--spawn-rate`."""
    return "--" + field.strip("_").replace("_", "-")
