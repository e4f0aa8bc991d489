"""What a running measurement shows, on standard error: a bar on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from asapbench.model import Tick, Watch
from asapbench.sparkline import sparkline
from asapbench.units import show, show_duration

PLAIN_EVERY = 5.0
_TREND = 20  # characters
_PHASES = {
    "floor warm-up": "floor",
    "floor top": "floor",
    "ramp": "users come",
    "warm-up": "warm-up",
    "measured": "measuring",
}


@contextmanager
def watching(*, quiet: bool) -> Iterator[Watch]:
    """A function that shows ticks in the way that fits standard error."""
    console = Console(stderr=True)
    if quiet:
        yield lambda _: None
    elif console.is_terminal:
        with _bar(console) as watch:
            yield watch
    else:
        yield _plain()


def describe(tick: Tick) -> str:
    """The numbers of a tick on one line, what it is about, and how the latest of them went."""
    numbers = (
        f"{name} {show(value, unit)}".replace("throughput ", "").replace("latency.", "")
        for name, value, unit in tick.numbers
    )
    return "  ".join([*numbers, tick.doing, sparkline(tick.trend, _TREND)]).rstrip()


@contextmanager
def _bar(console: Console) -> Iterator[Watch]:
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[elapsed]:>6}  {task.fields[numbers]}"),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        task = progress.add_task("starting", total=1.0, elapsed="", numbers="")

        def watch(tick: Tick) -> None:
            if tick.kept:
                progress.console.print(_line(tick), highlight=False, markup=False)
                return
            progress.update(
                task,
                description=_PHASES.get(tick.phase, tick.phase),
                completed=tick.progress,
                elapsed=show_duration(int(tick.elapsed)),
                numbers=describe(tick),
                refresh=True,
            )

        progress.refresh()
        yield watch


def _line(tick: Tick) -> str:
    phase = _PHASES.get(tick.phase, tick.phase)
    if tick.kept:
        return f"{phase:<17}  {describe(tick)}"
    return f"{phase:<10} {show_duration(int(tick.elapsed)):>6}  {describe(tick)}"


def _plain() -> Watch:
    shown_at = 0.0
    shown_phase = ""

    def watch(tick: Tick) -> None:
        nonlocal shown_at, shown_phase
        now = time.monotonic()
        if tick.phase == shown_phase and now - shown_at < PLAIN_EVERY:
            return
        shown_at, shown_phase = now, tick.phase
        print(_line(tick), file=sys.stderr, flush=True)  # noqa: T201 - progress for logs

    return watch
