"""The times that a server tells of a request: stamped, read, and what becomes of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from math import inf, isnan, nan
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event as Signal

from asapbench.offer import SPLIT_HEADER, Endpoint, Load, Offer
from asapbench.workers.generate.answer import Answer
from asapbench.workers.generate.crowd import Crowd
from asapbench.workers.generate.scene import scene_of
from asapbench.workers.serve import split

PATIENCE = 10.0
METRICS = b"asap_requests_total 0\n"


def http(*headers: bytes) -> bytes:
    lines = (b"HTTP/1.1 200 OK", *headers, b"content-length: %d" % len(METRICS), b"", METRICS)
    return b"\r\n".join(lines)


def read(*answers: bytes) -> Answer:
    found = Answer()
    for data in answers:
        found.reset()
        found.feed(data)
        assert found.complete
    return found


def test_the_header_is_read_as_two_times() -> None:
    assert read(http(SPLIT_HEADER + b": 12.5 13.25")).split == (12.5, 13.25)


@pytest.mark.parametrize("value", [b"", b"12.5", b"1 2 3", b"soon later", b"0x1 0x2", b"\xff \xfe"])
def test_anything_else_in_it_is_unknown(value: bytes) -> None:
    assert all(map(isnan, read(http(SPLIT_HEADER + b": " + value)).split))


def test_an_answer_does_not_keep_the_times_of_the_one_before() -> None:
    assert all(map(isnan, read(http(SPLIT_HEADER + b": 1 2"), http()).split))


async def told(app: Any, scope: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What the bench-only layer sends for an app."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await split(app)(scope or {"type": "http"}, None, send)
    return sent


async def test_the_layer_tells_when_it_got_the_request_and_began_the_answer() -> None:
    seen: list[float] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        seen.append(monotonic())
        seen.append(monotonic())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"x"})

    before = monotonic()
    start, body = await told(app)
    after = monotonic()
    assert start["headers"][0] == (b"a", b"b")
    ((name, value),) = start["headers"][1:]
    arrived, departed = map(float, value.split())
    assert name == SPLIT_HEADER
    resolution = 1e-8
    assert before - resolution <= arrived <= seen[0] + resolution
    assert seen[1] - resolution <= departed <= after + resolution
    assert body == {"type": "http.response.body", "body": b"x"}


async def test_the_layer_leaves_the_app_s_own_message_as_it_was() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
    kept = {**start, "headers": [(b"a", b"b")]}

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start)

    for _ in range(2):
        (sent,) = await told(app)
        assert len(sent["headers"]) == 2
    assert start == kept


async def test_the_layer_also_stamps_an_answer_without_headers() -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})

    (sent,) = await told(app)
    assert [name for name, _ in sent["headers"]] == [SPLIT_HEADER]


Row = tuple[Any, ...]


def rows_of(header: Callable[[], bytes]) -> Iterator[Row]:
    """The rows of three requests to a server that tells these times."""
    rows: list[Row] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, header))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        offer = Offer(url=url, endpoints=(Endpoint(name="metrics", weight=1),))
        there = Signal()

        def row(*values: Any) -> None:
            rows.append(values)
            if len(rows) == 3:
                there.set()

        crowd = Crowd(scene_of(offer, gevent.get_hub().loop, row, print), lambda _: None)
        crowd.join()
        crowd.offer(Load(users=1, spawn_rate=1, rate=500))
        assert there.wait(PATIENCE)
        stopped = Signal()
        crowd.stop(0.0, stopped.set)
        assert stopped.wait(PATIENCE)
        thread.join()
    yield from rows[:3]


def serve(listener: socket.socket, header: Callable[[], bytes]) -> None:
    connection, _ = listener.accept()
    # the user may leave with an answer unread, which resets the connection
    with connection, suppress(ConnectionError):
        while connection.recv(1 << 16):
            connection.sendall(http(SPLIT_HEADER + b": " + header()))


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    yield
    gevent.get_hub().destroy(destroy_loop=True)


def test_a_row_holds_the_times_the_server_told() -> None:
    for row in rows_of(lambda: b"%.9f %.9f" % (monotonic(), monotonic())):
        _, sent, done, *_, arrived, departed = row
        assert sent <= arrived <= departed <= done


@pytest.mark.parametrize(
    "times", [(-1.0, 0.0), (0.0, 1.0), (0.0, -1.0), (nan, 0.0), (0.0, nan), (-inf, inf)]
)
def test_times_outside_of_the_request_are_unknown(times: tuple[float, float]) -> None:
    def header() -> bytes:
        now = monotonic()
        return b"%.9f %.9f" % (now + times[0], now + times[1])

    for row in rows_of(header):
        assert isnan(row[8])
        assert isnan(row[9])
