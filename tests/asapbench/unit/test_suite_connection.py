"""The connection of the benchmarks, against a server that closes each after one answer."""

from collections.abc import Iterator
from contextlib import closing
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from asapbench.catalogue import Agent
from asapbench.suite.connection import Connection, WrongReplyError


class Once(StreamRequestHandler):
    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


@pytest.fixture
def agent() -> Iterator[Agent]:
    with ThreadingTCPServer(("127.0.0.1", 0), Once) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Agent(url=f"http://127.0.0.1:{server.server_address[1]}", id="once")
        server.shutdown()


def test_a_connection_that_lay_idle_is_opened_anew(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asapbench.suite.connection._IDLE", 0.0)
    with closing(Connection(agent)) as connection:
        assert [connection.exchange(connection.get("/")) for _ in range(3)] == [b"ok"] * 3


def test_one_that_the_agent_closes_while_it_is_in_use_is_no_answer(agent: Agent) -> None:
    with closing(Connection(agent)) as connection:
        connection.exchange(connection.get("/"))
        with pytest.raises((WrongReplyError, ConnectionError)):
            connection.exchange(connection.get("/"))
