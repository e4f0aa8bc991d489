"""One kept connection to the agent under test, with as little of a client as there can be.

A blocking socket and httptools' parser: the time of an exchange is the server's, the kernel's and
some twenty microseconds of this, which a run measures and shows.
"""

from __future__ import annotations

import socket
import ssl
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httptools

from asapbench.catalogue import IDLE
from asapbench.headers import expand_headers
from asapbench.suite import Agent

_PATIENCE = 30.0  # s
_CHUNK = 1 << 16


class WrongReplyError(AssertionError):
    """The agent answered something else than was asked for."""


class _Answers:
    """Those of one connection, one at a time; takes its parser's calls."""

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        self.keeps = True  # whether the agent leaves the connection open
        self.expect()

    def expect(self) -> None:
        """The next one."""
        self.body = b""
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
        self.keeps = self.parser.should_keep_alive()  # once it is through it says no of any


class Connection:
    """Sends requests one after the other."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._parts = urlsplit(agent.url)
        self._socket = _connect(agent, self._parts)
        self._used = monotonic()
        self._answers = _Answers()
        lines = [f"{name}: {value}\r\n" for name, value in expand_headers(agent.headers).items()]
        self._own = "".join(lines)
        self._buffer = memoryview(bytearray(_CHUNK))

    def get(self, path: str) -> bytes:
        """The bytes of a GET request."""
        return f"GET {self._head(path)}accept: */*\r\n\r\n".encode()

    def post(self, path: str) -> bytes:
        """The head of a POST of JSON, with %d where the length of the body goes."""
        head = self._head(path).replace("%", "%%")
        return f"POST {head}content-type: application/json\r\ncontent-length: %d\r\n\r\n".encode()

    def exchange(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer; anything but HTTP 200 raises."""
        if not self._answers.keeps or monotonic() - self._used > IDLE:
            self._reopen()
        self._socket.sendall(request)
        answer = self._answers
        answer.expect()
        while not answer.complete:
            length = self._socket.recv_into(self._buffer)
            if not length:
                raise WrongReplyError("the agent closed the connection before its answer was whole")
            answer.parser.feed_data(self._buffer[:length])
        self._used = monotonic()
        if (status := answer.parser.get_status_code()) != 200:
            raise WrongReplyError(f"HTTP {status}: {answer.body[:200]!r}")
        return answer.body

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _reopen(self) -> None:
        self.close()
        self._socket = _connect(self._agent, self._parts)
        self._answers = _Answers()

    def _head(self, path: str) -> str:
        host = self._parts.netloc
        return f"{self._parts.path}{path} HTTP/1.1\r\nhost: {host}\r\n{self._own}"


def _connect(agent: Agent, parts: Any) -> socket.socket:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((parts.hostname, port), _PATIENCE)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme != "https":
        return plain
    context = ssl.create_default_context()
    if not agent.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=parts.hostname)
