"""Work that never changes, timed in each round beside the benchmarks of any suite.

Where it takes longer than in another run, the machine was slower. There are several kinds, since
what slows a machine down, a neighbour on the same core or in the same cache, does not slow all of
them alike. This code must stay as it is: baselines are compared by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from asapbench.suite import Agent, benchmark
from asapbench.suite.echo import cpus_of, echoing

_RECORD = {"name": "reference", "values": list(range(20)), "nested": {"a": [1.5, None, True, "b"]}}


@benchmark(group="reference")
def loop() -> Callable[[], int]:
    """The interpreter alone."""

    def work() -> int:
        total = 0
        for number in range(500):
            total += number
        return total

    return work


@benchmark(group="reference")
def objects() -> Callable[[], Any]:
    """Calls and the allocator."""

    class Record:
        def __init__(self, number: int) -> None:
            self.number = number
            self.names = [str(number), "name"]

    return lambda: {number: Record(number) for number in range(30)}


@benchmark(group="reference")
def texts() -> Callable[[], str]:
    """The C code of the standard library."""
    return _of_texts()


@benchmark(group="reference")
def exchange(agent: Agent | None) -> Iterator[Callable[[], None]]:
    """The kernel, and the core of the agent: to wake another process, which works and answers."""
    work = _of_texts()
    with echoing(cpus_of(agent.pid if agent else None), lambda: [work() for _ in range(5)]) as echo:

        def ask() -> None:
            echo.sendall(b"?")
            if not echo.recv(1):
                raise ConnectionError("the process that answers is gone")

        yield ask


def _of_texts() -> Callable[[], str]:
    text = json.dumps([{**_RECORD, "number": number} for number in range(5)])

    def work() -> str:
        records = json.loads(text)
        ordered = sorted(records, key=lambda record: -int(record["number"]))
        return json.dumps({str(record["number"]): record["values"][::2] for record in ordered})

    return work
