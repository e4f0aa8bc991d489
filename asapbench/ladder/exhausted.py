"""What ran out when a step broke."""

from __future__ import annotations

from collections import Counter

from asapbench.health import full, server_cores
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
    if requests.refused.sum() > _MOSTLY * requests.failed.sum():
        return f"nothing of the machine: {_answers(requests)}"
    return _processor(run, rung, requests)


def _refused(requests: Requests) -> bool:
    kinds = Counter(requests.outcome[requests.failed].tolist())
    no_connection = kinds[Outcome.CONNECT.value] + kinds[Outcome.CLOSED.value]
    return no_connection > _MOSTLY * max(1, kinds.total())


def _answers(requests: Requests) -> str:
    rows = requests.where(requests.refused)
    kinds = Counter(zip(rows.outcome.tolist(), rows.code.tolist(), strict=True))
    (outcome, code), _ = kinds.most_common(1)[0]
    return f"most failures are answers of the server ({Outcome(outcome).name.lower()} {code})"


def _processor(run: Run, rung: Rung, requests: Requests) -> str:
    if rung.server_cpu is None or run.story.server is None:
        return "not known: the server's process cannot be seen from here"
    used, cores = f"it used {show(rung.server_cpu, 'cores')}", server_cores(run)
    match full(run, requests.window):
        case "cores":
            return f"the server's core: {used}" if cores <= 1 else f"the server's cores: {used}"
        case "thread":
            return f"one thread of the server, such as its event loop: {used} of {cores}"
    return f"something the server waits for (slots, locks, another service): {used}"
