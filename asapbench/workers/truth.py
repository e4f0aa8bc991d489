"""A server whose truth is known: `-m asapbench.workers.truth PORT RECORDS BEHAVIOUR`.

It answers like the embedded agent, after the delays that BEHAVIOUR (JSON) says, and writes down
when each request arrived and when its answer was written: that is the truth, not the delay asked
for, which no timer meets exactly.

What makes the record exact: a request arrives when the kernel has it, however late this process
wakes up; the answer is ready before it is due. What makes the delay exact: `select` waits in
microseconds, where epoll and uvloop count whole milliseconds. Nothing spins, so no request holds up
another.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from heapq import heapreplace
from itertools import count
from pathlib import Path
from time import monotonic

import httptools

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH, manifest_body
from asap.models import Capability, Endpoint, Envelope, Manifest, Skill
from asap.transport import create_echo_handler
from asap.transport.jsonrpc import (
    INTERNAL_ERROR,
    JsonRpcError,
    JsonRpcErrorResponse,
    JsonRpcRequest,
    JsonRpcResponse,
)
from asap.transport.metrics import ServerMetrics
from asapbench.selfcheck.behaviour import SERVED, Behaviour, delays
from asapbench.series import Writer
from asapbench.workers.arrival import ROOM, arrival, stamp_arrivals

_MANIFEST = Manifest(
    id="urn:asap:agent:truth",
    name="Truth",
    version="1.0.0",
    description="Answers after a known time",
    capabilities=Capability(skills=[Skill(id="echo", description="Returns its input")]),
    endpoints=Endpoint(asap="http://127.0.0.1/asap"),
)
_HEAD = b"HTTP/1.1 %d OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
_JSON = b"application/json"
_BUFFER = memoryview(bytearray(1 << 16))  # one for all: what is read is parsed at once
_WAITING = 1024  # connections not yet accepted

Answer = tuple[bytes, bool]  # the whole HTTP answer, and whether it tells of a failure


class Answers:
    """What the agent answers: pages made once, and a reply to each call."""

    def __init__(self, *, errors: bool) -> None:
        metrics, kind = ServerMetrics().exposition("")
        self._reply = _error if errors else _echo
        self._errors = errors
        self._pages = {
            WELLKNOWN_MANIFEST_PATH.encode(): _http(manifest_body(_MANIFEST)),
            b"/asap/metrics": _http(metrics, kind=kind.encode()),
        }

    def to(self, path: bytes, body: bytes) -> Answer:
        if path == b"/asap":
            return _http(self._reply(JsonRpcRequest.model_validate_json(body))), self._errors
        page = self._pages.get(path)
        return (page, False) if page else (_http(b"{}", status=404), True)


class Work:
    """When the work on a request is done: at once, or as soon as a slot was free for it.

    Slots are free by the plan and not by the clock, so that a timer that rings late takes nothing
    of the capacity: it is slots / delay, as long as there is a processor.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self._waits = delays(behaviour)
        self._free = [0.0] * behaviour.slots

    def due(self, arrived: float) -> float:
        if not self._free:
            return arrived + next(self._waits)
        due = max(arrived, self._free[0]) + next(self._waits)
        heapreplace(self._free, due)
        return due


class Connection:
    """Answers one request at a time, in order: the generator does not pipeline."""

    def __init__(
        self,
        peer: socket.socket,
        number: int,
        answers: Answers,
        work: Work,
        record: Callable[..., None],
    ) -> None:
        self._peer = peer
        self._number = number
        self._answers = answers
        self._work = work
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._body, self._arrived = b"", b"", 0.0
        peer.setblocking(False)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stamp_arrivals(peer)
        self._loop.add_reader(peer, self._read)

    def _read(self) -> None:
        try:
            size, ancillary, _, _ = self._peer.recvmsg_into([_BUFFER], ROOM)
            self._arrived = arrival(ancillary)
            self._parser.feed_data(_BUFFER[:size])
        except BlockingIOError:
            return
        except (OSError, httptools.HttpParserError):
            size = 0
        if not size:
            self._close()

    def on_url(self, url: bytes) -> None:
        self._path, self._body = url, b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        # not here: of what goes wrong the parser would make an error of the client's
        self._loop.call_soon(self._prepare)

    def _prepare(self) -> None:
        answer, failed = self._answers.to(self._path, self._body)
        due = self._work.due(self._arrived)
        if due > monotonic():
            self._loop.call_at(due, self._answer, answer, failed)
        else:
            self._answer(answer, failed)

    def _answer(self, answer: bytes, failed: bool) -> None:
        left = monotonic()
        try:
            # an answer is smaller than the room of a connection on which nothing else is under way
            sent = self._peer.send(answer)
        except OSError:
            sent = 0
        if sent == len(answer):
            self._record(self._arrived, left, self._number, failed)
        else:
            self._close()

    def _close(self) -> None:
        if self._peer.fileno() >= 0:
            self._loop.remove_reader(self._peer)
            self._peer.close()


def main() -> None:
    """Serve until told to end."""
    port, records, behaviour = sys.argv[1:]
    with Writer(Path(records), SERVED) as writer:
        serving = _serve(int(port), Behaviour.model_validate_json(behaviour), writer)
        with asyncio.Runner(loop_factory=_precise_loop) as runner:
            runner.run(serving)


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _serve(port: int, behaviour: Behaviour, writer: Writer) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    answers, work, numbers = Answers(errors=behaviour.errors), Work(behaviour), count()
    # a collection of all that asap imports would hold up what is due in the meantime
    gc.collect()
    gc.freeze()
    with socket.create_server(("127.0.0.1", port), backlog=_WAITING) as listener:
        listener.setblocking(False)

        def accept() -> None:
            with suppress(BlockingIOError, ConnectionAbortedError):
                peer, _ = listener.accept()
                Connection(peer, next(numbers), answers, work, writer.append)

        loop.add_reader(listener, accept)
        await ended.wait()


def _echo(call: JsonRpcRequest) -> bytes:
    envelope = Envelope.model_validate(call.params["envelope"])
    reply = create_echo_handler()(envelope, _MANIFEST).model_dump(mode="json")
    return JsonRpcResponse(result={"envelope": reply}, id=call.id).model_dump_json().encode()


def _error(call: JsonRpcRequest) -> bytes:
    error = JsonRpcError(code=INTERNAL_ERROR, message="this server answers nothing else")
    return JsonRpcErrorResponse(error=error, id=call.id).model_dump_json().encode()


def _http(body: bytes, *, status: int = 200, kind: bytes = _JSON) -> bytes:
    return _HEAD % (status, kind, len(body)) + body


if __name__ == "__main__":
    main()
