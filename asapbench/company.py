"""Who else ran on the CPUs of a server of the user's own: said beside the verdict, never a gate.

What runs there may be what the server itself rests on: the application behind the proxy that
listens, a database, a model. Then a server that is kept waiting is one that is overloaded, which is
a verdict. Or it is a stranger. The two look alike from here, so a person has to tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.health import WAITED, server_cores
from asapbench.model import Measurement, Note, Run, Window
from asapbench.units import show
from asapbench.usage import MACHINE, PROCESSES, growth_rate


def kept_waiting(run: Run, window: Window) -> Iterator[Note]:
    """Say so where a server of the user's own waited for its CPUs while others used them.

    Its own workers wait for each other, too: so others must have run meanwhile.
    """
    waited, taken = _waited(run, window), taken_by_others(run, window)
    if waited is None or taken is None or min(waited, taken) <= WAITED:
        return
    yield Note(
        code="server-kept-waiting",
        text=f"the server was kept from running {show(waited, 'ratio')} of the time, while "
        f"processes that it did not start used {show(taken, 'ratio')} of its cores",
        hint="if they are part of it (an application behind a proxy, a database, a model), the "
        "verdict is theirs, too; if not, end them and measure again",
    )


def _waited(run: Run, window: Window) -> float | None:
    """The share of the time; None of the embedded server, which has a gate, and where unknown."""
    server = run.story.server
    if server is None or server.how == "embedded":
        return None
    tables = (one for one in run.tables(PROCESSES) if one.labels["process"] == "server")
    return next((growth_rate(table, "waited", window) for table in tables), None)


def taken_by_others(run: Run, window: Window) -> float | None:
    """The share of the server's CPUs that neither it nor this program used; None if not known."""
    busy = [
        growth_rate(table, "busy", window)
        for table in run.tables(MACHINE)
        if "busy" in table.columns  # not in runs kept by older versions
    ]
    if not busy or busy[0] is None:
        return None
    own = [
        growth_rate(table, "cpu", window) for table in run.tables(PROCESSES) if _there(run, table)
    ]
    return max(0.0, busy[0] - sum(filter(None, own))) / server_cores(run)


def _there(run: Run, process: Measurement) -> bool:
    """Whether a process of ours runs on the server's CPUs: generators may have their own."""
    server = run.story.server
    apart = server is not None and server.cpus and run.story.environment.generator_cpus
    return not (apart and process.labels["process"].startswith("generator"))
