"""When bytes reached a socket, whoever reads them when."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from time import monotonic, sleep

import pytest

from asapbench.workers import arrival
from asapbench.workers.arrival import ROOM, stamp_arrivals

Pair = tuple[socket.socket, socket.socket]

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when bytes arrived")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client and the server's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
    with client, peer:
        yield client, peer


@pytest.fixture
def stamped(pair: Pair) -> Pair:
    """The same, with stamps: the kernel takes a moment to begin with them."""
    client, peer = pair
    stamp_arrivals(peer)
    ancillary: Sequence[object] = ()
    while not ancillary:
        client.sendall(b"first")
        _, ancillary, _, _ = peer.recvmsg(100, 100)
    return pair


def read(peer: socket.socket) -> tuple[bytes, float]:
    data, ancillary, _, _ = peer.recvmsg(100, ROOM)
    return data, arrival.arrival(ancillary)


@on_linux
def test_what_is_read_late_arrived_when_it_was_sent(stamped: Pair) -> None:
    client, peer = stamped
    before = monotonic()
    client.sendall(b"request")
    sent = monotonic()
    sleep(0.05)
    data, arrived = read(peer)
    assert data == b"request"
    # well before it was read: the clocks are two, and may be a little apart
    assert before - 1e-3 <= arrived <= sent + 1e-3


def test_without_a_stamp_what_is_read_arrived_when_it_was_read(pair: Pair) -> None:
    client, peer = pair
    client.sendall(b"request")
    before = monotonic()
    data, arrived = read(peer)
    assert data == b"request"
    assert before <= arrived <= monotonic()


@on_linux
def test_a_stamp_of_the_future_is_now(stamped: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    client, peer = stamped
    monkeypatch.setattr(arrival, "time", lambda: 0.0)  # the clock was set back
    client.sendall(b"request")
    before = monotonic()
    _, arrived = read(peer)
    assert before <= arrived <= monotonic()
