"""One keep-alive connection, driven by the event loop: a request out, an answer in, and again.

It opens when a request needs it, and notices while it rests that the server closed it, so that no
request is sent into a closed connection. A request of which a byte was sent is never sent again
(RFC 9110, 9.2.2: POST is not idempotent).
"""

from __future__ import annotations

import errno
import os
import ssl
from time import monotonic
from typing import Any, Protocol

from asapbench.offer import Outcome
from asapbench.workers.arrival import ROOM, arrival, stamp_arrivals
from asapbench.workers.generate.answer import Answer, NotHttp
from asapbench.workers.generate.dial import Dial, Line
from asapbench.workers.generate.failure import Failure
from asapbench.workers.generate.libev import READ, WRITE
from asapbench.workers.generate.origin import Origin
from asapbench.workers.generate.tls import Tls

# One for all: what is received is taken in before the next connection has its turn.
_BUFFER = memoryview(bytearray(1 << 18))
_BUFFERS = (_BUFFER,)


class Owner(Protocol):
    """Who is told what became of a connection and of the request on it."""

    def opened(self) -> None:
        """It is open, or could not be opened; no request waits for it."""

    def answered(
        self, done: float, status: int, body: bytes, split: tuple[float, float]
    ) -> None: ...

    def failed(self, done: float, failure: Failure) -> None: ...

    def disturbed(self) -> None:
        """Something came that no request asked for, and the connection was closed."""


class Connection:
    """Carries one request at a time."""

    def __init__(self, loop: Any, origin: Origin, owner: Owner) -> None:
        self._loop = loop
        self._origin = origin
        self._owner = owner
        self._dial: Dial | None = None
        self._socket: Any = None
        self._tls: Tls | None = None
        self._reader: Any = None
        self._writer: Any = None
        self._request = b""
        self._unsent = b""
        self._since = 0.0
        self._planned = False
        self.opened_for_request = False

    def open(self) -> None:
        """Connect ahead of the first request."""
        self._since = monotonic()
        self._dial = Dial(self._loop, self._origin, self._dialled)

    def send(self, request: bytes, now: float, *, planned: bool) -> None:
        """Send a request, over a new connection where none is open; of a plan or a closed loop."""
        self._request = request
        self._since = now
        self._planned = planned
        self.opened_for_request = self._socket is None
        if self._socket is None:
            self._dial = Dial(self._loop, self._origin, self._dialled)
        else:
            self._transmit()

    def close(self) -> None:
        """Drop the connection, and the request on it without a word."""
        self._request = self._unsent = b""
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._socket is not None:
            self._reader.close()
            self._writer.close()
            self._socket.close()
            self._socket = None
            self._answer.reset()  # it may be large, and is part of a cycle: it would stay for long

    def expire(self, before: float, now: float) -> None:
        """Give up what began before a time and is not finished."""
        if self._since >= before:
            return
        if self._dial is not None:
            self._dial.cancel()
            text = f"no connection: {os.strerror(errno.ETIMEDOUT)}"
            self._dialled(Failure(Outcome.CONNECT, errno.ETIMEDOUT, text))
        elif self._request:
            text = f"no complete answer after {now - self._since:.3g} s"
            self._fail(now, Failure(Outcome.TIMEOUT, 0, text))

    def _dialled(self, result: Line | Failure) -> None:
        self._dial = None
        if isinstance(result, Line):
            self._adopt(result)
        if not self._request:
            self._owner.opened()
        elif isinstance(result, Failure):
            self._fail(monotonic(), result)
        else:
            self._transmit()

    def _adopt(self, line: Line) -> None:
        self._socket, self._tls = line
        self._answer = Answer()
        stamp_arrivals(self._socket)
        self._reader = self._loop.io(self._socket.fileno(), READ)
        self._writer = self._loop.io(self._socket.fileno(), WRITE)
        self._reader.start(self._readable)

    def _transmit(self) -> None:
        self._answer.reset()
        try:
            data = self._request if self._tls is None else self._tls.seal(self._request)
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._not_sent(error)
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._writer.start(self._writable)

    def _not_sent(self, error: OSError) -> None:
        if self.opened_for_request:
            text = f"{error.strerror or error} before the request was sent"
            self._fail(monotonic(), Failure(Outcome.CLOSED, error.errno or errno.EIO, text))
            return
        # closed while it rested; not a byte was sent, so a new connection will do
        request = self._request
        self.close()
        self.send(request, self._since, planned=self._planned)

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:  # the reader will see it too, and an answer that came before it
            self._writer.stop()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._writer.stop()

    def _readable(self) -> None:
        try:
            size, done = self._receive()
        except BlockingIOError:
            return
        except OSError as error:
            self._end(monotonic(), error.errno or errno.EIO)
            return
        if not size:
            self._end(done, 0)
        elif self._tls is None:
            self._take(done, _BUFFER[:size])
        else:
            self._decrypt(done, self._tls, _BUFFER[:size])

    def _receive(self) -> tuple[int, float]:
        """How many bytes are in the buffer now, and when they came.

        To a request of a plan they came when the kernel got them: that this process was busy, or
        waited for its core, is not the server's doing. A closed loop goes on when it has read them.
        """
        if not self._planned:
            return self._socket.recv_into(_BUFFER), monotonic()
        size, ancillary, _, _ = self._socket.recvmsg_into(_BUFFERS, ROOM)
        came = arrival(ancillary)
        # before the request: no answer to it, or the wall clock was set meanwhile
        return size, came if came >= self._since else monotonic()

    def _decrypt(self, done: float, tls: Tls, received: memoryview) -> None:
        try:
            data = tls.unseal(received)
        except ssl.SSLError as error:
            self._refuse(done, f"TLS: {error.reason or error}")
            return
        if data:
            self._take(done, data)
        if tls.ended and self._tls is tls and self._socket is not None:
            self._end(done, 0)

    def _take(self, done: float, data: memoryview | bytes) -> None:
        if not self._request:
            self._refuse(done, "")
            return
        answer = self._answer
        try:
            answer.feed(data)
        except NotHttp as error:
            self._refuse(done, f"no HTTP answer: {error}")
            return
        if answer.complete:
            self._complete(done, answer)

    def _refuse(self, done: float, text: str) -> None:
        if self._request:
            self._fail(done, Failure(Outcome.INVALID, 0, text))
        else:
            self.close()
            self._owner.disturbed()

    def _complete(self, done: float, answer: Answer) -> None:
        self._request = b""
        if answer.surplus:
            self._fail(done, Failure(Outcome.INVALID, answer.status, "bytes after the answer"))
            return
        body, split = answer.body, answer.split
        if not answer.keep_alive or self._unsent or (self._tls is not None and self._tls.ended):
            self.close()
        self._owner.answered(done, answer.status, body, split)

    def _end(self, done: float, code: int) -> None:
        """The server closed the connection; `code` is 0 where it did so in an orderly way."""
        if not self._request:
            self.close()
            return
        answer = self._answer
        if not code:
            answer.end()
        if answer.complete:
            self._complete(done, answer)
        else:
            why = os.strerror(code) if code else "closed"
            self._fail(done, Failure(Outcome.CLOSED, code, f"{why} before the answer was complete"))

    def _fail(self, done: float, failure: Failure) -> None:
        self.close()
        self._owner.failed(done, failure)
