"""Standard output and error: what they can show, and what happens where they cannot be written."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def width_of_stdout(default: int = 120) -> int:
    """Columns of the terminal, or of $COLUMNS; the default where there is neither."""
    return shutil.get_terminal_size((default, 24)).columns


def color_on_stdout() -> bool:
    """Whether it is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    asked = os.environ.get("NO_COLOR", "") == "" and os.environ.get("TERM") != "dumb"
    return asked and sys.stdout.isatty()


def tell(text: str) -> None:
    """Write a line to standard error; nothing more once that cannot be written.

    It is full, or its reader went away: that is no reason to lose a measurement.
    """
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        mute(sys.stderr)


def mute(stream: TextIO) -> None:
    """What cannot be written goes nowhere from now on: not when this process ends, either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def lasting(stream: TextIO) -> TextIO:
    """Another way to write to a stream: nothing more, and no error, once that cannot be written.

    For a library that draws: a terminal that takes nothing more is no reason to lose a measurement.
    """
    raw = io.BufferedWriter(_Lasting(stream))
    return io.TextIOWrapper(raw, encoding=stream.encoding, errors=stream.errors)


class _Lasting(io.FileIO):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self._stream = stream

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            mute(self._stream)
            return memoryview(data).nbytes


def open_closed() -> None:
    """Where this was started with a closed standard output or error, have all of it go nowhere.

    Else Python has none, and the next file that is opened takes its number.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
