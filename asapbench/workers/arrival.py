"""When bytes reached this machine, by its kernel, on the monotonic clock.

A process that is busy, or waits for a core, reads late; what came was there all the same. Linux
says when (`SO_TIMESTAMPNS`, socket(7)); elsewhere it is the moment of reading.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, time

_STAMPS = 35  # SO_TIMESTAMPNS, which Python's socket has no name for
_timespec = struct.Struct("@ll").unpack
_ROOM = socket.CMSG_SPACE(struct.calcsize("@ll"))


def stamp_arrivals(of: socket.socket) -> None:
    """Ask for the time at which what is read from this socket arrived, where that can be had."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox need not have it
            of.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)


def receive(of: socket.socket, into: Sequence[memoryview]) -> tuple[int, float]:
    """How many bytes were read, and when the last of them arrived (monotonic, s).

    Raises OSError as `recvmsg_into` does, BlockingIOError where there is nothing to read.
    """
    size, ancillary, _, _ = of.recvmsg_into(into, _ROOM)
    if not ancillary:
        return size, monotonic()
    seconds, nanoseconds = _timespec(ancillary[0][2])  # nothing else was asked for
    waited = time() - seconds - nanoseconds * 1e-9
    # the stamp is wall time, which may have been set back since. The monotonic clock is read last:
    # whoever is held up in between must not seem to get an answer before it was sent.
    return size, monotonic() - (waited if waited > 0 else 0.0)
