"""`asapbench micro` against what is known: equals, a planted 5 %, a planted 2×.

Real runs one after the other, so it takes an hour: 40 comparisons of the same code, 20 of a
benchmark that became 5 % slower under --rigorous, 5 of an `envelope_creation` beyond its target.

    python -m benchmarks.micro_truth [COMPARISONS [PLANTED [BEYOND]]]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# the work of each benchmark is a number of loops, so that a slow-down is known exactly
_SUITE = """
import os
from asapbench.suite import benchmark

def working(loops):
    def operation():
        total = 0
        for number in range(loops):
            total += number
        return total
    return operation

@benchmark(group="planted")
def changed():
    return working(round(1000 * float(os.environ.get("SLOWER", "1"))))

@benchmark(group="planted", sizes=tuple(range(1000, 1000 + 19)))
def same(size):
    return working(size)
"""
_BEYOND = """
import time
from asapbench.suite import benchmark
from asapbench.suite.protocol.envelopes import _one

@benchmark(group="envelope_creation")
def minimal():
    def create():
        end = time.perf_counter() + 200e-6
        one = _one()
        while time.perf_counter() < end:
            pass
        return one
    return create
"""


def measure(comparisons: int = 40, planted: int = 20, beyond: int = 5) -> dict[str, float | str]:
    """How many rows of equals were called different, and how often a slow-down was found."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "planted.py").write_text(_SUITE)
        (folder / "beyond.py").write_text(_BEYOND)
        changes = [_changes(folder, ()) for _ in range(comparisons)]
        found = [_changes(folder, ("--rigorous",), slower=1.05) for _ in range(planted)]
        codes = [_run(folder, "--suite", "beyond", "--quick")["exit_code"] for _ in range(beyond)]
    rows = [change for each in changes for change in each.values()]
    hits = sum(each["planted/changed"] == "slower" for each in found)
    others = [c for each in found for key, c in each.items() if key != "planted/changed"]
    return {
        "equals: rows called different": f"{sum(c != '~' for c in rows)} of {len(rows)}",
        "5 % slower, --rigorous: found": f"{hits} of {planted}",
        "5 % slower: other rows called different": f"{sum(c != '~' for c in others)}"
        f" of {len(others)}",
        "envelope_creation at 2x its target: FAIL": f"{codes.count(1)} of {beyond}",
    }


def _changes(folder: Path, options: Sequence[str], slower: float = 1.0) -> dict[str, str]:
    _run(folder, "--suite", "planted", *options, "--save", "before")
    after = _run(folder, "--suite", "planted", *options, "--baseline", "before", slower=slower)
    return {row["key"]: row["change"] for row in after["comparison"]["rows"]}


def _run(folder: Path, *arguments: str, slower: float = 1.0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "asapbench", "micro", "--json", "-", *arguments],
        cwd=folder,
        env={**os.environ, "SLOWER": str(slower)},
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


if __name__ == "__main__":
    for name, value in measure(*map(int, sys.argv[1:])).items():
        print(f"{name:45} {value}")
