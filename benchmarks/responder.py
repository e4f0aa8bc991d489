"""A server that answers at once: a correct echo reply to each request, and nothing else.

It looks at no more of a request than it needs, so that whoever drives it is the bottleneck.
Prints its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

_REPLY = (
    b'{"jsonrpc":"2.0","result":{"envelope":{"id":"01J00000000000000000000000",'
    b'"asap_version":"0.1","timestamp":"2030-05-06T07:08:09.000123Z",'
    b'"sender":"urn:asap:agent:default-server","recipient":"urn:asap:agent:asapbench",'
    b'"payload_type":"task.response","payload":{"task_id":"task_01J00000000000000000000000",'
    b'"status":"completed","result":{"echoed":%s},"final_state":null,"metrics":null},'
    b'"correlation_id":"%s","trace_id":null,"requires_ack":false,"extensions":null}},"id":"%s"}'
)
_HEAD = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 06 May 2030 07:08:09 GMT\r\nserver: responder\r\n"
    b"content-type: application/json\r\nasap-version: 2.2\r\ncontent-length: %d\r\n\r\n"
)


class Responder(asyncio.Protocol):
    """Answers one request at a time: no pipelining."""

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
        reply = _REPLY % (_between(body, b'"input":', b',"config"'), *_ids(body))
        self._write(_HEAD % len(reply) + reply)


def _length(head: bytes) -> int:
    at = head.lower().index(b"content-length:") + 15
    return int(head[at:].split(b"\r", 1)[0])


def _between(text: bytes, before: bytes, after: bytes) -> bytes:
    start = text.index(before) + len(before)
    return text[start : text.index(after, start)]


def _ids(body: bytes) -> tuple[bytes, bytes]:
    """The envelope's id and the call's."""
    return _between(body, b'"envelope":{"id":"', b'"'), body[body.rindex(b':"') + 2 : -2]


async def respond() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Responder, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(respond())
