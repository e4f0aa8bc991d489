"""What gates, pulse and split cost the generator: it and the one before them, side by side.

The one before is taken from the history of this repository. Both drive one responder, by turns;
the one of today also where answers tell when they came and went.

    python -m benchmarks.cost_of_trust
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.limits import against
from benchmarks.split_cost import PROGRAMS, serving

BEFORE = "1fae6ac"  # the last commit without any of it
ROUNDS = 9
MOST = 0.15  # of the rate before
_ROOT = Path(__file__).parents[1]
# each tree has its own way to do it
_DRIVE = "import sys; from benchmarks import generator; print(generator._ours('', sys.argv[1]))"


def measure() -> dict[str, float | str]:
    """Requests per second of each, and what today's are of those before."""
    with TemporaryDirectory() as folder:
        _take(BEFORE, Path(folder))
        samples = [_round(Path(folder)) for _ in range(ROUNDS)]
    seen: dict[str, float | str] = {
        f"{name} req/s": median(sample[name] for sample in samples) for name in samples[0]
    }
    for name in ("now", "now, split"):
        ratios = sorted(sample[name] / sample["before"] for sample in samples)
        text = f"{median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f}"
        seen[f"{name} / before"] = against(text, 1 - median(ratios), MOST, "less")
    return seen


def _take(commit: str, folder: Path) -> None:
    archive = subprocess.run(
        ["git", "archive", commit], cwd=_ROOT, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(folder, filter="data")


def _round(before: Path) -> dict[str, float]:
    return {
        "before": _rate(before, "generator, without"),
        "now": _rate(_ROOT, "generator, without"),
        "now, split": _rate(_ROOT, "generator, with"),
    }


def _rate(tree: Path, program: str) -> float:
    with serving(PROGRAMS[program]) as (url, _):
        done = subprocess.run(
            [sys.executable, "-c", _DRIVE, url], cwd=tree, check=True, capture_output=True
        )
    return float(done.stdout)


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:20} {value}")
