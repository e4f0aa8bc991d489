"""How soon the command line answers: its help, and the report of a 60 s run that was kept."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.limits import against

TIMES = 10
PROGRAM = Path(sys.executable).with_name("asapbench")
RUN = ("load", "--duration", "60s", "--extend", "1", "--no-floor", "--no-gates", "--quiet")
LIMITS = {"--help": 0.25, "load --help": None, "report last": 1.5, "report last --json -": None}


def measure() -> dict[str, float | str]:
    """The median of wall-clock times, each of a process of its own, and the least and most."""
    with tempfile.TemporaryDirectory() as folder:
        # whatever the verdicts are: what counts here is that it is kept
        subprocess.run([PROGRAM, *RUN], check=False, capture_output=True, cwd=folder)
        return {
            f"{words}, median of {TIMES}": _shown(words.split(), folder, limit)
            for words, limit in LIMITS.items()
        }


def _shown(words: Sequence[str], folder: str, limit: float | None) -> str:
    seconds = [_timed(words, folder) for _ in range(TIMES)]
    text = f"{statistics.median(seconds):.3f} s, {min(seconds):.3f} to {max(seconds):.3f}"
    return against(text, statistics.median(seconds), limit, "s") if limit else text


def _timed(words: Sequence[str], folder: str) -> float:
    began = time.perf_counter()
    subprocess.run([PROGRAM, *words], check=True, capture_output=True, cwd=folder)
    return time.perf_counter() - began
