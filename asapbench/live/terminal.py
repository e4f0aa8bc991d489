"""The view on a terminal: drawn in place, a few times a second, and gone when the run has ended.

On a screen of its own, where nothing scrolls or wraps whatever size it gets; or, where something
is to stay in sight, below that. It is drawn when there is a tick, at most so often. Only where none
comes for a second, the time is drawn by a thread; while it is measured they come more often.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment, SegmentLines

from asapbench.live.seen import Seen, after
from asapbench.live.view import view
from asapbench.model import Story, Tick, Watch

EVERY = 0.25  # seconds
IDLE = 1.0  # seconds without a tick: something is started, or settles, or is analysed

Lines = list[list[Segment]]


@contextmanager
def drawn(console: Console, title: str = "", *, below: bool = False) -> Iterator[Watch]:
    """Draw ticks; `below` where the cursor is, so that what was there before stays in sight."""
    live = Live(
        console=console,
        screen=not below,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        vertical_overflow="crop",
    )
    picture = _Picture(console, live, title, below=below)
    with live:
        try:
            with _now_and_then(picture.idle):
                picture.idle()
                yield picture.watch
        finally:
            picture.clear()


def lines_of(seen: Seen, console: Console) -> Lines:
    """The view, and a blank line after it."""
    lines = view(seen, console.width, console.height)
    return [*([*line.render(console)] for line in lines), [Segment(" ")]]


class _Picture:
    def __init__(self, console: Console, live: Live, title: str, *, below: bool) -> None:
        self._console, self._live, self._below = console, live, below
        self._lock = threading.Lock()
        self._seen = Seen(title=title)
        self._began = time.monotonic()
        self._at = -math.inf
        self._lines: Lines = []
        self._size = console.size

    def watch(self, tick: Tick, story: Story) -> None:
        """Take in a tick, and draw if it is time to."""
        with self._lock:
            now = time.monotonic()
            another = tick.phase != self._seen.tick.phase
            self._seen = after(self._seen, tick, story, now - self._began)
            if another or now - self._at >= EVERY:
                self._draw(now)

    def idle(self) -> None:
        """Let the seconds pass where no tick comes."""
        with self._lock:
            now = time.monotonic()
            if now - self._at >= IDLE:
                self._seen = replace(self._seen, elapsed=now - self._began)
                self._draw(now)

    def clear(self) -> None:
        """Leave nothing behind."""
        with self._lock:
            self._put([[Segment(" ")]])

    def _draw(self, now: float) -> None:
        self._at = now
        self._put(lines_of(self._seen, self._console))

    def _put(self, lines: Lines) -> None:
        size = self._console.size
        if size == self._size and lines == self._lines:
            return
        if self._below and size.width < self._size.width:
            self._console.control(_upwards(wrapped(self._lines, size.width)))
        self._lines, self._size = lines, size
        self._live.update(SegmentLines(lines, new_lines=True), refresh=True)


@contextmanager
def _now_and_then(call: Callable[[], None]) -> Iterator[None]:
    """Call it once in a while, as long as the block lasts."""
    ended = threading.Event()

    def keep_calling() -> None:
        while not ended.wait(IDLE):
            call()

    thread = threading.Thread(target=keep_calling, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wrapped(lines: Lines, width: int) -> int:
    """How many rows more these lines take on a terminal that became this narrow."""
    lengths = map(Segment.get_line_length, lines)
    return sum(max(0, -(-length // width) - 1) for length in lengths)


def _upwards(rows: int) -> Control:
    """Wipe so many rows from the cursor up: those that rich does not know of."""
    return Control(*((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)) * rows)
