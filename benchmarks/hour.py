"""A run of an hour as a load of 1000 req/s leaves it, made up: 3.6 million requests.

Written by the writers of the store, so that it is read like any other. Known extremes are in it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

from asapbench.commands.load import LoadPlan
from asapbench.cores import CorePlan
from asapbench.environment import read_environment
from asapbench.model import Server, Window
from asapbench.offer import PULSE, REQUESTS, Flag, Outcome
from asapbench.resources import MACHINE, PROCESS
from asapbench.series import Layout, Writer
from asapbench.store import begin
from asapbench.targets import read_table

SECONDS, RATE, USERS = 3600, 1000, 100
PAUSE, PAUSED = 0.9, 1234  # seconds without an answer, and the second in which it began
BURST, REFUSED = 2345, 400  # a second in which so many requests were refused
CALM = 3001  # a second in which the server idled

_START = 1000.0  # on the monotonic clock
_MIX = (0,) * 10 + (1,) * 2 + (2,)
_TYPICAL = (1.6e-3, 1.1e-3, 2.4e-3)  # seconds, by endpoint


def write(place: Path) -> Path:
    """Keep such a run in a store; its folder."""
    recording = begin("load", LoadPlan(duration=SECONDS), read_environment(CorePlan()), place)
    _series(recording.path("requests.series"), REQUESTS, _requests(random.Random(1)))
    _series(recording.path("pulse.series"), PULSE, _pulses())
    for name, cpu, rss in (
        ("server", 0.41, 62e6),
        ("generator", 0.2, 74e6),
        ("asapbench", 0.03, 150e6),
    ):
        layout = Layout("resources", PROCESS, {"process": name})
        _series(recording.path(f"{name}.series"), layout, _readings(name, cpu, rss))
    _series(recording.path("machine.series"), Layout("machine", MACHINE), _stolen())
    recording.tell(
        server=Server(
            url="http://127.0.0.1:8000",
            pid=42,
            how="embedded",
            agent="urn:asap:agent:default-server",
            version="1.0.0",
        ),
        targets=read_table("load", None),
        windows=(Window(name="measured", start=_START, end=_START + SECONDS),),
        duration=SECONDS + 16.0,
        ended="complete",
    )
    return recording.folder


def _series(file: Path, layout: Layout, rows: Iterator[tuple[float, ...]]) -> None:
    with Writer(file, layout) as writer:
        for row in rows:
            writer.append(*row)


def _requests(chance: random.Random) -> Iterator[tuple[float, ...]]:
    """Lognormal times with a slow wave, a pause after which all that waited is answered."""
    pause, end = _START + PAUSED, _START + PAUSED + PAUSE
    for number in range(SECONDS * RATE):
        planned = _START + (number + 0.5) / RATE
        endpoint = _MIX[number % len(_MIX)]
        wave = 1 + 0.3 * math.sin(number / RATE / 300)
        took = _TYPICAL[endpoint] * wave * chance.lognormvariate(0, 0.35)
        flags = Flag(0)
        sent = planned + 4e-5
        if pause <= planned < end:
            flags = Flag.WAITED
            took += end - planned
        refused = number // RATE == BURST and number % RATE < REFUSED
        outcome, code = (Outcome.HTTP_5XX, 503) if refused else (Outcome.OK, 0)
        arrived = sent + 0.2 * took
        yield (
            planned,
            sent,
            sent + took,
            code,
            number % USERS,
            endpoint,
            outcome,
            flags,
            arrived,
            sent + 0.9 * took,
        )


def _pulses() -> Iterator[tuple[float, ...]]:
    for number in range(SECONDS * 100):
        yield _START + number / 100, 5e-5, 2


def _readings(name: str, cpu: float, rss: float) -> Iterator[tuple[float, ...]]:
    """Twice a second, sums since the start; in one second the server did nothing."""
    used = 1.0
    for number in range(2 * SECONDS + 1):
        calm = name == "server" and number // 2 == CALM
        used += 0.0 if calm else cpu / 2 * (1 + 0.1 * math.sin(number / 40))
        at = _START + number / 2
        yield at, used, rss + 500 * number, used / 100, 900.0 * number, 12.0 * number, used


def _stolen() -> Iterator[tuple[float, ...]]:
    for number in range(2 * SECONDS + 1):
        yield _START + number / 2, 0.002 * number, 0.3 * number
