"""What a running measurement shows, on standard error: a view on a terminal, else plain lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from asapbench.live.plain import lines
from asapbench.live.terminal import drawn
from asapbench.model import Story, Tick, Watch
from asapbench.terminal import lasting


@contextmanager
def watching(*, quiet: bool, title: str = "", below: bool = False) -> Iterator[Watch]:
    """A function that shows ticks in the way that fits standard error; `title` says what for.

    On a terminal that is a screen of its own, or `below` what was written before.
    """
    if quiet:
        yield _ignore
        return
    console = _console()
    if console is not None:
        with drawn(console, title, below=below) as watch:
            yield watch
    else:
        yield lines(title)


def _console() -> Console | None:
    """Where a view can be drawn, if it can."""
    # asked of the stream itself: FORCE_COLOR makes a terminal of everything, a log file too
    if not sys.stderr.isatty():
        return None
    console = Console(file=lasting(sys.stderr))
    blocks = console.encoding.startswith("utf")
    return console if console.is_interactive and blocks else None


def _ignore(_: Tick, __: Story) -> None:
    pass
