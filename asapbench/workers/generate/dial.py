"""Opens a connection: tries each address of the server, then shakes hands over TLS."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

from gevent.monkey import get_original

from asapbench.offer import Outcome
from asapbench.workers.generate.failure import Failure
from asapbench.workers.generate.libev import READ, WRITE
from asapbench.workers.generate.origin import Origin
from asapbench.workers.generate.tls import Tls

_socket = get_original("socket", "socket")  # gevent's would wait inside the event loop
_CHUNK = 1 << 16


class Line(NamedTuple):
    """An open connection: a socket that never waits, and TLS over it."""

    socket: Any
    tls: Tls | None


class Dial:
    """One attempt to open a connection; `done` is told once, and never before this returns."""

    def __init__(self, loop: Any, origin: Origin, done: Callable[[Line | Failure], None]) -> None:
        self._loop = loop
        self._origin = origin
        self._done = done
        self._addresses = iter(origin.addresses)
        self._socket: Any = None
        self._tls: Tls | None = None
        self._event: Any = None
        self._try_next(errno.EHOSTUNREACH)

    def cancel(self) -> None:
        """Give up; `done` is not told any more."""
        self._watch_no_more()
        if self._socket is not None:
            self._socket.close()

    def _try_next(self, code: int) -> None:
        """Try the next address; `code` is why the last one failed."""
        self.cancel()
        address = next(self._addresses, None)
        if address is None:
            self._fail(code, os.strerror(code))
            return
        try:
            code = self._connect(*address)
        except OSError as error:  # no more file descriptors, say
            code = error.errno or errno.EIO
        if code not in (0, errno.EINPROGRESS):
            self._try_next(code)

    def _connect(self, family: int, address: tuple[Any, ...]) -> int:
        self._socket = _socket(family)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch(WRITE, self._connected)
        code: int = self._socket.connect_ex(address)
        return code

    def _connected(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._try_next(code)
        elif self._origin.tls is None:
            self._finish(Line(self._socket, None))
        else:
            self._tls = Tls(self._origin.tls, self._origin.host)
            self._watch(READ, self._shake)
            self._greet(self._tls, b"")

    def _shake(self) -> None:
        assert self._tls is not None  # noqa: S101 - only for the type checker
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error.errno or errno.EIO, str(error))
            return
        if data:
            self._greet(self._tls, data)
        else:
            self._fail(errno.ECONNRESET, "closed during the TLS handshake")

    def _greet(self, tls: Tls, data: bytes) -> None:
        try:
            self._socket.send(tls.shake(data))
        except ssl.SSLError as error:
            self._fail(errno.EPROTO, f"TLS: {error.reason or error}")
        except OSError as error:
            self._fail(error.errno or errno.EIO, str(error))
        else:
            if tls.ready:
                self._finish(Line(self._socket, tls))

    def _fail(self, code: int, text: str) -> None:
        self.cancel()
        failure = Failure(Outcome.CONNECT, code, f"no connection: {text}")
        # a call back at once could start the next attempt inside this one, without an end
        self._event = self._loop.run_callback(self._finish, failure)

    def _finish(self, result: Line | Failure) -> None:
        self._watch_no_more()
        self._done(result)

    def _watch(self, events: int, call: Callable[[], None]) -> None:
        self._watch_no_more()
        self._event = self._loop.io(self._socket.fileno(), events)
        self._event.start(call)

    def _watch_no_more(self) -> None:
        if self._event is not None:
            self._event.stop()
            self._event.close()
            self._event = None
