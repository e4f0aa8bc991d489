"""What is said between the parent and a generator, and what a generator writes down.

The parent writes JSON lines to the generator's standard input: one `Offer`, then commands. The
generator answers with `Event` lines on standard output and a row of `REQUESTS` for each request.
When its input ends, the parent is gone and the generator ends too.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from asapbench.series import Column, Layout


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Endpoint(_Message):
    """A kind of request and its share: `weight` of the sum of all weights.

    `refused` are calls that a server has to answer with a JSON-RPC error.
    """

    name: Literal["asap", "manifest", "metrics", "refused"]
    weight: int = Field(ge=1)


class Load(_Message):
    """How many users, how fast they come (users/s), and what they offer together.

    `rate` is requests per second over all users; with None each user sends its next request `pause`
    seconds after the last answer (uniform between the two numbers). With `burst` the rate is
    offered for the first of its seconds and nothing for the second, by all users in phase. The plan
    begins at `start` (monotonic clock, now with None). Generators that share a load are told the
    same but for `share`: of the users' seats, a generator has number `share`, `share` + `shares`,
    and so on.
    A plan has an end after so many `requests` of all generators; with None it has none.
    """

    users: int = Field(ge=1)
    spawn_rate: float = Field(gt=0)
    rate: float | None = Field(gt=0)
    pause: tuple[float, float] = (0.0, 0.0)
    burst: tuple[float, float] | None = None
    start: float | None = None
    share: int = Field(default=0, ge=0)
    shares: int = Field(default=1, ge=1)
    requests: int | None = Field(default=None, ge=0)

    def of(self, users: int) -> Load:
        """The same of more or fewer users, each of whom has the same share in the rate."""
        rate = None if self.rate is None else self.rate / self.users * users
        return self.model_copy(update={"users": users, "rate": rate})


class Page(_Message):
    """locust's own page, which says how many users there are, in place of commands.

    It is served on the socket `listener` (a file descriptor), and its form begins with `load`, of
    which each user has an equal share; `most` is how many users it may ask for. Requests are
    reported to locust's statistics and written down nowhere.
    """

    listener: int
    load: Load
    most: int


class Offer(_Message):
    """All that a generator is told once.

    Alone it decides by itself when users come. Of several, one is the `master`: it has no users and
    tells each `worker` how many it gets, over locust's own protocol on a local port: that which the
    master has chosen when it is ready, and the workers are told. Workers are counted by `index`.

    `records` and `pulse` are the files to write; no pulse is taken without one. `headers` are
    "Name: value" lines; `$NAME` in a value is replaced from the generator's own environment, so
    that a secret is never passed on or written down. `timeout` is in seconds. With a `page` the
    generator is alone and takes no commands.
    """

    role: Literal["alone", "master", "worker"] = "alone"
    port: int = 0
    index: int = Field(default=0, ge=0)
    workers: int = Field(default=1, ge=1)
    url: str
    records: str = ""
    pulse: str = ""
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)
    skill: str = "echo"
    input: dict[str, Any] = {"message": "hello {n}"}
    recipient: str = "urn:asap:agent:default-server"
    headers: tuple[str, ...] = ()
    verify_tls: bool = True
    timeout: float = Field(default=30.0, gt=0)
    seed: int = 0
    page: Page | None = None


class Command(_Message):
    """`load` starts or changes the load; `stop` ends it after the open requests are answered.

    Requests still open `drain` seconds after `stop` are written as censored. `rest` plans nothing
    any more and lets users work off what they owe; what the server kept from being sent within
    `drain` seconds is written as censored. Users stay, and a load may follow.
    """

    do: Literal["load", "rest", "stop"]
    load: Load | None = None
    drain: float = 1.0

    @model_validator(mode="after")
    def _load_is_given(self) -> Self:
        if (self.do == "load") != (self.load is not None):
            raise ValueError("a load is given with `load`, and only with that")
        return self


class Event(_Message):
    """What a generator tells; `at` is the monotonic clock in seconds.

    `ready`: it can take a load; a master's workers find it at `port`. `ramped`: all users of the
    last load are there, `users` of them here. `failure`: the first request that failed in this way,
    with what was seen. `rested`: no user owes a request. `stopped`: all rows are written.
    """

    event: Literal["ready", "ramped", "failure", "rested", "stopped"]
    at: float
    users: int = 0
    port: int = 0
    endpoint: str = ""
    outcome: str = ""
    code: int = 0
    text: str = ""


class Outcome(IntEnum):
    """How a request ended. Only OK is a success; `code` of the row says more where it can."""

    OK = 0
    CONNECT = 1  # no connection (code: errno)
    TIMEOUT = 2  # no complete answer within the timeout
    CLOSED = 3  # connection closed or reset before the answer was complete (code: errno or 0)
    HTTP_4XX = 4  # code: status
    HTTP_5XX = 5  # code: status
    RPC_ERROR = 6  # a JSON-RPC error (code: its code)
    INVALID = 7  # no HTTP, no JSON, or not the shape asked for (code: HTTP status or 0)
    MISMATCH = 8  # well formed, but another's: id, correlation_id or payload differ
    TASK_FAILED = 9  # the right answer, which says that the task failed or was cancelled


class Flag(IntFlag):
    """What else is known of a request."""

    WAITED = 1  # the connection was busy at the planned time: the wait is the server's doing
    CONNECTED = 2  # a connection was opened for it, within its service time
    CENSORED = 4  # still open, or owed behind one, when the load ended: `done` is a lower bound


# Embedded servers tell in this header of an answer when they saw its request, and when they began
# the answer: two times of the monotonic clock.
SPLIT_HEADER = b"asapbench-split"

# Times are the monotonic clock in seconds. `sent` is NaN for a planned request never sent.
# In a closed loop `planned` is `sent`. `arrived` and `departed` are NaN where the server, if any,
# did not tell them, or told times that do not lie between `sent` and `done`.
REQUESTS = Layout(
    "requests",
    (
        Column("planned", "s", "d"),
        Column("sent", "s", "d"),
        Column("done", "s", "d"),
        Column("code", "1", "i"),
        Column("user", "1", "I"),
        Column("endpoint", "1", "B"),  # index into Offer.endpoints
        Column("outcome", "1", "B"),  # Outcome
        Column("flags", "1", "B"),  # Flag
        Column("arrived", "s", "d"),
        Column("departed", "s", "d"),
    ),
)

# A sleeper in each generator: when it woke, how late, and how many requests were open then.
PULSE = Layout(
    "pulse", (Column("at", "s", "d"), Column("late", "s", "d"), Column("open", "1", "I"))
)
