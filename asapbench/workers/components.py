"""One part of an agent, over and over, in a process of its own.

`-m asapbench.workers.components NAME SIZE`. Each "cycle" on standard input is answered by what the
process holds after SIZE operations more. What NAME can be is in `asapbench.leak.parts`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import httpx
from pydantic_core import from_json, to_json

from asap.models import Envelope, TaskRequest
from asap.models.ids import generate_id
from asap.transport.client import ASAPClient
from asap.transport.jsonrpc import JsonRpcRequest, JsonRpcResponse
from asap.transport.server import app
from asapbench.leak.asked import answer_until_the_end, private_output
from asapbench.leak.meters import Meters
from asapbench.leak.parts import LIVE

_URL = "http://127.0.0.1:8000"
_AGENT = "urn:asap:agent:default-server"

Operation = Callable[[], object]


def envelope() -> Envelope:
    """A task request, every id in it fresh."""
    return Envelope(
        asap_version="0.1",
        sender="urn:asap:agent:asapbench",
        recipient=_AGENT,
        payload_type="task.request",
        payload=TaskRequest(
            conversation_id=generate_id(), skill_id="echo", input={"message": generate_id()}
        ),
    )


def _serialization() -> Operation:
    made = envelope()
    return made.model_dump_json


def _deserialization() -> Operation:
    text = envelope().model_dump_json()
    return lambda: Envelope.model_validate_json(text)


def _jsonrpc() -> Operation:
    given = {"envelope": envelope().model_dump(mode="json")}
    numbers = count()

    def handle() -> bytes:
        call = JsonRpcRequest(method="asap.send", params=given, id=f"req-{next(numbers)}")
        read = JsonRpcRequest.model_validate_json(call.model_dump_json())
        return JsonRpcResponse(result=read.params, id=read.id).model_dump_json().encode()

    return handle


_PLAIN: dict[str, Callable[[], Operation]] = {
    "envelope_creation": lambda: envelope,
    "serialization": _serialization,
    "deserialization": _deserialization,
    "jsonrpc": _jsonrpc,
}


async def _client_send(times: int) -> None:
    """The client over a transport within this process, with a client a cycle."""
    transport = httpx.ASGITransport(app)
    async with ASAPClient(_URL, transport=transport) as client:
        for _ in range(times):
            await client.send(envelope())


async def _server_request(times: int) -> None:
    """The server's application, called as an event loop server would call it."""
    for number in range(times):
        params = {"envelope": envelope().model_dump(mode="json")}
        call = {"jsonrpc": "2.0", "method": "asap.send", "params": params, "id": f"req-{number}"}
        await _called(json.dumps(call).encode())


async def _called(body: bytes) -> None:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(b"content-type", b"application/json"), (b"asap-version", b"2.2")]
    scope = {"type": "http", "method": "POST", "path": "/asap", "headers": headers}
    await app({**scope, "query_string": b"", "client": ("127.0.0.1", 1)}, receive, send)
    if statuses != [200]:
        raise ValueError(f"the server answered with status {statuses}")


_ASYNC: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {
    "client_send": _client_send,
    "server_request": _server_request,
}


def main() -> None:
    """Work and be read until the parent has no more questions."""
    answers = private_output()
    name, size = sys.argv[1], int(sys.argv[2])
    _fill_caches()
    work = _holding if name == LIVE else _working(name)
    meters = Meters()
    with asyncio.Runner() as runner:

        def answer(_question: str) -> str:
            kept = work(runner, size)
            answered = meters.answer("settle")
            del kept
            return answered

        answer_until_the_end(answers, answer)


def _fill_caches() -> None:
    """Let pydantic's cache of strings be full: it takes thousands of requests for that."""
    from_json(to_json([generate_id() for _ in range(_MANY)]))


def _working(name: str) -> Callable[[asyncio.Runner, int], object]:
    if name in _ASYNC:
        return lambda runner, size: runner.run(_ASYNC[name](size))
    operation = _PLAIN[name]()

    def repeat(_runner: asyncio.Runner, size: int) -> None:
        for _ in range(size):
            operation()

    return repeat


def _holding(_: asyncio.Runner, size: int) -> object:
    """Live envelopes; at the first question a few, which are let go again."""
    first = next(_asked) == 0
    made = [envelope() for _ in range(_FEW if first else size)]
    return None if first else made


_FEW = 100
_MANY = 100_000  # several times what that cache holds
_asked = count()

if __name__ == "__main__":
    main()
