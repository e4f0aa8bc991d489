"""Whether the instrument itself can be believed: a gate that trips voids every verdict.

The limits are documented in docs/explanation-health.md, with what was seen on quiet and on
disturbed machines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asapbench.model import Gate, Measurement, Run, Target, Window
from asapbench.offer import Outcome
from asapbench.samples import Requests
from asapbench.stats import Array
from asapbench.targets import parse_limit
from asapbench.units import show

NOT_SENT = 0.01  # of the plan
NOT_UNDERSTOOD = 0.01  # of the answers
BUSY = 0.95  # cores, of a generator process, in more than
BUSY_SECONDS = 0.05  # of the seconds
LATE_SHARE = 0.5  # of the requests beyond the tightest percentile may be late, if late by
LATE_BY = 0.2  # of its limit
WAITED = 0.10  # of the time a process could have run
FULL = 0.9  # of the CPUs that a server was given: it can hardly take more
STOLEN = 0.02  # of the machine's time
LITTLE = 0.10  # between the requests in flight and rate times time
LITTLE_FEW = 2.0  # requests in flight, below which a moment's count says little

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
    if rate is not None:
        yield _not_sent(requests, rate)
        yield from _lag(requests, run.story.targets)
    yield from _pulse(run, requests, run.story.targets)
    for process in _processes(run):
        yield from _busy(process, window)
        yield from _waited(process, window, run)
    yield from _stolen(run, window)
    yield from _not_understood(requests)


def tightest(targets: tuple[Target, ...]) -> Tightest | None:
    """The latency target that a late generator would spoil first."""
    rows = [
        Tightest(1 - float(name[1:]) / 100, parse_limit(target.limit).value)
        for target in targets
        if (name := _percentile(target.metric))
    ]
    return min(rows, key=lambda row: row.limit * row.beyond, default=None)


def _percentile(metric: str) -> str:
    kind, _, name = metric.partition("{")[0].partition(".")
    return name if kind in {"latency", "service_time"} and name.startswith("p") else ""


def _not_sent(requests: Requests, rate: float) -> Gate:
    planned = rate * (requests.window.end - requests.window.start)
    lost = max(0.0, planned - len(requests.planned)) / planned
    return Gate(
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


def _pulse(run: Run, requests: Requests, targets: tuple[Target, ...]) -> Iterator[Gate]:
    beats = [table for table in run.measurements if table.name == "pulse"]
    window = requests.window
    parts = [_inside(table, window) for table in beats]
    if not any(len(part["late"]) for part in parts):
        return
    hardest = tightest(targets)
    if hardest is not None:
        yield _late(np.concatenate([part["late"] for part in parts]), hardest)
    yield from _little(sum(float(np.mean(part["open"])) for part in parts), requests)


def _late(late: Array, hardest: Tightest) -> Gate:
    by = hardest.limit * LATE_BY
    share = float(np.mean(late > by))
    return Gate(
        name="jitter",
        unit="ratio",
        value=share,
        limit=hardest.beyond * LATE_SHARE,
        text=f"the generator woke more than {show(by, 's')} late {show(share, 'ratio')} of the "
        f"times, which a percentile with {show(hardest.beyond, 'ratio')} beyond it cannot bear",
        hint=_QUIETER,
    )


def _little(in_flight: float, requests: Requests) -> Iterator[Gate]:
    """Little's law: requests in flight = rate times the time each is in flight."""
    window = requests.window
    sent = ~np.isnan(requests.sent)
    begun = np.maximum(requests.sent[sent], window.start)
    ended = np.minimum(requests.done[sent], window.end)
    expected = float(np.sum(np.maximum(0.0, ended - begun))) / (window.end - window.start)
    if max(in_flight, expected) < LITTLE_FEW:
        return
    gap = abs(in_flight - expected) / max(in_flight, expected)
    yield Gate(
        name="little",
        unit="ratio",
        value=gap,
        limit=LITTLE,
        text=f"{in_flight:.1f} requests were in flight, and rate times time says {expected:.1f}",
        hint="report this with the run: some requests were not recorded",
    )


def _processes(run: Run) -> Iterator[Measurement]:
    yield from (table for table in run.measurements if table.name == "resources")


def _busy(process: Measurement, window: Window) -> Iterator[Gate]:
    name = process.labels["process"]
    rows = _inside(process, window)
    if not name.startswith("generator") or len(rows["at"]) < 3:
        return
    used = np.diff(rows["cpu"]) / np.diff(rows["at"])
    share = float(np.mean(used > BUSY))
    yield Gate(
        name=f"{name}-busy",
        unit="ratio",
        value=share,
        limit=BUSY_SECONDS,
        text=f"the {name} used its whole core {show(share, 'ratio')} of the time",
        hint=_SLOWER,
    )


def _waited(process: Measurement, window: Window, run: Run) -> Iterator[Gate]:
    """A server of several processes may wait for its own; ours is one and has a core."""
    name = process.labels["process"]
    rows = _inside(process, window)
    ours = run.story.server is not None and run.story.server.how == "embedded"
    if len(rows["at"]) < 2 or np.isnan(rows["waited"]).any() or not (name != "server" or ours):
        return
    share = float((rows["waited"][-1] - rows["waited"][0]) / (rows["at"][-1] - rows["at"][0]))
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
    for table in run.measurements:
        rows = _inside(table, window) if table.name == "machine" else {}
        if rows and len(rows["at"]) >= 2:
            wall = float(rows["at"][-1] - rows["at"][0]) * run.story.environment.cores
            share = float(rows["steal"][-1] - rows["steal"][0]) / wall
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
        text=f"{show(share, 'ratio')} of the answers were not understood",
        hint="look at the first of them in the table of errors: is this an ASAP agent?",
    )


def _inside(table: Measurement, window: Window) -> dict[str, Any]:
    at = table.columns["at"]
    inside = (at >= window.start) & (at <= window.end)
    return {name: column[inside] for name, column in table.columns.items()}


def bottleneck(run: Run, window: Window, judged: Sequence[Gate]) -> str:
    """Who kept the rate from being higher: server, generator, machine or none."""
    tripped = {gate.name for gate in judged if not gate.ok}
    if any(name.endswith("-starved") or name == "stolen" for name in tripped):
        return "machine"
    if any(name.endswith("-busy") for name in tripped):
        return "generator"
    used = [_cores_used(process, window) for process in _processes(run) if _is_server(process)]
    full = FULL * max(1, len(run.story.server.cpus if run.story.server else ()))
    return "server" if any(cores >= full for cores in used) else "none"


def _is_server(process: Measurement) -> bool:
    return process.labels["process"] == "server"


def _cores_used(process: Measurement, window: Window) -> float:
    rows = _inside(process, window)
    if len(rows["at"]) < 2:
        return 0.0
    return float((rows["cpu"][-1] - rows["cpu"][0]) / (rows["at"][-1] - rows["at"][0]))
