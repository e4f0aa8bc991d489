"""`asapbench micro` against what is known: equals, a planted 5 %, a planted 2×.

Real runs one after the other. 41 of the same code, each compared with the one before it, and 11 of
benchmarks that ship, of the agent's endpoints and of the client; 20 under --rigorous of which one
benchmark became 5 % slower, each four compared with one from before that, as with `--baseline`; 5
with an `envelope_creation` beyond its target. That takes more than an hour, so it can be done in
pieces: each goes on in a folder for some seconds and tells what all runs in it say.

    python -m benchmarks.micro_truth [FOLDER SECONDS]
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from scipy import stats

from asapbench.baselines import of_report
from asapbench.comparison import ALPHA, compare
from benchmarks.limits import against

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

@benchmark(group="planted", sizes=tuple(range(1000, 1000 + 7)))
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


_CHANCE = 0.01  # that a promise which is kept is called missed
_UNSEEN = 0.05  # the most slow-downs that may be missed
_ROWS = 0.02  # the most rows of equals that may be called different


class Kind(NamedTuple):
    """Runs of one kind: how they are named, how many there are to be, and how each is started."""

    name: str
    wanted: int
    options: tuple[str, ...]
    slower: float = 1.0


_EQUAL = Kind("equal", 41, ("--suite", "planted"))
_SHIPPED = Kind("shipped", 11, ("--group", "asap_endpoint", "--group", "client"))
_BEFORE = Kind("before", 5, ("--suite", "planted", "--rigorous"))
_AFTER = Kind("after", 20, _BEFORE.options, slower=1.05)
_BEYOND_TARGET = Kind("beyond", 5, ("--suite", "beyond", "--quick"))
_EACH = 4  # slowed ones with one from before
# in turns, so that a piece has some of each and those that are compared are near each other
_TURN = (_BEFORE, *[_AFTER] * _EACH, *[_EQUAL] * 8, *[_SHIPPED] * 2, _BEYOND_TARGET)


def measure() -> dict[str, float | str]:
    """All runs, and what they say."""
    with TemporaryDirectory() as name:
        go_on(Path(name), math.inf)
        return summary(Path(name))


def go_on(folder: Path, seconds: float) -> None:
    """Add runs to those in a folder until the time is over or all are there."""
    (folder / "planted.py").write_text(_SUITE)
    (folder / "beyond.py").write_text(_BEYOND)
    end = time.monotonic() + seconds
    while missing := [kind for kind in _TURN if _count(folder, kind) < kind.wanted]:
        for kind in missing:
            if time.monotonic() >= end:
                return
            if _count(folder, kind) < kind.wanted:
                _run(folder, kind)


def summary(folder: Path) -> dict[str, float | str]:
    """How many rows of equals were called different, and how often a slow-down was found.

    Each beside what it may be by chance, if what is promised is kept.
    """
    before = [report for report in _reports(folder, _BEFORE) for _ in range(_EACH)]
    pairs = zip(before, _reports(folder, _AFTER), strict=False)
    planted = [_changes(*pair) for pair in pairs]
    found = [each.pop("planted/changed") == "slower" for each in planted]
    codes = [report["exit_code"] for report in _reports(folder, _BEYOND_TARGET)]
    return {
        "equals: rows called different": different(_equals(folder, _EQUAL)),
        "equals that ship: rows called different": different(_equals(folder, _SHIPPED)),
        "5 % slower, --rigorous: found": found_in(found, _UNSEEN),
        "5 % slower: other rows called different": different(planted),
        "envelope_creation at 2x its target: FAIL": found_in([code == 1 for code in codes], 0.0),
    }


def _equals(folder: Path, kind: Kind) -> list[dict[str, str]]:
    return [_changes(*pair) for pair in pairwise(_reports(folder, kind))]


def different(pairs: list[dict[str, str]]) -> str:
    """How many rows were called different, and how many pairs have one: one in twenty may.

    The rows of a pair depend on each other, so of them no more than is promised may be.
    """
    rows = [change for each in pairs for change in each.values()]
    changed = sum(change != "~" for change in rows)
    count = sum(set(each.values()) != {"~"} for each in pairs)
    shown = f"{changed} of {len(rows)}, in {count} of {len(pairs)} pairs"
    if changed > _ROWS * len(rows):
        return against(shown, changed, math.floor(_ROWS * len(rows)), "rows")
    return against(shown, count, _most(pairs, ALPHA), "pairs by chance")


def found_in(found: list[bool], share: float) -> str:
    """How many were found, where this share may be missed."""
    shown = f"{found.count(True)} of {len(found)}"
    return against(shown, found.count(False), _most(found, share), "not found by chance")


def _most(cases: Sequence[Any], share: float) -> float:
    """More than so many of these are more than this share of all."""
    return float(stats.binom.ppf(1 - _CHANCE, len(cases), share)) if cases and share else 0.0


def _count(folder: Path, kind: Kind) -> int:
    return len(list(folder.glob(f"{kind.name}-*.json")))


def _reports(folder: Path, kind: Kind) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob(f"{kind.name}-*.json")):
        yield json.loads(file.read_bytes())


def _changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    rows = compare(of_report("old", old), of_report("new", new)).rows
    return {row.key: row.change for row in rows}


def _run(folder: Path, kind: Kind) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "asapbench", "micro", "--json", "-", *kind.options],
        cwd=folder,
        env={**os.environ, "SLOWER": str(kind.slower)},
        capture_output=True,
        check=False,
    )
    json.loads(done.stdout)  # a broken run is no result
    (folder / f"{kind.name}-{_count(folder, kind):03d}.json").write_bytes(done.stdout)


def main() -> None:
    """A piece in a folder that is given, or all."""
    seen = measure() if len(sys.argv) < 3 else _piece(Path(sys.argv[1]), float(sys.argv[2]))
    for name, value in seen.items():
        print(f"{name:45} {value}")


def _piece(folder: Path, seconds: float) -> dict[str, float | str]:
    folder.mkdir(exist_ok=True)
    go_on(folder, seconds)
    return summary(folder)


if __name__ == "__main__":
    main()
