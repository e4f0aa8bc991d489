"""Offer a steady load and judge throughput, latency and errors.

Users come at --spawn-rate, the load is held for --warmup and thrown away, then measured for \
--duration. Ramp and warm-up are in no number of the result.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Annotated, Literal

from pydantic import Field

from asapbench.cores import generator_cores, physical_cores
from asapbench.errors import UsageError
from asapbench.model import (
    Analysis,
    Bench,
    Exploring,
    Look,
    Note,
    Recorder,
    Run,
    Running,
    Seconds,
    Tick,
)
from asapbench.offer import Endpoint, Load
from asapbench.targets import parse_limit, read_table
from asapbench.tasks import InputFile, SkillName, Timeout, offer_of
from asapbench.units import show
from asapbench.webui import WebPlan

# About a third of what one can: beyond half of a core its own queue shows in the latency.
RATE_PER_PROCESS = 3000

WEEK = 7 * 24 * 3600.0

_USED = {"cpu": "cores", "rss": "B"}  # by each process

_MIXES = {
    "mixed": (
        Endpoint(name="asap", weight=10),
        Endpoint(name="manifest", weight=2),
        Endpoint(name="metrics", weight=1),
    ),
    "sustained": (Endpoint(name="asap", weight=1),),
}


class LoadPlan(WebPlan):
    """The load to offer, and for how long."""

    users: int = Field(
        100,
        ge=1,
        le=20_000,
        description="Users, one connection each",
        json_schema_extra={"panel": "Load", "short": "-u"},
    )
    spawn_rate: float = Field(
        10,
        ge=0.01,
        le=1e6,
        description="Users started a second",
        json_schema_extra={"panel": "Load", "short": "-r"},
    )
    duration: Seconds = Field(
        60,
        gt=0,
        le=WEEK,
        description="Measured time: 60, 90s, 5m, 1h",
        json_schema_extra={"panel": "Measuring", "short": "-t"},
    )
    extend: float = Field(
        2,
        ge=1,
        le=100,
        description="Undecided, go on until this many times --duration at most",
        json_schema_extra={"panel": "Measuring"},
    )
    warmup: Seconds = Field(
        3,
        ge=0,
        le=WEEK,
        description="The same load before it, thrown away",
        json_schema_extra={"panel": "Measuring"},
    )
    rps: float = Field(
        1000,
        gt=0,
        le=1e6,
        description="Requests a second that all users together offer",
        json_schema_extra={"panel": "Load"},
    )
    user_class: Literal["mixed", "sustained"] = Field(
        "mixed",
        description="mixed: posts, manifest and metrics 10 : 2 : 1 at --rps; "
        "sustained: posts only, as fast as answers come",
        json_schema_extra={"panel": "Load"},
    )
    skill: SkillName = "echo"
    input: InputFile = None
    processes: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        1,
        json_schema_extra={"panel": "Load", "metavar": "N|auto"},
        description="Generator processes; auto: as many as --rps needs, "
        f"{RATE_PER_PROCESS} req/s each, and have a core",
    )
    timeout: Timeout = 30

    @property
    def paced(self) -> bool:
        """Whether requests follow a plan of their own, not the answers."""
        return self.user_class == "mixed"

    @property
    def generators(self) -> int:
        """How many generator processes to start: never more than users."""
        if self.processes != "auto":
            return min(self.processes, self.users)
        needed = math.ceil(self.rps / RATE_PER_PROCESS) if self.paced else 1
        return max(1, min(needed, generator_cores(physical_cores()), self.users))

    @property
    def load(self) -> Load:
        """What all users together offer."""
        rate = self.rps if self.paced else None
        return Load(users=self.users, spawn_rate=self.spawn_rate, rate=rate)

    @property
    def looks(self) -> tuple[float, ...]:
        """When to ask whether all is decided, in seconds of measured time."""
        return looks(self.duration, self.extend, quick=self.quick)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The kinds of requests, in the order in which rows number them."""
        return tuple(endpoint.name for endpoint in _MIXES[self.user_class])


def looks(duration: float, extend: float, *, quick: bool) -> tuple[float, ...]:
    """The end of the planned time, then up to `extend` times that; early ones for --quick."""
    early = (1 / 8, 1 / 4, 1 / 2) if quick else ()
    late = ((1 + extend) / 2, extend) if extend > 1 else ()
    return tuple(duration * share for share in (*early, 1, *late))


def produces(plan: LoadPlan) -> dict[str, str]:
    """The metrics that a load run can give, and their units."""
    from asapbench.samples import metric_units, split_units  # numpy: not for --help

    several = plan.generators > 1
    own = (*(f"generator-{index}" for index in range(plan.generators)), "master") if several else ()
    processes = ("server", "generator", "asapbench", *own)
    sampled = {f"{name}.{kind}": unit for name in processes for kind, unit in _USED.items()}
    embedded = plan.host is None and plan.serve is None
    split = split_units(plan.endpoints) if embedded else {}
    return metric_units(plan.endpoints, paced=plan.paced) | split | sampled


