"""The connection of the benchmarks, against servers that close it, or do not."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from asapbench.catalogue import Agent
from asapbench.suite.connection import Connection, WrongReplyError


class Many(StreamRequestHandler):
    def handle(self) -> None:
        while line := self.rfile.readline():
            if not line.strip():
                self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n%05d" % self._port)

    @property
    def _port(self) -> int:
        return int(self.client_address[1])


class Once(StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


class Announced(StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")


@contextmanager
def serving(handler: type[StreamRequestHandler]) -> Iterator[Agent]:
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Agent(url=f"http://127.0.0.1:{server.server_address[1]}", id="once")
        server.shutdown()


@pytest.fixture
def agent() -> Iterator[Agent]:
    with serving(Once) as agent:
        yield agent


def test_a_connection_that_the_agent_says_it_closes_is_opened_anew() -> None:
    with serving(Announced) as agent, closing(Connection(agent)) as connection:
        assert [connection.exchange(connection.get("/")) for _ in range(3)] == [b"ok"] * 3


def test_a_connection_is_kept_while_it_is_in_use() -> None:
    with serving(Many) as agent, closing(Connection(agent)) as connection:
        assert len({connection.exchange(connection.get("/")) for _ in range(3)}) == 1


def test_a_connection_that_lay_idle_is_opened_anew(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asapbench.suite.connection.IDLE", 0.0)
    with closing(Connection(agent)) as connection:
        assert [connection.exchange(connection.get("/")) for _ in range(3)] == [b"ok"] * 3


def test_one_that_the_agent_closes_while_it_is_in_use_is_no_answer(agent: Agent) -> None:
    with closing(Connection(agent)) as connection:
        connection.exchange(connection.get("/"))
        with pytest.raises((WrongReplyError, ConnectionError)):
            connection.exchange(connection.get("/"))
