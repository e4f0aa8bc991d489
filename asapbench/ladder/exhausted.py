"""What ran out when a step broke."""

from __future__ import annotations

from collections import Counter

from asapbench.health import FULL
from asapbench.ladder.rung import Rung
from asapbench.model import Run
from asapbench.offer import Outcome
from asapbench.samples import Requests
from asapbench.units import show

_MOSTLY = 0.5  # of the failures
_MEMORY = 0.9  # of the machine's


def exhausted(run: Run, rung: Rung, requests: Requests) -> str:
    """In words; empty for a step that did not break."""
    if not rung.broken:
        return ""
    if rung.doubt:
        return f"not the server: {rung.doubt}"
    if rung.server_rss and rung.server_rss >= _MEMORY * run.story.environment.memory:
        return f"memory: the server holds {show(rung.server_rss, 'B')}"
    if _refused(requests):
        return "connections: most failures are connections refused, reset or never opened"
    return _processor(run, rung)


def _refused(requests: Requests) -> bool:
    kinds = Counter(requests.outcome[requests.failed].tolist())
    no_connection = kinds[Outcome.CONNECT.value] + kinds[Outcome.CLOSED.value]
    return no_connection > _MOSTLY * max(1, kinds.total())


def _processor(run: Run, rung: Rung) -> str:
    cpu, server = rung.server_cpu, run.story.server
    if cpu is None or server is None:
        return "not known: the server's process cannot be seen from here"
    cpus = len(server.cpus) if server.how == "command" else 1
    used = f"it used {show(cpu, 'cores')}"
    if cpu >= FULL * max(1, cpus):
        return f"the server's core: {used}" if cpus <= 1 else f"the server's cores: {used}"
    if cpu >= FULL:
        return f"the event loop, or whatever runs in one thread: {used} of {cpus}"
    return f"something the server waits for (slots, locks, another service): {used}"