def prepare(plan: LoadPlan) -> None:
    """See that the table can be met by some server, and that there are sockets for all users."""
    from asapbench.limits import allow_sockets

    if plan.paced:
        _check_offered(plan)
    allow_sockets("--users", plan.users, plan.users, local=plan.host is None)


def _check_offered(plan: LoadPlan) -> None:
    """Raise UsageError where a throughput is wanted that is not even asked for."""
    weights = {endpoint.name: endpoint.weight for endpoint in _MIXES[plan.user_class]}
    offered = {"throughput": plan.rps}
    for name, weight in weights.items():
        offered[f'throughput{{endpoint="{name}"}}'] = plan.rps * weight / sum(weights.values())
    for target in read_table("load", plan.targets):
        limit = parse_limit(target.limit)
        most = offered.get(target.metric, math.inf)
        if limit.sign in {">", ">="} and limit.value >= most:
            raise UsageError(
                f"--targets: {target.metric} {target.limit} cannot be shown at --rps {plan.rps:g}, "
                f"which offers {show(most, 'req/s')}: no server serves more than it is asked for; "
                "offer more, or lower the limit (asapbench targets --write FILE)"
            )


def measure(plan: LoadPlan, system: Running, recorder: Recorder, look: Look) -> Generator[Tick]:
    """Ramp, warm up, measure; every request is recorded, the windows say what counts."""
    from asapbench.traffic import generator  # psutil: not for --help

    cpus = recorder.story.environment.generator_cpus
    _note_too_many(plan, recorder)
    with generator(
        offer_of(plan, system.server, _MIXES[plan.user_class]), recorder, cpus, plan.generators
    ) as traffic:
        yield from traffic.ramp(plan.load)
        if plan.warmup:
            yield from traffic.hold("warm-up", plan.warmup)
        yield from traffic.hold_until_decided("measured", plan.looks, lambda: look().decided)


def measure_floor(plan: LoadPlan, system: Running, recorder: Recorder) -> Generator[Tick]:
    """The planned rate against a server that does nothing, then as much as there is."""
    from asapbench import floor  # numpy: not for --help
    from asapbench.traffic import generator

    offer = offer_of(plan, system.server, _MIXES[plan.user_class]).model_copy(
        update={"skill": "echo", "headers": ()}
    )
    cpus = recorder.story.environment.generator_cpus
    with generator(offer, recorder, cpus, plan.generators) as traffic:
        yield from floor.measure_floor(traffic, plan.users, plan.rps)


def explore(plan: LoadPlan) -> Exploring | None:
    """The load of the plan, for its users to be told on locust's page how many they are."""
    if not plan.web_ui:
        return None
    endpoints = _MIXES[plan.user_class]
    return Exploring(
        plan.web_port, "users", plan.load, lambda server: offer_of(plan, server, endpoints)
    )


def analyse(run: Run) -> Analysis:
    """The metrics of the measured window."""
    from asapbench.under_load import analyse_load  # numpy and scipy: not for --help

    plan = run.story.plan
    window = next((found for found in run.story.windows if found.name == "measured"), None)
    if window is None:
        return Analysis(metrics=())
    times = len(looks(plan["duration"], plan["extend"], quick=plan["quick"]))
    endpoints = tuple(endpoint.name for endpoint in _MIXES[plan["user_class"]])
    return analyse_load(run, window, endpoints, paced=plan["user_class"] == "mixed", looks=times)


def _note_too_many(plan: LoadPlan, recorder: Recorder) -> None:
    """Say so where generators have to share a core."""
    cores = generator_cores(physical_cores())
    if plan.generators <= cores:
        return
    note = Note(
        code="more-processes-than-cores",
        text=f"{plan.generators} generator processes share {_cores(cores)}",
        hint=f"--processes: give {cores} or auto; more of them only take each other's time",
    )
    recorder.tell(notes=(*recorder.story.notes, note))


def _cores(number: int) -> str:
    return f"{number} core" + "s" * (number != 1)


BENCH = Bench(
    name="load",
    plan=LoadPlan,
    produces=produces,
    measure=measure,
    analyse=analyse,
    doc=__doc__,
    examples=(
        ("asapbench load", "the embedded agent, at 1000 req/s, for a minute"),
        ("asapbench load --host http://127.0.0.1:8000 --users 50", "an agent that runs"),
        ("asapbench load --serve 'python agent.py --port {port}'", "an agent to be started"),
        ("asapbench load --quick --junit verdicts.xml", "for CI: no longer than it takes"),
        ("asapbench load --baseline main --max-slowdown 10%", "against a run that was saved"),
        ("asapbench load --web-ui", "by hand, on locust's page"),
    ),
    floor=measure_floor,
    prepare=prepare,
    explore=explore,
    explored=("users", "spawn_rate", "rps", "user_class", "skill", "input", "timeout"),
)
