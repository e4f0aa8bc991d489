"""Users against servers that misbehave on order, over real sockets and in this process."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from math import isnan
from time import monotonic, sleep
from typing import Any, NamedTuple

import gevent
import pytest
import trustme
from gevent.event import Event as Signal

from asapbench.offer import Endpoint, Event, Flag, Load, Offer, Outcome
from asapbench.workers.generate import answer as generate_answer
from asapbench.workers.generate import origin
from asapbench.workers.generate.crowd import Crowd
from asapbench.workers.generate.scene import scene_of

PATIENCE = 10.0


class Row(NamedTuple):
    planned: float
    sent: float
    done: float
    code: int
    user: int
    endpoint: int
    outcome: int
    flags: int
    arrived: float
    departed: float


class Peer:
    """The server's end of one connection; `number` counts the connections from 0."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.number = number
        self.send = connection.sendall
        self._connection = connection
        self._file = connection.makefile("rb")

    def request(self) -> dict[str, Any]:
        """The call that comes next, and {} where the request has no body. Raises EOFError."""
        self.head()
        length = int(self.headers.get("content-length", "0"))
        body = self._file.read(length)
        if len(body) < length:
            raise EOFError
        return json.loads(body) if body else {}

    def head(self) -> None:
        """Read the lines before the body."""
        self.line = self._file.readline()
        if not self.line:
            raise EOFError
        self.headers: dict[str, str] = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._file.close()
        self._connection.close()

    def close(self) -> None:
        self.shut()
        self._file.close()
        self._connection.close()

    def shut(self) -> None:
        """End the connection, also under a thread that reads from it."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


Handler = Callable[[Peer], None]


def answer(body: bytes, head: str = "HTTP/1.1 200 OK") -> bytes:
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def envelope_for(call: dict[str, Any], **changes: Any) -> dict[str, Any]:
    asked = call["params"]["envelope"]
    return {
        "id": "01J00000000000000000000000",
        "asap_version": "0.1",
        "timestamp": "2030-05-06T07:08:09Z",
        "sender": asked["recipient"],
        "recipient": asked["sender"],
        "payload_type": "task.response",
        "payload": {
            "task_id": "t",
            "status": "completed",
            "result": {"echoed": asked["payload"]["input"]},
        },
        "correlation_id": asked["id"],
    } | changes


def reply(call: dict[str, Any], **changes: Any) -> bytes:
    """The reply of an echo, as bytes of JSON."""
    result = {"envelope": envelope_for(call)}
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": call["id"]} | changes).encode()


def echo(peer: Peer) -> None:
    while True:
        peer.send(answer(reply(peer.request())))


@contextmanager
def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A port where each connection is handled in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    peers: list[Peer] = []

    def handle(connection: socket.socket, number: int) -> None:
        with suppress(EOFError, OSError):
            wrapped = tls.wrap_socket(connection, server_side=True) if tls else connection
            peers.append(peer := Peer(wrapped, number))
            with closing(peer):
                handler(peer)

    def accept() -> None:
        with suppress(OSError):
            for number in range(1_000_000):
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=handle, args=(connection, number)))
                threads[-1].start()

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        threads[0].join()
        for peer in peers:
            peer.shut()
        for thread in threads:
            thread.join()


def _nothing() -> None:
    pass


class Rig:
    """A crowd in this process, and what it wrote and told."""

    def __init__(self, url: str, *endpoints: str, **offer: Any) -> None:
        names = [Endpoint.model_validate({"name": name, "weight": 1}) for name in endpoints]
        asked = Offer(url=url, records="", endpoints=tuple(names), **offer)
        self.rows: list[Row] = []
        self.events: list[Event] = []
        self.at_row: dict[int, Callable[[], None]] = {}
        self._awaited = (0, Signal())
        self._scene = scene_of(asked, gevent.get_hub().loop, self._row, self.events.append)
        self.crowd = Crowd(self._scene, self.events.append)

    def run(self, rows: int, users: int = 1, rate: float | None = None, **load: Any) -> list[Row]:
        """Offer a load until so many rows are there, and end it; the first by planned time."""
        for _ in range(users):
            self.crowd.join()
        self.crowd.offer(Load(users=users, spawn_rate=users, rate=rate, **load))
        self.wait(rows)
        self.stop()
        return sorted(self.rows)[:rows]

    def wait(self, rows: int) -> None:
        self._awaited = (rows, Signal())
        assert len(self.rows) >= rows or self._awaited[1].wait(PATIENCE), self.rows

    def stop(self, drain: float = 1.0) -> None:
        stopped = Signal()
        self.crowd.stop(drain, stopped.set)
        assert stopped.wait(PATIENCE)

    def _row(self, *values: Any) -> None:
        self.rows.append(Row(*values))
        self.at_row.get(len(self.rows), _nothing)()
        rows, signal = self._awaited
        if len(self.rows) >= rows:
            signal.set()


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    yield
    gevent.get_hub().destroy(destroy_loop=True)


def ended(rows: list[Row]) -> list[Row]:
    """Those that were not cut off by the end of the load."""
    return [row for row in rows if not row.flags & Flag.CENSORED]


def outcomes(handler: Handler, rows: int = 1, **offer: Any) -> list[tuple[Outcome, int]]:
    """How the first requests of one user in a closed loop end: outcome and code."""
    with serving(handler) as port:
        seen = Rig(f"http://127.0.0.1:{port}", "asap", **offer).run(rows)
    return [(Outcome(row.outcome), row.code) for row in seen]


def answering(make: Callable[[dict[str, Any]], bytes]) -> Handler:
    """A server that answers each call with the bytes made of it."""

    def handle(peer: Peer) -> None:
        while True:
            peer.send(make(peer.request()))

    return handle


OK = (Outcome.OK, 0)


def test_an_echo_is_a_success_over_one_kept_connection() -> None:
    with serving(echo) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap").run(3)
    assert [(row.outcome, row.flags) for row in rows] == [(Outcome.OK, 0)] * 3


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(404, Outcome.HTTP_4XX), (429, Outcome.HTTP_4XX), (503, Outcome.HTTP_5XX)],
)
def test_an_http_error_is_counted_with_its_status(status: int, outcome: Outcome) -> None:
    head = f"HTTP/1.1 {status} No"
    assert outcomes(answering(lambda _: answer(b"{}", head)), 2) == [(outcome, status)] * 2


@pytest.mark.parametrize("status", [201, 302])
def test_any_other_status_is_invalid_even_with_a_right_body(status: int) -> None:
    head = f"HTTP/1.1 {status} Odd"
    handler = answering(lambda call: answer(reply(call), head))
    assert outcomes(handler) == [(Outcome.INVALID, status)]


def test_an_answer_in_chunks_is_put_together() -> None:
    def chunked(call: dict[str, Any]) -> bytes:
        body = reply(call)
        first, rest = body[:10], body[10:]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (first, rest, b""))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks

    assert outcomes(answering(chunked), 2) == [OK, OK]


def test_an_answer_that_arrives_byte_by_byte_is_put_together() -> None:
    def dribble(peer: Peer) -> None:
        while True:
            for byte in answer(reply(peer.request())):
                peer.send(bytes([byte]))

    assert outcomes(dribble, 2) == [OK, OK]


def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert outcomes(answering(lambda call: interim + answer(reply(call))), 2) == [OK, OK]


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"])
def test_after_an_answer_that_closes_the_next_request_opens_a_connection(head: str) -> None:
    def once(peer: Peer) -> None:
        peer.send(answer(reply(peer.request()), head))

    with serving(once) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap").run(3)
    assert [row.outcome for row in rows] == [Outcome.OK] * 3
    assert [row.flags for row in rows] == [0, Flag.CONNECTED, Flag.CONNECTED]


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    def once(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        peer.send(reply(peer.request()))

    assert outcomes(once, 1) == [OK]


def test_half_an_answer_is_closed_not_success() -> None:
    def half(peer: Peer) -> None:
        whole = answer(reply(peer.request()))
        peer.send(whole[: len(whole) - 5])

    assert outcomes(half, 2) == [(Outcome.CLOSED, 0)] * 2


def test_half_an_answer_that_announced_its_end_is_closed_too() -> None:
    def half(peer: Peer) -> None:
        whole = answer(reply(peer.request()), "HTTP/1.1 200 OK\r\nConnection: close")
        peer.send(whole[: len(whole) - 5])

    assert outcomes(half, 2) == [(Outcome.CLOSED, 0)] * 2


def test_a_reset_connection_is_closed_with_its_errno() -> None:
    def reset(peer: Peer) -> None:
        peer.request()
        peer.reset()

    assert outcomes(reset, 2) == [(Outcome.CLOSED, 104)] * 2


def test_a_request_that_was_sent_is_not_sent_again() -> None:
    calls: list[str] = []

    def close_unanswered(peer: Peer) -> None:
        while True:
            call = peer.request()
            calls.append(call["id"])
            if peer.number == 0 and len(calls) == 2:
                return
            peer.send(answer(reply(call)))

    assert outcomes(close_unanswered, 3) == [OK, (Outcome.CLOSED, 0), OK]
    assert len(set(calls)) == len(calls)


def test_a_request_of_which_no_byte_was_sent_goes_over_a_new_connection() -> None:
    accepted, go_on, gone = threading.Event(), threading.Event(), threading.Event()

    def reset_first(peer: Peer) -> None:
        if peer.number == 0:
            accepted.set()
            go_on.wait(PATIENCE)
            peer.reset()
            gone.set()
        else:
            echo(peer)

    with serving(reset_first) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        while not accepted.is_set():
            gevent.sleep(0.001)
        gevent.sleep(0.01)
        go_on.set()
        assert gone.wait(PATIENCE)  # the event loop stands still, and so does not see the reset
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=None))
        rig.wait(2)
        rig.stop()
    assert [row.outcome for row in rig.rows[:2]] == [Outcome.OK] * 2
    assert [row.flags for row in rig.rows[:2]] == [Flag.CONNECTED, 0]


def test_a_connection_closed_while_it_rested_costs_no_failure() -> None:
    closed = threading.Event()

    def close_after_answer(peer: Peer) -> None:
        peer.send(answer(reply(peer.request())))
        if peer.number == 0:
            peer.close()
            closed.set()
        else:
            echo(peer)

    with serving(close_after_answer) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rows = rig.run(2, pause=(0.05, 0.05))
    assert closed.is_set()
    assert [row.outcome for row in rows] == [Outcome.OK] * 2
    assert [row.flags for row in rows] == [0, Flag.CONNECTED]


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00",
    ],
)
def test_garbage_instead_of_http_is_invalid_and_the_next_request_reconnects(garbage: bytes) -> None:
    def first_garbage(peer: Peer) -> None:
        call = peer.request()
        if peer.number == 0:
            peer.send(garbage)
            peer.request()
        peer.send(answer(reply(call)))

    assert outcomes(first_garbage, 2) == [(Outcome.INVALID, 0), OK]


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nConnection: close"])
@pytest.mark.parametrize("more", [b"more", b"HTTP/1.1 2"])
def test_bytes_after_the_answer_make_it_invalid(head: str, more: bytes) -> None:
    handler = answering(lambda call: answer(reply(call), head) + more)
    assert outcomes(handler, 2) == [(Outcome.INVALID, 200)] * 2


def test_two_answers_at_once_are_invalid() -> None:
    assert (
        outcomes(answering(lambda call: answer(reply(call)) * 2), 2) == [(Outcome.INVALID, 200)] * 2
    )


def test_an_answer_that_nobody_asked_for_fails_the_request_that_follows() -> None:
    resting = threading.Event()

    def unasked(peer: Peer) -> None:
        if peer.number == 0:
            peer.send(answer(b"{}"))
            with suppress(EOFError):
                peer.request()
            resting.set()
        else:
            echo(peer)

    with serving(unasked) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        while not resting.is_set():
            gevent.sleep(0.001)
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=None))
        rig.wait(2)
        rig.stop()
    assert [row.outcome for row in rig.rows[:2]] == [Outcome.INVALID, Outcome.OK]


def test_an_answer_to_another_request_is_a_mismatch_and_the_connection_is_given_up() -> None:
    def one_behind(peer: Peer) -> None:
        if peer.number == 0:
            first = peer.request()
            peer.send(answer(reply(first)))
            peer.request()
            peer.send(answer(reply(first)))
            peer.request()
        echo(peer)

    assert outcomes(one_behind, 3) == [OK, (Outcome.MISMATCH, 0), OK]


def test_an_answer_of_ten_megabytes_is_read_whole() -> None:
    big = "x" * 10_000_000
    seen = outcomes(answering(lambda call: answer(reply(call))), 1, input={"text": big})
    assert seen == [OK]


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_answer, "_LARGEST", 100_000)

    def endless(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"x" * 10_000)

    assert outcomes(endless) == [(Outcome.INVALID, 0)]


def test_answers_that_are_too_large_together_are_given_up_until_some_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generate_answer, "_SMALL", 100)
    monkeypatch.setattr(generate_answer, "_TOGETHER", 500)
    one, other = generate_answer.Answer(), generate_answer.Answer()
    begun = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 300
    one.feed(begun)
    with pytest.raises(generate_answer.NotHttp, match="this answer and others, more than 500"):
        other.feed(begun)
    other.reset()
    one.reset()
    generate_answer.Answer().feed(begun)
    generate_answer._large.clear()


def test_an_answer_that_was_given_up_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_answer, "_SMALL", 1000)

    def hangs_up(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 5000)

    assert outcomes(hangs_up) == [(Outcome.CLOSED, 0)]
    assert generate_answer._large == {}


def test_an_early_answer_counts_and_the_rest_of_its_request_is_not_sent() -> None:
    def too_large(peer: Peer) -> None:
        peer.head()
        peer.send(answer(b"{}", "HTTP/1.1 413 Too Large"))
        answered.wait(PATIENCE)

    answered = threading.Event()
    with serving(too_large) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap", input={"text": "x" * 10_000_000})
        rows = rig.run(2)
        answered.set()
    assert [(row.outcome, row.code) for row in rows] == [(Outcome.HTTP_4XX, 413)] * 2
    assert [row.flags for row in rows] == [0, Flag.CONNECTED]


def test_no_answer_in_time_is_a_timeout_and_the_next_request_reconnects() -> None:
    def silent_once(peer: Peer) -> None:
        if peer.number == 0:
            while True:
                peer.request()
        echo(peer)

    with serving(silent_once) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap", timeout=0.2).run(2)
    assert [row.outcome for row in rows] == [Outcome.TIMEOUT, Outcome.OK]
    assert [row.flags for row in rows] == [0, Flag.CONNECTED]
    assert rows[0].done - rows[0].sent >= 0.2


def test_a_refused_connection_is_counted_and_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rows = Rig(f"http://127.0.0.1:{port}", "asap").run(2)
    assert [(row.outcome, row.code) for row in rows] == [(Outcome.CONNECT, 111)] * 2


def test_each_planned_slot_of_a_server_that_is_gone_is_one_row() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rows = Rig(f"http://127.0.0.1:{port}", "asap").run(20, users=4, rate=400)
    steps = [later.planned - row.planned for row, later in pairwise(rows)]
    assert {row.outcome for row in ended(rows)} == {Outcome.CONNECT}
    assert steps == pytest.approx([1 / 400] * 19)


def test_a_name_with_several_addresses_is_tried_until_one_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = listener.getsockname()
    with serving(echo) as port:
        family = socket.AF_INET
        found = [(family, 0, 0, "", gone), (family, 0, 0, "", ("127.0.0.1", port))]
        monkeypatch.setattr(origin, "_getaddrinfo", lambda *_, **__: found)
        rows = Rig("http://two.test", "asap").run(2)
    assert [(row.outcome, row.flags) for row in rows] == [(Outcome.OK, 0)] * 2


def test_the_first_failure_of_a_kind_is_told_once() -> None:
    with serving(answering(lambda _: answer(b"sorry\r\nfor\x00that", "HTTP/1.1 500 No"))) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.run(3)
    told = [event for event in rig.events if event.event == "failure"]
    assert [(event.endpoint, event.outcome, event.code) for event in told] == [
        ("asap", "http_5xx", 500)
    ]
    assert "sorry for" in told[0].text
    assert told[0].text.isprintable()


def test_planned_slots_are_an_even_grid_over_all_users() -> None:
    with serving(echo) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap").run(40, users=4, rate=400)
    steps = [later.planned - row.planned for row, later in pairwise(rows)]
    assert steps == pytest.approx([1 / 400] * 39)
    assert [row.user for row in rows[:8]] == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_request_is_never_sent_before_its_slot() -> None:
    with serving(echo) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap").run(40, users=4, rate=400)
    assert all(row.planned <= row.sent <= row.done for row in ended(rows))


def test_slots_missed_behind_a_slow_answer_are_all_sent_and_marked_as_waited() -> None:
    go_on = threading.Event()

    def stall(peer: Peer) -> None:
        call = peer.request()
        go_on.wait(PATIENCE)
        peer.send(answer(reply(call)))
        echo(peer)

    with serving(stall) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=200))
        gevent.spawn_later(0.1, go_on.set)
        rig.wait(25)
        rig.stop()
    rows = rig.rows[:25]
    assert [row.planned - rows[0].planned for row in rows] == pytest.approx(
        [slot / 200 for slot in range(25)]
    )
    late = [row for row in rows[1:] if row.planned < rows[0].done]
    assert late
    assert all(row.flags & Flag.WAITED for row in late)


def test_slots_missed_by_a_generator_that_stalls_are_all_sent_and_have_not_waited() -> None:
    with serving(echo) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        stall: list[float] = []

        def stall_once() -> None:
            stall.append(monotonic())
            sleep(0.1)
            stall.append(monotonic())

        rig.at_row[5] = stall_once
        rows = rig.run(30, rate=100)
    assert [row.planned - rows[0].planned for row in rows] == pytest.approx(
        [slot / 100 for slot in range(30)]
    )
    late = [row for row in rows if stall[0] <= row.planned < stall[1]]
    assert len(late) >= 9
    assert {row.flags for row in late} == {0}
    assert late[0].sent - late[0].planned > 0.05


@pytest.mark.parametrize(("rate", "by_kernel"), [(100, True), (None, False)])
def test_a_planned_request_is_done_when_its_answer_arrived_a_closed_loop_s_when_it_is_read(
    rate: float | None, by_kernel: bool
) -> None:
    asked, stalled, sent = threading.Event(), threading.Event(), threading.Event()
    goes_on: list[float] = []

    def handle(peer: Peer) -> None:
        call = peer.request()
        if peer.number == 0:
            asked.wait(PATIENCE)
            peer.send(answer(reply(call)))
        else:
            asked.set()
            stalled.wait(PATIENCE)
            peer.send(answer(reply(call)))
            sent.set()
        echo(peer)

    def stall() -> None:
        stalled.set()
        sent.wait(PATIENCE)
        sleep(0.05)
        goes_on.append(monotonic())

    with serving(handle) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.at_row[1] = stall
        rig.run(2, users=2, rate=rate)
    assert (rig.rows[1].done < goes_on[0]) is (by_kernel and sys.platform == "linux")


def test_slots_of_a_load_that_changes_are_not_forgotten() -> None:
    with serving(echo) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=100))
        rig.wait(1)
        sleep(0.1)  # the event loop stands still: the slots in it come due with the change
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=0.01))
        rig.wait(10)
        rig.stop()
    rows = sorted(rig.rows)
    assert [row.planned - rows[0].planned for row in rows[:10]] == pytest.approx(
        [slot / 100 for slot in range(10)]
    )


def test_what_is_open_or_owed_at_the_end_is_written_as_censored() -> None:
    def silent(peer: Peer) -> None:
        while True:
            peer.request()

    with serving(silent) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=100))
        gevent.sleep(0.1)
        rig.stop(drain=0.05)
    owed, sent = rig.rows[:-1], rig.rows[-1]
    assert len(owed) >= 5
    assert all(isnan(row.sent) and row.flags & Flag.CENSORED for row in owed)
    assert sent.flags & Flag.CENSORED
    assert sent.done - owed[-1].done >= 0.05
    assert [row.planned for row in (sent, *owed)] == pytest.approx(
        [sent.planned + slot / 100 for slot in range(len(rig.rows))]
    )


def test_slots_that_were_not_given_out_when_the_load_ends_are_nobodys_latency() -> None:
    with serving(echo) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=100))
        rig.wait(1)
        frozen = monotonic()
        sleep(0.1)  # the event loop stands still
        rig.stop()
    assert max(row.planned for row in rig.rows) <= frozen
    assert not any(isnan(row.sent) for row in rig.rows)


def test_slots_that_were_given_out_late_are_owed_by_this_process_and_no_server() -> None:
    def silent(peer: Peer) -> None:
        while True:
            peer.request()

    with serving(silent) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        session = rig.crowd.join()
        gevent.sleep(0.05)
        now = monotonic()
        for late in (0.03, 0.02, 0.01):
            session.due(now - late)
        session.due(monotonic())
        rig.stop(drain=0.0)
    sent, *owed = sorted(rig.rows)
    assert (sent.planned, sent.flags) == (now - 0.03, Flag.CENSORED)
    assert [row.planned > now for row in owed] == [True]
    assert owed[0].flags == Flag.CENSORED | Flag.WAITED


def test_an_answer_during_the_drain_counts() -> None:
    stopping = threading.Event()

    def late(peer: Peer) -> None:
        call = peer.request()
        stopping.wait(PATIENCE)
        peer.send(answer(reply(call)))
        echo(peer)

    with serving(late) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=None))
        gevent.sleep(0.02)
        gevent.spawn_later(0.02, stopping.set)
        rig.stop(drain=PATIENCE)
    assert [(row.outcome, row.flags) for row in rig.rows] == [(Outcome.OK, 0)]


def test_a_user_that_leaves_works_off_what_it_owes() -> None:
    go_on = threading.Event()

    def stall(peer: Peer) -> None:
        call = peer.request()
        go_on.wait(PATIENCE)
        peer.send(answer(reply(call)))
        echo(peer)

    with serving(stall) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        leaver = rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=100))
        gevent.sleep(0.055)
        rig.crowd.leave(leaver)
        go_on.set()
        while not leaver.finished:
            gevent.sleep(0.001)
        owed = len(rig.rows)
        gevent.sleep(0.03)
        rig.stop()
    assert 5 <= owed == len(rig.rows)
    assert {row.outcome for row in rig.rows} == {Outcome.OK}


def test_a_user_that_leaves_a_closed_loop_begins_nothing_more() -> None:
    with serving(echo) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        leaver = rig.crowd.join()
        rig.crowd.offer(Load(users=1, spawn_rate=1, rate=None))
        rig.wait(3)
        rig.crowd.leave(leaver)
        seen = len(rig.rows)
        gevent.sleep(0.03)
        rig.stop()
    assert len(rig.rows) <= seen + 1


def test_the_load_can_go_from_planned_to_closed_loop_and_back() -> None:
    with serving(echo) as port:
        rig = Rig(f"http://127.0.0.1:{port}", "asap")
        rig.crowd.join()
        for rate in (500.0, None, 500.0):
            rig.crowd.offer(Load(users=1, spawn_rate=1, rate=rate))
            rig.wait(len(rig.rows) + 10)
        rig.stop()
    assert {row.outcome for row in rig.rows} == {Outcome.OK}
    assert [event.event for event in rig.events] == ["ramped"] * 3


def test_a_closed_loop_pauses_between_an_answer_and_the_next_request() -> None:
    with serving(echo) as port:
        rows = Rig(f"http://127.0.0.1:{port}", "asap").run(4, pause=(0.02, 0.04))
    assert all(later.sent - row.done >= 0.02 for row, later in pairwise(rows))
    assert all(row.planned == row.sent for row in rows)


def test_ids_are_unique_and_n_in_the_input_is_too() -> None:
    calls: list[dict[str, Any]] = []

    def collect(peer: Peer) -> None:
        while True:
            calls.append(call := peer.request())
            peer.send(answer(reply(call)))

    with serving(collect) as port:
        url = f"http://127.0.0.1:{port}"
        rows = Rig(url, "asap", input={"a": ["{n}", {"b": "x{n}y{n}"}], "c": 1}).run(30, users=3)
    envelopes = [call["params"]["envelope"] for call in calls]
    assert {row.outcome for row in rows} == {Outcome.OK}
    assert len({call["id"] for call in calls}) == len(calls)
    assert len({envelope["id"] for envelope in envelopes}) == len(calls)
    assert len({json.dumps(envelope["payload"]["input"]) for envelope in envelopes}) == len(calls)


def test_timestamps_are_fresh() -> None:
    stamps: list[str] = []

    def collect(peer: Peer) -> None:
        while True:
            call = peer.request()
            stamps.append(call["params"]["envelope"]["timestamp"])
            peer.send(answer(reply(call)))

    with serving(collect) as port:
        Rig(f"http://127.0.0.1:{port}", "asap").run(3, pause=(0.12, 0.12))
    assert len(set(stamps)) == len(stamps)


def test_endpoints_are_asked_at_their_weights_under_a_path_prefix() -> None:
    lines: list[bytes] = []

    def note(peer: Peer) -> None:
        while True:
            peer.request()
            lines.append(peer.line)
            peer.send(answer(b"{}", "HTTP/1.1 500 No"))

    with serving(note) as port:
        rows = Rig(f"http://127.0.0.1:{port}/agent/", "asap", "manifest", "metrics").run(9)
    assert sorted(row.endpoint for row in rows) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert set(lines) == {
        b"POST /agent/asap HTTP/1.1\r\n",
        b"GET /agent/.well-known/asap/manifest.json HTTP/1.1\r\n",
        b"GET /agent/asap/metrics HTTP/1.1\r\n",
    }


def test_the_user_s_headers_are_sent_with_variables_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setenv("AGENT_TOKEN", "s3cret")

    def note(peer: Peer) -> None:
        while True:
            call = peer.request()
            seen.append(peer.headers)
            peer.send(answer(reply(call)))

    headers = ("Authorization: Bearer ${AGENT_TOKEN}", "accept: application/json", "Host: a.test")
    with serving(note) as port:
        Rig(f"http://127.0.0.1:{port}", "asap", headers=headers).run(1)
    assert seen[0]["authorization"] == "Bearer s3cret"
    assert seen[0]["accept"] == "application/json"
    assert seen[0]["host"] == "a.test"


def test_ipv6_addresses_are_reached() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def once() -> None:
            peer = Peer(listener.accept()[0], 0)
            with suppress(EOFError):
                echo(peer)
            peer.close()

        thread = threading.Thread(target=once)
        thread.start()
        rows = Rig(f"http://[::1]:{port}", "asap").run(2)
        thread.join()
    assert [row.outcome for row in rows] == [Outcome.OK] * 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def test_requests_go_over_tls_to_a_server_whose_certificate_is_trusted(
    authority: trustme.CA, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(echo, tls) as port, authority.cert_pem.tempfile() as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        rows = Rig(f"https://localhost:{port}", "asap").run(3)
    assert [(row.outcome, row.flags) for row in rows] == [(Outcome.OK, 0)] * 3


def test_an_untrusted_certificate_is_no_connection(tls: ssl.SSLContext) -> None:
    with serving(echo, tls) as port:
        rig = Rig(f"https://localhost:{port}", "asap")
        rows = rig.run(1)
    assert (rows[0].outcome, rows[0].code) == (Outcome.CONNECT, 71)
    assert "CERTIFICATE_VERIFY_FAILED" in rig.events[-1].text


def test_an_untrusted_certificate_will_do_where_it_is_not_to_be_verified(
    tls: ssl.SSLContext,
) -> None:
    with serving(echo, tls) as port:
        rows = Rig(f"https://localhost:{port}", "asap", verify_tls=False).run(2)
    assert [row.outcome for row in rows] == [Outcome.OK] * 2


def test_large_requests_and_answers_pass_through_tls(tls: ssl.SSLContext) -> None:
    with serving(echo, tls) as port:
        offer: dict[str, Any] = {"verify_tls": False, "input": {"text": "x" * 3_000_000}}
        rows = Rig(f"https://localhost:{port}", "asap", **offer).run(2)
    assert [row.outcome for row in rows] == [Outcome.OK] * 2


def test_tls_to_a_server_without_it_is_no_connection() -> None:
    def plain(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(plain) as port:
        rows = Rig(f"https://127.0.0.1:{port}", "asap").run(1)
    assert rows[0].outcome == Outcome.CONNECT


def test_after_a_close_over_tls_the_next_request_opens_a_connection(tls: ssl.SSLContext) -> None:
    def once(peer: Peer) -> None:
        peer.send(answer(reply(peer.request()), "HTTP/1.1 200 OK\r\nConnection: close"))

    with serving(once, tls) as port:
        rows = Rig(f"https://localhost:{port}", "asap", verify_tls=False).run(2)
    assert [(row.outcome, row.flags) for row in rows] == [
        (Outcome.OK, 0),
        (Outcome.OK, Flag.CONNECTED),
    ]
