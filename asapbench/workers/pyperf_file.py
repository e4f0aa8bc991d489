"""Write timings as pyperf does: `-m asapbench.workers.pyperf_file FILE`, the report on its input.

A run of pyperf is a process, and a value is one of an operation, so a worker becomes a run of one
value: `pyperf stats`, `hist`, `check` and `compare_to` then rest on independent numbers.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyperf


def main() -> None:
    """Read `{"about": …, "benchmarks": […]}`, as `micro --json` tells them, from one line."""
    given = json.loads(sys.stdin.readline())
    suite = pyperf.BenchmarkSuite([_benchmark(row, given["about"]) for row in given["benchmarks"]])
    suite.dump(sys.argv[1], replace=True)
    sys.stdout.write("written\n")


def _benchmark(row: dict[str, Any], about: dict[str, Any]) -> Any:
    known = {name: value for name, value in about.items() if name not in _OF_ONE_PROCESS}
    metadata = {
        **known,
        "name": f"{row['group']}/{row['name']}",
        "loops": row["loops"],
        "unit": "second",
        "description": f"benchmark of the group {row['group']}",
    }
    runs = [
        pyperf.Run([value], metadata=metadata, collect_metadata=False) for value in row["values"]
    ]
    return pyperf.Benchmark(runs)


# what changes from worker to worker, and was seen in one of them alone
_OF_ONE_PROCESS = frozenset(
    {"date", "uptime", "load_avg_1min", "runnable_threads", "mem_max_rss", "duration"}
)

if __name__ == "__main__":
    main()
