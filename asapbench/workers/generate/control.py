"""What the parent says on standard input, and what it is told on standard output."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from asapbench.offer import Event
from asapbench.workers.generate.libev import READ

_STDIN, _STDOUT = 0, 1
_CHUNK = 1 << 16
_PARENT_GONE = 1  # exit code


def tell(event: Event) -> None:
    try:
        os.write(_STDOUT, event.model_dump_json().encode() + b"\n")
    except BrokenPipeError:
        os._exit(_PARENT_GONE)


class Lines:
    """The lines of standard input. Its end ends the process: then the parent is gone."""

    def __init__(self) -> None:
        self._rest = b""

    def wait(self) -> bytes:
        """Wait for the first line."""
        while b"\n" not in self._rest:
            self._rest += _read_or_exit()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def follow(self, loop: Any, call: Callable[[bytes], None]) -> None:
        """Call back with each line that follows."""
        watcher = loop.io(_STDIN, READ)
        watcher.priority = loop.MAXPRI  # before any answer: the parent's end must not wait
        watcher.start(lambda: self._take(_read_or_exit(), call))
        self._take(b"", call)

    def _take(self, data: bytes, call: Callable[[bytes], None]) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            call(line)


def _read_or_exit() -> bytes:
    data = os.read(_STDIN, _CHUNK)
    if not data:
        os._exit(_PARENT_GONE)  # at once: an exception would be one greenlet's
    return data
