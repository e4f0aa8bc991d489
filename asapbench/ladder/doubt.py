"""Why a step that went badly may be no evidence against the server.

A process that is late now and then still keeps up with a load; one that could not have run any
more does not. So what counts is whether a process was full: its CPU time, and the time in which it
could have run and had no CPU, are all there is.
"""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.floor import RATE_ROOM, floor_metrics
from asapbench.health import STOLEN, no_socket, not_sent
from asapbench.model import Measurement, Run, Window
from asapbench.samples import Requests
from asapbench.units import show
from asapbench.usage import MACHINE, PROCESSES, growth_rate

FULL = 0.9  # of the time, used or waited for
AT_ITS_END = 0.75  # the same of a generator, which may not even come near it
TAKEN = 0.1  # of the time, by others, from a server that is full


def doubt(
    run: Run, requests: Requests, rate: float | None, *, of_the_generator: bool = True
) -> str:
    """What kept the instrument or the server from doing more, and is not the server; or nothing.

    `rate` is what an even grid offers, None where there is none.
    """
    reasons = (
        *(_of_the_generator(run, requests, rate) if of_the_generator else ()),
        *_server(run, requests.window),
        *_machine(run, requests.window),
    )
    return "; ".join(reasons)


def _of_the_generator(run: Run, requests: Requests, rate: float | None) -> Iterator[str]:
    yield from _not_sent(requests, rate)
    yield from (gate.text for gate in no_socket(requests))
    yield from _generators(run, requests.window)
    yield from _beyond_floor(run, rate)


def _not_sent(requests: Requests, rate: float | None) -> Iterator[str]:
    if rate is not None:
        yield from (gate.text for gate in not_sent(requests, rate) if not gate.ok)


def _generators(run: Run, window: Window) -> Iterator[str]:
    for table in run.tables(PROCESSES):
        name = table.labels["process"]
        used, waited = _shares(table, window)
        if name.startswith("generator") and used + waited >= AT_ITS_END:
            yield (
                f"the {name} was at its end: it used its core {show(used, 'ratio')} of the time, "
                f"and had to wait for it {show(waited, 'ratio')}"
            )


def _server(run: Run, window: Window) -> Iterator[str]:
    """Of ours alone, which is one process; the threads of another wait for each other."""
    if run.story.server is None or run.story.server.how != "embedded":
        return
    for table in run.tables(PROCESSES):
        used, waited = _shares(table, window)
        others = waited + _stolen(run, window)
        if table.labels["process"] == "server" and used + others >= FULL and others >= TAKEN:
            yield f"others took {show(others, 'ratio')} of the server's core while it was full"


def _machine(run: Run, window: Window) -> Iterator[str]:
    """Of any server here: what the hypervisor takes is the doing of none of its processes."""
    stolen = _stolen(run, window)
    if stolen > STOLEN:
        yield f"the hypervisor gave {show(stolen, 'ratio')} of this machine's time to others"


def _stolen(run: Run, window: Window) -> float:
    """What the hypervisor took of each CPU."""
    rates = (growth_rate(table, "steal", window) for table in run.tables(MACHINE))
    return sum(rate or 0.0 for rate in rates) / run.story.environment.cores


def _beyond_floor(run: Run, rate: float | None) -> Iterator[str]:
    top = next((m.value for m in floor_metrics(run) if m.name == "floor.throughput"), None)
    if top is not None and rate is not None and rate > top * RATE_ROOM:
        yield (
            f"the generator reaches {show(top, 'req/s')} against a server that does nothing, and "
            f"two thirds of that, {show(top * RATE_ROOM, 'req/s')}, can be relied on"
        )


def _shares(table: Measurement, window: Window) -> tuple[float, float]:
    """Used and waited for, of the time; 0 where it was not read twice."""
    used, waited = (growth_rate(table, column, window) or 0.0 for column in ("cpu", "waited"))
    return used, waited
