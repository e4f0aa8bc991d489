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
ROOM = socket.CMSG_SPACE(struct.calcsize("@ll"))  # that `recvmsg` has to be given for a stamp


def stamp_arrivals(of: socket.socket) -> None:
    """Ask for the time at which what is read from this socket arrived, where that can be had."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox need not have it
            of.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)


def arrival(ancillary: Sequence[tuple[int, int, bytes]]) -> float:
    """When the last of what was read just now arrived (monotonic, s), by what came beside it.

    It is now where nothing did. Nothing but these stamps may have been asked for.
    """
    if not ancillary:
        return monotonic()
    seconds, nanoseconds = _timespec(ancillary[0][2])
    waited = time() - seconds - nanoseconds * 1e-9
    # the stamp is wall time, which may have been set back since. The monotonic clock is read last:
    # whoever is held up in between must not seem to get an answer before it was sent.
    return monotonic() - (waited if waited > 0 else 0.0)
