"""The module's app behind a real uvicorn, in a process of its own, over a socket bound here."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import IO, NamedTuple, cast

import pytest

from tests.asap.serving import make_request

SERVE = """
import socket, sys, uvicorn
config = uvicorn.Config("asap.transport.server:app", access_log=False, log_level="warning")
uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""


class Served(NamedTuple):
    """A server under test: its port, and how to end it and see what it said."""

    port: int
    process: subprocess.Popen[str]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def http(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=10)

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> HTTPResponse:
        with closing(self.http()) as connection:
            connection.request("POST", "/asap", body, headers or {})
            return connection.getresponse()

    def stop(self) -> str:
        """End it; what it wrote to standard error."""
        self.process.terminate()
        error = cast(IO[str], self.process.stderr).read()
        self.process.wait(10)
        return error


@pytest.fixture
def served() -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        with subprocess.Popen(
            [sys.executable, "-c", SERVE, str(fd)], pass_fds=[fd], stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                # the listener queues what comes before the server accepts: no need to wait
                yield Served(listener.getsockname()[1], process)
            finally:
                process.kill()


GOOD = json.dumps(make_request()).encode()


def test_a_connection_is_kept_for_the_next_request(served: Served) -> None:
    with closing(served.http()) as connection:
        for _ in range(3):
            connection.request("POST", "/asap", json.dumps(make_request()))
            response = connection.getresponse()
            assert "result" in json.loads(response.read())
            assert response.headers["asap-version"] == "2.2"


def test_head_has_the_length_but_no_body(served: Served) -> None:
    with closing(served.http()) as connection:
        connection.request("HEAD", "/.well-known/asap/manifest.json")
        response = connection.getresponse()
        assert int(response.headers["content-length"]) > 100
        assert response.read() == b""
        connection.request("GET", "/health")
        assert connection.getresponse().read() == b'{"status": "ok"}'


def test_a_body_announced_as_too_large_is_413_at_once(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST /asap HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_an_endless_chunked_body_is_413_at_the_limit(served: Served) -> None:
    chunk = b"%x\r\n%b\r\n" % (1 << 16, b" " * (1 << 16))
    with served.connect() as connection:
        connection.sendall(b"POST /asap HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(10 * 16 + 1):
            connection.sendall(chunk)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_an_ordinary_client_sees_the_413_of_a_body_it_sent_whole(served: Served) -> None:
    assert served.post(b" " * (10 * 1024 * 1024 + 1)).status == 413


def test_clients_that_hang_up_leave_no_trace(served: Served) -> None:
    head = b"POST /asap HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(GOOD)
    for sent in (head[:20], head, head + GOOD[:50], head + GOOD):
        with served.connect() as connection:
            connection.sendall(sent)
    assert served.post(GOOD).status == 200
    assert served.stop() == ""


def test_refused_requests_leave_no_trace(served: Served) -> None:
    for body in (b"", b"nope", b"[" * 100_000, b"[]"):
        assert served.post(body).status == 200
    assert served.post(b"x", {"content-encoding": "gzip"}).status == 400
    assert served.stop() == ""
