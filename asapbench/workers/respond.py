"""Answer every request of the generator at once, and do nothing else.

`-m asapbench.workers.respond FD`. Its answers are right, so the generator checks them as it does
all others: what is measured against it is the floor, the least that the generator, the kernel and
an event loop take.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from typing import cast

import uvloop

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asapbench.leak.asked import answer_until_the_end, private_output
from asapbench.leak.meters import Meters

_MANIFEST = (
    b'{"id":"urn:asap:agent:floor","name":"Floor","version":"1.0","description":"answers at once",'
    b'"capabilities":{"asap_version":"0.1"},"endpoints":{"asap":"http://localhost/asap"}}'
)
_METRICS = b"# TYPE asap_requests_total counter\nasap_requests_total 0\n"
_REPLY = (
    b'{"jsonrpc":"2.0","result":{"envelope":{"id":"01J00000000000000000000000",'
    b'"asap_version":"0.1","timestamp":"2030-05-06T07:08:09.000123Z",'
    b'"sender":"urn:asap:agent:floor","recipient":"urn:asap:agent:asapbench",'
    b'"payload_type":"task.response","payload":{"task_id":"task_01J00000000000000000000000",'
    b'"status":"completed","result":{"echoed":%s},"final_state":null,"metrics":null},'
    b'"correlation_id":"%s","trace_id":null,"requires_ack":false,"extensions":null}},"id":"%s"}'
)
_REFUSAL = b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid request"},"id":null}'
_HEAD = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 06 May 2030 07:08:09 GMT\r\nserver: floor\r\n"
    b"content-type: application/json\r\nasap-version: 2.2\r\ncontent-length: %d\r\n\r\n"
)


class Responder(asyncio.Protocol):
    """Looks at no more of a request than it needs; one at a time, no pipelining."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._write = cast(asyncio.Transport, transport).write  # uvloop's derives from nothing
        self._received = b""

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        head, blank, body = data.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(head):
            self._received = data
            return
        self._received = b""
        reply = _answer(head, body)
        self._write(_HEAD % len(reply) + reply)


def _answer(head: bytes, body: bytes) -> bytes:
    if body and b'"input":' not in body:
        return _REFUSAL
    if body:
        return _REPLY % (_between(body, b'"input":', b',"config"'), *_ids(body))
    return _MANIFEST if _PATH in head.partition(b"\r\n")[0] else _METRICS


_PATH = WELLKNOWN_MANIFEST_PATH.encode()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r", 1)[0])


def _between(text: bytes, before: bytes, after: bytes) -> bytes:
    start = text.index(before) + len(before)
    return text[start : text.rindex(after, start)]


def _ids(body: bytes) -> tuple[bytes, bytes]:
    """The envelope's id and the call's."""
    return _between_first(body, b'"envelope":{"id":"', b'"'), body[body.rindex(b':"') + 2 : -2]


def _between_first(text: bytes, before: bytes, after: bytes) -> bytes:
    start = text.index(before) + len(before)
    return text[start : text.index(after, start)]


async def respond(listener: socket.socket) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Responder, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Run until the lifeline on standard input ends."""
    answers = private_output()
    threading.Thread(target=_answer_parent, args=(answers,), daemon=True).start()
    uvloop.run(respond(socket.socket(fileno=int(sys.argv[1]))))


def _answer_parent(answers: int) -> None:
    answer_until_the_end(answers, Meters().answer)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
