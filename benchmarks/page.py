"""The page of a 60 s load run: how large it is, and how soon headless Chromium has drawn it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.asapbench.browser import CHROMIUM, LEFT_OUT, browser

TIMES = 10
RUN = ("load", "--duration", "60s", "--extend", "1", "--no-floor", "--no-gates", "--no-save", "-q")


def measure() -> dict[str, float | str]:
    """Its size, and the median time from the start of loading it to its last chart."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        # whatever the verdicts are: what counts here is the page
        command = [sys.executable, "-m", "asapbench", *RUN, "--html", str(file)]
        subprocess.run(command, check=False, capture_output=True)
        size = f"{file.stat().st_size / 1e6:.2f} MB (limit 6 MB)"
        return {"size, 60 s run": size, f"drawn, median of {TIMES}": _drawn(file)}


def _drawn(file: Path) -> str:
    if CHROMIUM is None:
        return LEFT_OUT
    with browser() as page:
        page.resize(1200, 900)
        times = [
            page.open(file).value("document.documentElement.dataset.drawn") for _ in range(TIMES)
        ]
    seconds = [float(time) / 1000 for time in times]
    shown = f"{statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"
    return f"{shown} (limit 2 s)"
