"""What is said between the parent and a worker that times operations, and what is written down.

The parent writes one `Job` as a JSON line to the worker's standard input; the worker answers with
`Said` lines on standard output and ends. When its input ends, the parent is gone and it ends too.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from asapbench.series import Column, Layout

CLEAN = 0.01  # of a batch may be spent waiting for a core
IDLE = 1.0  # s after which an agent may have closed a connection: the shortest in use is 2 s


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Entry(_Message):
    """A benchmark as the parent knows it: its function stays in the worker.

    `items` are done by one operation; with `rate`, items per second are judged instead of the time
    of an operation. `size` is what an operation works on, in bytes; with `exponent`, the growth of
    the time over all sizes of the group is judged. `against` is the name of a benchmark of the same
    group that does the same in another way. `numbers` names what an operation tells beside times.
    """

    group: str = Field(pattern=r"^[A-Za-z_]\w*$")
    name: str = Field(pattern=r"^[\w.-]+$")
    items: int = Field(default=1, ge=1)
    rate: bool = False
    size: int | None = Field(default=None, ge=1)
    exponent: bool = False
    against: str | None = None
    numbers: tuple[str, ...] = ()
    agent: bool = False

    @property
    def key(self) -> str:
        """How it is called where groups are mixed."""
        return f"{self.group}/{self.name}"


# timed in each round, judged by nobody
REFERENCES = tuple(
    Entry(group="reference", name=name) for name in ("loop", "objects", "texts", "exchange")
)


class Agent(_Message):
    """The agent under test, for benchmarks that talk to it.

    `headers` are "Name: value" lines; `$NAME` in a value is replaced in the worker from its own
    environment, so that a secret is never passed on or written down. `pid` is the agent's process,
    where it can be seen.
    """

    url: str
    id: str
    pid: int | None = None
    headers: tuple[str, ...] = ()
    verify_tls: bool = True


class Job(_Message):
    """What one worker does.

    `list`: say what there is. `calibrate`: find how often each benchmark has to run for a batch of
    `batch` seconds. `time`: run each that often, `batches` times, a few at each of several visits;
    a batch in which a process waited for its core is taken again, up to twice as many in all.
    `memory`: see what each allocates. The benchmarks in `keys` are taken in this order; what those
    in `awaited` return is awaited.
    """

    suite: str
    do: Literal["list", "calibrate", "time", "memory"]
    keys: tuple[str, ...] = ()
    loops: dict[str, int] = {}
    batches: dict[str, int] = {}
    awaited: tuple[str, ...] = ()
    batch: float = 0.001
    warm_up: bool = True
    collect: bool = True
    agent: Agent | None = None


# seconds: by the clock, of the worker's CPU, those in which it or the agent waited for a core, and
# those of the same small work beside the batch, the slower of once before and once after
Batch = tuple[float, float, float, float]


class Said(_Message):
    """What a worker tells; the fields that belong to `what` are filled."""

    what: Literal["entry", "refused", "began", "timed", "memory", "failed", "about", "ended"]
    key: str = ""
    entry: Entry | None = None
    at: float = 0.0
    loops: int = 0
    batches: tuple[Batch, ...] = ()
    blocks: float = 0.0
    peak: float = 0.0
    numbers: dict[str, float] = {}
    size: int = 0
    awaited: bool = False
    about: dict[str, str | int | float] = {}
    error: str = ""


# A row a batch: `loops` operations of a benchmark in `seconds`, of which the worker used `cpu`, and
# in `waited` of which it, or the agent, could have run but had no core: the machine's doing. `pace`
# is what work that is always the same took right beside the batch.
# Benchmarks are numbered in the order of the story's facts; round 0 found out the loops.
OPERATIONS = Layout(
    "operations",
    (
        Column("at", "s", "d"),
        Column("benchmark", "1", "I"),
        Column("round", "1", "I"),
        Column("loops", "1", "Q"),
        Column("seconds", "s", "d"),
        Column("cpu", "s", "d"),
        Column("waited", "s", "d"),
        Column("pace", "s", "d"),
    ),
)

# A row a round: how long it took from the start of its process to its end.
ROUNDS = Layout(
    "rounds", (Column("at", "s", "d"), Column("round", "1", "I"), Column("seconds", "s", "d"))
)

# What one operation leaves behind in its result (blocks) and holds at most (bytes).
MEMORY = Layout(
    "memory",
    (
        Column("at", "s", "d"),
        Column("benchmark", "1", "I"),
        Column("blocks", "1", "d"),
        Column("peak", "B", "d"),
    ),
)
