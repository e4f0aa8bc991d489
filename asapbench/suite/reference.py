"""Work that never changes, timed in each round beside the benchmarks of any suite.

Where it takes longer than in another run, the machine was slower. This code must stay as it is:
baselines are compared by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from asapbench.suite import benchmark

_RECORD = {"name": "reference", "values": list(range(20)), "nested": {"a": [1.5, None, True, "b"]}}


@benchmark(group="reference")
def python() -> Callable[[], str]:
    """Interpreter, allocator and the C code of the standard library."""
    text = json.dumps([{**_RECORD, "number": number} for number in range(5)])

    def work() -> str:
        records = json.loads(text)
        ordered = sorted(records, key=lambda record: -int(record["number"]))
        return json.dumps({str(record["number"]): record["values"][::2] for record in ordered})

    return work
