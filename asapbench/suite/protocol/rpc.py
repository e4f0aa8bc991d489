"""JSON-RPC without a network: requests, responses, and a server's work from bytes to bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asap.transport.jsonrpc import ASAP_METHOD, JsonRpcRequest, JsonRpcResponse
from asapbench.suite import benchmark
from asapbench.suite.protocol.samples import envelope

_Run = Callable[[], Any]
_GROUP = "jsonrpc_processing"


@benchmark(group=_GROUP)
def request_creation() -> _Run:
    """A request around an envelope that is there as a dict."""
    params = {"envelope": envelope().model_dump(mode="json"), "idempotency_key": "k"}
    return lambda: JsonRpcRequest(method=ASAP_METHOD, params=params, id="req-1")


@benchmark(group=_GROUP)
def response_creation() -> _Run:
    """A response around an envelope that is there as a dict."""
    result = {"envelope": envelope().model_dump(mode="json")}
    return lambda: JsonRpcResponse(result=result, id="req-1")


@benchmark(group=_GROUP)
def request_serialization() -> _Run:
    """A request as text."""
    return _request().model_dump_json


@benchmark(group=_GROUP)
def bytes_to_bytes() -> Callable[[], Awaitable[None]]:
    """All that the server's application does between the bytes of a request and its answer's."""
    from asap.transport.server import app

    body = _request().model_dump_json().encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/asap",
        "raw_path": b"/asap",
        "query_string": b"",
        "headers": [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "root_path": "",
        "asgi": {"version": "3.0"},
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def process() -> None:
        sent.clear()
        await app(dict(scope), receive, send)
        if b'"result"' not in sent[-1]["body"]:
            raise AssertionError(f"the answer is {sent[-1]['body'][:200]!r}")

    return process


def _request() -> JsonRpcRequest:
    params = {"envelope": envelope().model_dump(mode="json"), "idempotency_key": "k"}
    return JsonRpcRequest(method=ASAP_METHOD, params=params, id="req-1")
