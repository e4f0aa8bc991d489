"""Whether the instrument itself can be believed: a gate that trips voids every verdict.

The limits are documented in docs/explanation-health.md, with what was seen on quiet and on
disturbed machines.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor
from typing import Literal

import numpy as np

from asapbench.model import Gate, Measurement, Run, Target, Window
from asapbench.offer import PULSE, REQUESTS, Outcome
from asapbench.samples import Requests
from asapbench.stats import Array
from asapbench.targets import parse_limit
from asapbench.units import show
from asapbench.usage import MACHINE, PROCESSES, growth_rate

NOT_SENT = 0.01  # of the plan
NOT_UNDERSTOOD = 0.01  # of the answers
BUSY = 0.95  # cores, of a generator process, in more than
BUSY_SECONDS = 0.05  # of the seconds
LATE_SHARE = 0.5  # of the requests beyond the tightest percentile may be late, if late by
LATE_BY = 0.2  # of its limit
WAITED = 0.10  # of the time a process could have run
FULL = 0.9  # of the CPUs that a server can use
STOLEN = 0.05  # of the machine's time
LITTLE = 0.10  # between the requests in flight and rate times time
LITTLE_FEW = 2.0  # requests in flight, below which a moment's count says little
DELIVERED = 0.95  # of the requests: a server that answers less is what holds up the rest
# why there is no connection, where that is the doing of this side: no descriptor, port or memory
_NO_SOCKET = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)
_OF_THE_GENERATOR = {"lag", "jitter", "latest", "plan-not-sent"}
BEAT = 0.02  # seconds from one beat of the pulse to the next

_QUIETER = "end what else runs on this machine, or give the generator a core of its own"
_SLOWER = "offer less (--rps, --users), or more generators (--processes)"


@dataclass(frozen=True)
class Tightest:
    """The percentile and the limit that are hardest to measure of those in a table."""

    beyond: float
    limit: float


def gates(run: Run, requests: Requests, rate: float | None) -> Iterator[Gate]:
    """Every gate that the measured numbers allow to judge; `rate` is the planned one, if any."""
    window = requests.window
    if window.end <= window.start:  # cut short as it began
        return
    if rate is not None:
        yield from not_sent(requests, rate)
        yield from _lag(requests, run.story.targets)
    yield from _pulse(run, requests, rate)
    yield from _late_once(run, requests, run.story.targets, planned=rate is not None)
    for process in run.tables(PROCESSES):
        yield from _busy(process, window)
        yield from _waited(process, window, run)
    yield from _stolen(run, window)
    yield from _not_understood(requests)
    yield from no_socket(requests)


def tightest(targets: tuple[Target, ...]) -> Tightest | None:
    """The latency target that a late generator would spoil first; `_late_once` is of a maximum."""
    rows = [
        Tightest(_beyond(name), limit)
        for name, limit in _upper(targets)
        if name == "mean" or name.startswith("p")
    ]
    return min(rows, key=lambda row: row.limit * row.beyond, default=None)


def _beyond(name: str) -> float:
    """The share beyond a percentile; a mean is spoilt as a median is, half by half."""
    return 0.5 if name == "mean" else 1 - float(name[1:]) / 100


def _upper(targets: tuple[Target, ...]) -> Iterator[tuple[str, float]]:
    """Of the rows that bound a latency above which part of it, and the limit."""
    for target in targets:
        kind, _, name = target.metric.partition("{")[0].partition(".")
        limit = parse_limit(target.limit)
        if kind in {"latency", "service_time"} and limit.sign in {"<", "<="}:
            yield name, limit.value


def not_sent(requests: Requests, rate: float) -> Iterator[Gate]:
    """Whether the generator sent what was planned; nothing for a window too short for a request."""
    # an even grid has this many slots in the window or one more
    planned = floor(rate * (requests.window.end - requests.window.start))
    if not planned:
        return
    lost = max(0, planned - len(requests.planned)) / planned
    yield Gate(
        name="plan-not-sent",
        unit="ratio",
        value=lost,
        limit=NOT_SENT,
        text=f"{show(lost, 'ratio')} of the planned requests were never sent by the generator",
        hint=_SLOWER,
    )


def _lag(requests: Requests, targets: tuple[Target, ...]) -> Iterator[Gate]:
    hardest, lag = tightest(targets), requests.lag()
    if hardest is None or not len(lag):
        return
    late = float(np.quantile(lag, 0.99))
    yield Gate(
        name="lag",
        unit="s",
        value=late,
        limit=hardest.limit,
        text=f"the generator sent 1 % of the requests {show(late, 's')} late or more, against a "
        f"latency limit of {show(hardest.limit, 's')}",
        hint=_QUIETER,
    )


def _pulse(run: Run, requests: Requests, rate: float | None) -> Iterator[Gate]:
    window = requests.window
    beats = [table.within(window) for table in run.tables(PULSE.name)]
    late = np.concatenate([part["late"] for part in beats]) if beats else np.empty(0)
    hardest = tightest(run.story.targets)
    if hardest is not None and len(late):
        yield _late(late, hardest)
    if beats and all(len(part["open"]) for part in beats):
        in_flight = sum(float(np.mean(part["open"])) for part in beats)
        # a planned request is done when its answer arrives, and open until that is read
        unread = rate * float(np.mean(np.maximum(0.0, late))) if rate else 0.0
        yield from _little(in_flight, _carried(run, window), unread)


def _late_once(
    run: Run, requests: Requests, targets: tuple[Target, ...], *, planned: bool
) -> Iterator[Gate]:
    """A maximum is spoilt by a generator that is late a single time."""
    limit = min((limit for name, limit in _upper(targets) if name == "max"), default=None)
    late = [table.within(requests.window)["late"] for table in run.tables(PULSE.name)]
    late += [requests.lag()] if planned else []
    most = max((float(times.max(initial=0.0)) for times in late), default=None)
    if limit is None or most is None:
        return
    yield Gate(
        name="latest",
        unit="s",
        value=most,
        limit=LATE_BY * limit,
        text=f"the generator was {show(most, 's')} late once, against a limit of "
        f"{show(limit, 's')} on the slowest request",
        hint=_QUIETER,
    )


def _late(late: Array, hardest: Tightest) -> Gate:
    """A beat that slept through others stands for these too."""
    by = hardest.limit * LATE_BY
    beats = len(late) + float(np.sum(np.maximum(0.0, late) // BEAT))
    share = float(np.sum(np.ceil(np.maximum(0.0, late - by) / BEAT))) / beats
    return Gate(
        name="jitter",
        unit="ratio",
        value=share,
        limit=hardest.beyond * LATE_SHARE,
        text=f"the generator woke more than {show(by, 's')} late {show(share, 'ratio')} of the "
        f"times, which a percentile with {show(hardest.beyond, 'ratio')} beyond it cannot bear",
        hint=_QUIETER,
    )


def _carried(run: Run, window: Window) -> float:
    """How many requests were in flight on average, by the times of all of them."""
    seconds = 0.0
    for table in run.tables(REQUESTS.name):
        sent, done = (np.clip(table.columns[c], window.start, window.end) for c in ("sent", "done"))
        seconds += float(np.nansum(done - sent))
    return seconds / (window.end - window.start)


def _little(in_flight: float, expected: float, unread: float) -> Iterator[Gate]:
    """Little's law: requests in flight = rate times the time each is in flight.

    Up to `unread` of them more may have an answer that nobody has read.
    """
    if max(in_flight, expected) < LITTLE_FEW:
        return
    apart = max(expected - in_flight, in_flight - expected - unread, 0.0)
    gap = apart / max(in_flight, expected)
    yield Gate(
        name="little",
        unit="ratio",
        value=gap,
        limit=LITTLE,
        text=f"{in_flight:.1f} requests were in flight, and rate times time says {expected:.1f}",
        hint="report this with the run: some requests were not recorded",
    )


def _busy(process: Measurement, window: Window) -> Iterator[Gate]:
    name = process.labels["process"]
    rows = process.within(window)
    if not name.startswith("generator") or len(rows["at"]) < 3:
        return
    share = float(np.mean(np.diff(rows["cpu"]) > BUSY * np.diff(rows["at"])))
    yield Gate(
        name=f"{name}-busy",
        unit="ratio",
        value=share,
        limit=BUSY_SECONDS,
        text=f"the {name} used its whole core {show(share, 'ratio')} of the time",
        hint=_SLOWER,
    )


def _waited(process: Measurement, window: Window, run: Run) -> Iterator[Gate]:
    """Ours is one process and has a core; whose helpers take that of another, nobody can tell."""
    name = process.labels["process"]
    embedded = run.story.server is not None and run.story.server.how == "embedded"
    share = growth_rate(process, "waited", window)
    if share is None or not (name.startswith("generator") or (name == "server" and embedded)):
        return
    yield Gate(
        name=f"{name}-starved",
        unit="ratio",
        value=share,
        limit=WAITED,
        text=f"the {name} was kept from running {show(share, 'ratio')} of the time: "
        "its core was busy with something else",
        hint=_QUIETER,
    )


def _stolen(run: Run, window: Window) -> Iterator[Gate]:
    for table in run.tables(MACHINE):
        rate = growth_rate(table, "steal", window)
        if rate is not None:
            share = rate / run.story.environment.cores
            yield Gate(
                name="stolen",
                unit="ratio",
                value=share,
                limit=STOLEN,
                text=f"the hypervisor gave {show(share, 'ratio')} of this machine's time to others",
                hint="measure on a machine that is not shared, or at another time",
            )


def _not_understood(requests: Requests) -> Iterator[Gate]:
    ended = int(requests.served.sum() + requests.failed.sum())
    if not ended:
        return
    share = int((requests.outcome == Outcome.INVALID.value).sum()) / ended
    yield Gate(
        name="not-understood",
        unit="ratio",
        value=share,
        limit=NOT_UNDERSTOOD,
        text=f"the answer to {show(share, 'ratio')} of the requests was not understood",
        hint="look at the first of them in the table of errors: is this an ASAP agent?",
    )


def no_socket(requests: Requests) -> Iterator[Gate]:
    """Whether the generator got a socket for every request; nothing where it did."""
    codes = requests.code[requests.outcome == Outcome.CONNECT.value]
    codes = codes[np.isin(codes, _NO_SOCKET)]
    if not len(codes):
        return
    share = len(codes) / len(requests.outcome)
    yield Gate(
        name="no-socket",
        unit="ratio",
        value=share,
        limit=0.0,
        text=f"the generator got no socket for {show(share, 'ratio')} of the requests: "
        f"{os.strerror(int(codes[0])).lower()}",
        hint="give fewer users, or raise what this machine allows (ulimit -Hn, "
        "net.ipv4.ip_local_port_range)",
    )


def bottleneck(run: Run, requests: Requests, judged: Sequence[Gate]) -> str:
    """Who kept the rate from being higher: server, generator, machine or none."""
    window = requests.window
    tripped = {gate.name for gate in judged if not gate.ok}
    if any(name.endswith("-starved") or name == "stolen" for name in tripped):
        return "machine"
    if any(name.endswith("-busy") or name in _OF_THE_GENERATOR for name in tripped):
        return "generator"
    answered = int((requests.served | requests.refused).sum())
    if answered < DELIVERED * len(requests.planned):
        return "server"
    return "server" if full(run, window) else "none"


def full(run: Run, window: Window) -> Literal["", "cores", "thread"]:
    """What of the server is used up: all of its cores, or one thread; nothing, if not known.

    A thread that runs all the time is what requests queue for, on however many cores: the event
    loop of a server that is one process, or of the one worker that gets all the connections.
    """
    for process in filter(_is_server, run.tables(PROCESSES)):
        cores, thread = (growth_rate(process, column, window) for column in ("cpu", "busiest"))
        if cores is not None and cores >= FULL * server_cores(run):
            return "cores"
        if thread is not None and thread >= FULL:
            return "thread"
    return ""


def server_cores(run: Run) -> int:
    """How many CPUs the server can use: those it was put on, or all of the machine."""
    server = run.story.server
    return len(server.cpus) if server is not None and server.cpus else run.story.environment.cores


def _is_server(process: Measurement) -> bool:
    return process.labels["process"] == "server"
