"""The page of a load run, of 60 s and of an hour: its size, and how soon it is made and drawn."""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import hour
from benchmarks.limits import against
from tests.asapbench.browser import CHROMIUM, LEFT_OUT, browser

TIMES = 10
RUN = ("load", "--duration", "60s", "--extend", "1", "--no-floor", "--no-gates", "-q")


def measure() -> dict[str, float | str]:
    """Sizes, and the median time from the start of loading a page to its last chart."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        return {**dict(_of_a_minute(place)), **dict(_of_an_hour(place))}


def _of_a_minute(place: Path) -> Iterator[tuple[str, str]]:
    page = place / "minute.html"
    # whatever the verdicts are: what counts here is the page
    _asapbench(place, *RUN, "--html", str(page))
    yield "size, 60 s run", _size(page, 6)
    yield f"drawn, median of {TIMES}", _drawn(page)


def _of_an_hour(place: Path) -> Iterator[tuple[str, str]]:
    run, page = hour.write(place / "hour"), place / "hour.html"
    began = time.perf_counter()
    most = _asapbench(place, "report", str(run), "-q", "--html", str(page))
    yield "size, one hour at 1000 req/s", _size(page, 8)
    yield "made from its 3.6 million requests", f"{time.perf_counter() - began:.1f} s, {most}"
    yield "drawn, one hour", _drawn(page)
    _asapbench(place, "report", str(run), "-q", "--json", str(place / "hour.json"))
    report = json.loads((place / "hour.json").read_text(encoding="utf-8"))
    yield "extremes in its charts", _extremes(page, report["load"])


def _asapbench(place: Path, *arguments: str) -> str:
    """Run a command; the most memory that it held."""
    command = [sys.executable, "-m", "asapbench", *arguments]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return f"{used.ru_maxrss / 1000:,.0f} MB"


def _size(page: Path, limit: int) -> str:
    size = page.stat().st_size / 1e6
    return against(f"{size:.2f} MB", size, limit, "MB")


def _drawn(page: Path) -> str:
    if CHROMIUM is None:
        return LEFT_OUT
    with browser() as shown:
        shown.resize(1200, 900)
        times = [
            shown.open(page).value("document.documentElement.dataset.drawn") for _ in range(TIMES)
        ]
    seconds = [float(time) / 1000 for time in times]
    found = f"{statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}"
    return against(found, statistics.median(seconds), 2, "s")


def _extremes(page: Path, details: dict[str, Any]) -> str:
    """Whether the charts have the highest and the lowest second of each series of the report."""
    figures = re.search(r'id="figures">(.*?)</script>', page.read_text(encoding="utf-8"))
    charts = {chart["name"]: chart for chart in json.loads(figures[1])} if figures else {}
    lines = {
        "latency": [(name, f"latency.{name}") for name in ("p50", "p90", "p95", "p99")],
        "throughput": [("served", "requests")],
        "errors": [("failed", "failures")],
    }
    kept = [
        _kept(charts[chart], trace, [row[column] for row in details["seconds"]])
        for chart, pairs in lines.items()
        for trace, column in pairs
    ]
    return f"{sum(kept)} of {len(kept)} series"


def _kept(chart: dict[str, Any], name: str, values: list[float]) -> bool:
    (drawn,) = [trace["y"] for trace in chart["data"] if trace["name"] == name]
    return all(math.isclose(of(drawn), of(values), rel_tol=1e-5) for of in (min, max))
