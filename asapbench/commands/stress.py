"""Find the breaking point: what load is sustained, and what breaks first.

Users come in steps, each judged on its own window, until one breaks the server (a broken step is \
repeated before it counts); then a search narrows the rate that can be sustained to an interval. \
With --quick the search ends as soon as the verdict is decided.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from asapbench.cores import generator_cores, physical_cores
from asapbench.model import (
    Analysis,
    Bench,
    Exploring,
    Look,
    Recorder,
    Run,
    Running,
    Seconds,
    Tick,
)
from asapbench.offer import Endpoint
from asapbench.tasks import InputFile, SkillName, Timeout, offer_of
from asapbench.units import show_duration
from asapbench.webui import WebPlan

if TYPE_CHECKING:
    from asapbench.climb import Pace
    from asapbench.ladder.search import Ladder

_ENDPOINTS = (Endpoint(name="asap", weight=1),)

BURST = (5.0, 2.0)  # seconds together, seconds quiet
_CYCLES = 4  # of bursts that are measured: fewer do not tell whether the queue grows
_BURST_STEP = sum(BURST) * (1 + _CYCLES)  # seconds; one cycle is for settling
MOST_USERS = 20_000
_MOST_RUNGS = 500  # of a ladder: hours, and more than anybody reads
_SETTLE_SHARE, _SETTLE = 0.2, (0.5, 5.0)  # of a step, and least and most seconds
_SHOWN_EXACTLY = 59.0  # seconds; longer times are shown in whole ones
_LEAST_WINDOW = 1.5  # seconds: three readings of the processes
_SAMPLES = 662  # requests that a p99 takes
_QUICK_PROBES, _PROBES = 5, 16


class StressPlan(WebPlan):
    """The ladder to climb, and how its users behave."""

    max_users: int = Field(
        500,
        ge=1,
        le=MOST_USERS,
        description="Users of the last step",
        json_schema_extra={"panel": "Load"},
    )
    step_users: int = Field(
        50, ge=1, description="Users more each step", json_schema_extra={"panel": "Load"}
    )
    step_time: Seconds = Field(
        30,
        gt=0,
        le=86_400,
        description=f"Length of a step: 30, 30s, 1m (of bursts {_BURST_STEP:g} s at least, and by "
        "default)",
        json_schema_extra={"panel": "Measuring"},
    )
    profile: Literal["step", "spike"] = Field(
        "step",
        description="step: up to --max-users in steps, then between the last good and the first "
        "bad; spike: --step-users, a jump to --max-users, and back",
        json_schema_extra={"panel": "Load"},
    )
    user_class: Literal["paced", "stress", "burst"] = Field(
        "paced",
        description="paced: each user offers --rps-per-user; stress: a closed loop with 1-5 ms "
        "between an answer and the next request; burst: as paced, 5 s together and 2 s quiet",
        json_schema_extra={"panel": "Load"},
    )
    rps_per_user: float = Field(
        10,
        gt=0,
        le=1e5,
        description="Requests a second of each paced user",
        json_schema_extra={"panel": "Load"},
    )
    until_break: bool = Field(
        False,
        description="Go on beyond --max-users, half as many again each step, until it breaks",
        json_schema_extra={"panel": "Load"},
    )
    skill: SkillName = "echo"
    input: InputFile = None
    processes: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        1,
        json_schema_extra={"panel": "Load", "metavar": "N|auto"},
        description="Generator processes; auto: one for each core that the server leaves",
    )
    timeout: Timeout = 10

    @model_validator(mode="before")
    @classmethod
    def _long_enough_for_bursts(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("user_class") == "burst":
            return {"step_time": _BURST_STEP} | given
        return given

    @model_validator(mode="after")
    def _has_a_step(self) -> Self:
        if self.max_users < self.step_users and not self.web_ui:
            raise ValueError(
                f"--max-users {self.max_users} is below one step: it must be at least "
                f"--step-users, which is {self.step_users}"
            )
        return self

    @model_validator(mode="after")
    def _is_climbed_in_time(self) -> Self:
        if self.profile == "step" and self.max_users > _MOST_RUNGS * self.step_users:
            raise ValueError(
                f"--max-users {self.max_users} with --step-users {self.step_users} are more than "
                f"{_MOST_RUNGS} steps: give more --step-users"
            )
        return self

    @model_validator(mode="after")
    def _has_a_spike(self) -> Self:
        if self.profile != "spike" or self.web_ui:
            return self
        if self.until_break:
            raise ValueError(
                "--profile spike and --until-break exclude each other: a spike is one jump"
            )
        if self.max_users == self.step_users:
            raise ValueError(
                f"--profile spike with --max-users {self.max_users} is no jump: it must be more "
                "than --step-users"
            )
        return self

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        least = self._least_step_time()
        if self.step_time < least and not self.web_ui:
            raise ValueError(
                f"--step-time {show_duration(self.step_time)} is too short to judge a step of "
                f"{self._first()}: it must be at least {show_duration(least)}"
            )
        return self

    @property
    def generators(self) -> int:
        """How many generator processes to start: never more than users."""
        wanted = generator_cores(physical_cores()) if self.processes == "auto" else self.processes
        return max(1, min(wanted, self.step_users))

    @property
    def rate_per_user(self) -> float | None:
        """Requests a second of each user on average, quiet times included; None: as they come."""
        if self.user_class == "stress":
            return None
        busy = BURST[0] / sum(BURST) if self.user_class == "burst" else 1.0
        return self.rps_per_user * busy

    def level(self, users: int) -> float:
        """What the search moves: req/s, in a closed loop users."""
        return users * (self.rate_per_user or 1.0)

    def _first(self) -> str:
        if self.rate_per_user is None:
            return f"{self.step_users} users"
        return f"{self.level(self.step_users):g} req/s (--step-users times --rps-per-user)"

    def _least_step_time(self) -> float:
        if self.user_class == "burst":
            # a whole cycle to settle, and whole ones to measure
            cycles = -(-_SAMPLES // (self.level(self.step_users) * sum(BURST)))
            return sum(BURST) * (1 + max(_CYCLES, cycles))
        window = _LEAST_WINDOW
        if self.rate_per_user is not None:
            window = max(window, _SAMPLES / self.level(self.step_users))
        least, most = _SETTLE
        settle = min(most, max(least, window * _SETTLE_SHARE / (1 - _SETTLE_SHARE)))
        # so that the time as it is shown is one that is accepted
        whole = window + settle > _SHOWN_EXACTLY
        return float(ceil(window + settle)) if whole else _upwards(window + settle)

    @property
    def pace(self) -> Pace:
        """How a level becomes a load, and how long it is held."""
        from asapbench.climb import Pace

        if self.user_class == "burst":
            cycle = sum(BURST)
            measure = (self.step_time - cycle) // cycle * cycle
            return Pace(self.rate_per_user, cycle, measure, BURST, self.timeout)
        least, most = _SETTLE
        settle = min(most, max(least, self.step_time * _SETTLE_SHARE))
        return Pace(self.rate_per_user, settle, self.step_time - settle, timeout=self.timeout)

    @property
    def ladder(self) -> Ladder:
        """The loads to offer."""
        from asapbench.ladder.search import Ladder

        return Ladder(
            step=self.level(self.step_users),
            top=self.level(self.max_users),
            most=self.level(MOST_USERS),
            beyond=self.until_break,
            whole=self.rate_per_user is None,
            probes=_QUICK_PROBES if self.quick else _PROBES,
        )


def _upwards(seconds: float) -> float:
    return ceil(seconds * 10) / 10


def produces(plan: StressPlan) -> dict[str, str]:
    """The metrics that a stress run can give, and their units."""
    from asapbench.ladder.conclude import metric_units  # numpy: not for --help

    return metric_units(plan.ladder.steps)


def prepare(plan: StressPlan) -> None:
    """See that marks can be met, and that there are file descriptors and ports for all users."""
    from asapbench.ladder.conclude import check_marks  # numpy: not for --help
    from asapbench.limits import allow_sockets
    from asapbench.targets import read_table

    check_marks(read_table("stress", plan.targets))
    most = MOST_USERS if plan.until_break else plan.max_users
    allow_sockets("--max-users", most, plan.max_users, local=plan.host is None)


def measure(plan: StressPlan, system: Running, recorder: Recorder, look: Look) -> Generator[Tick]:
    """Climb; every request is recorded, the windows and the table of steps say whose it is."""
    from asapbench.climb import Climb  # numpy and psutil: not for --help
    from asapbench.ladder.evidence import STEPS
    from asapbench.series import Writer
    from asapbench.traffic import generator

    cpus = recorder.story.environment.generator_cpus
    path = recorder.path(STEPS.name + ".series")
    first, top = plan.level(plan.step_users), plan.level(plan.max_users)
    with (
        Writer(path, STEPS) as steps,
        generator(
            offer_of(plan, system.server, _ENDPOINTS), recorder, cpus, plan.generators
        ) as traffic,
    ):
        climb = Climb(traffic, recorder, plan.pace, steps)
        yield from climb.warm_up(first)
        if plan.profile == "spike":
            yield from climb.spike(first, top)
        else:
            yield from climb.search(reachable(plan), lambda: plan.quick and look().decided)


def reachable(plan: StressPlan) -> Ladder:
    """The ladder of a plan, as far as this machine has sockets for its users."""
    from asapbench.limits import most_users

    return replace(plan.ladder, most=plan.level(most_users(MOST_USERS)))


def measure_floor(plan: StressPlan, system: Running, recorder: Recorder) -> Generator[Tick]:
    """A first step against a server that does nothing, and as much as there is."""
    from asapbench import floor  # numpy: not for --help
    from asapbench.traffic import generator

    offer = offer_of(plan, system.server, _ENDPOINTS).model_copy(
        update={"skill": "echo", "headers": ()}
    )
    cpus = recorder.story.environment.generator_cpus
    with generator(offer, recorder, cpus, plan.generators) as traffic:
        yield from floor.measure_floor(traffic, plan.step_users, plan.level(plan.step_users))


def explore(plan: StressPlan) -> Exploring | None:
    """The first step, for its users to be told on locust's page how many they are."""
    if not plan.web_ui:
        return None
    at_once = {"spawn_rate": float(plan.step_users), "start": None}
    first = plan.pace.load(plan.level(plan.step_users)).model_copy(update=at_once)
    return Exploring(
        plan.web_port, "step_users", first, lambda server: offer_of(plan, server, _ENDPOINTS)
    )


def analyse(run: Run) -> Analysis:
    """The curve, the breaking point as an interval, and what else the steps show."""
    from asapbench.ladder.conclude import analysis  # numpy and scipy: not for --help

    return analysis(run)


BENCH = Bench(
    name="stress",
    plan=StressPlan,
    produces=produces,
    measure=measure,
    analyse=analyse,
    doc=__doc__,
    examples=(
        ("asapbench stress", "up to 500 users, 50 more every 30 s"),
        ("asapbench stress --step-time 10s --until-break", "shorter steps, until it breaks"),
        ("asapbench stress --user-class stress", "a closed loop, and its scalability law"),
        ("asapbench stress --profile spike", "a jump to all users, and back"),
    ),
    floor=measure_floor,
    prepare=prepare,
    judges_death=True,
    explore=explore,
    explored=("step_users", "rps_per_user", "user_class", "skill", "input", "timeout"),
)
