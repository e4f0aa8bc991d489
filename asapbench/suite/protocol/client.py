"""The client of the protocol: sends, batches, the manifest cache, compression."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from asap.models import Envelope
from asap.transport.compression import COMPRESSION_THRESHOLD, compress_payload
from asapbench.headers import expand_headers
from asapbench.suite import Agent, Operation, benchmark
from asapbench.suite.protocol.samples import envelope, text

if TYPE_CHECKING:
    from httpx import AsyncBaseTransport

    from asap.transport.client import ASAPClient

_Run = Callable[[], Awaitable[Any]]

_MANY = 20
_SIZES = (1_000, 100_000, 1_000_000)


@benchmark(group="http_round_trip")
async def send(agent: Agent) -> AsyncIterator[_Run]:
    """An envelope sent and its answer read, on a connection that is kept."""
    async with _client(agent) as client:

        async def once() -> Envelope:
            return await client.send(_fresh(agent))

        yield once


@benchmark(group="client", items=_MANY)
async def sends_20(agent: Agent) -> AsyncIterator[_Run]:
    """Twenty sends, one after the other."""
    async with _client(agent) as client:

        async def one_by_one() -> None:
            for _ in range(_MANY):
                await client.send(_fresh(agent))

        yield one_by_one


@benchmark(group="client", items=_MANY, against="sends_20")
async def send_batch_20(agent: Agent) -> AsyncIterator[_Run]:
    """Twenty envelopes at once."""
    async with _client(agent) as client:

        async def at_once() -> None:
            answers = await client.send_batch([_fresh(agent) for _ in range(_MANY)])
            if len(answers) != _MANY:
                raise AssertionError(f"{_MANY} envelopes had {len(answers)} answers")

        yield at_once


@benchmark(group="client")
async def manifest_miss(agent: Agent) -> AsyncIterator[_Run]:
    """The manifest, fetched each time."""
    async with _client(agent) as client:

        async def fetch() -> Any:
            client._manifests.clear_all()
            return await client.get_manifest()

        yield fetch


@benchmark(group="client", against="manifest_miss")
async def manifest_hit(agent: Agent) -> AsyncIterator[_Run]:
    """The manifest from the client's cache."""
    async with _client(agent) as client:
        yield client.get_manifest


@benchmark(group="client", sizes=_SIZES, numbers=["ratio"])
def compression(size: int) -> Operation:
    """A body of JSON compressed as the client does it, which leaves the smallest as they are."""
    room = max(size, COMPRESSION_THRESHOLD) - len('{"text": ""}')
    data = json.dumps({"text": text(room)}).encode()
    compressed, _ = compress_payload(data)
    ratio = len(compressed) / len(data)
    return Operation(lambda: compress_payload(data), {"ratio": ratio}, size=len(data))


@asynccontextmanager
async def _client(agent: Agent) -> AsyncIterator[ASAPClient]:
    from asap.transport.client import ASAPClient  # httpx: only where it is needed

    logging.getLogger("asap.transport.client").setLevel(logging.ERROR)  # of plain http
    async with ASAPClient(agent.url, require_https=False, transport=_transport(agent)) as client:
        yield client


def _transport(agent: Agent) -> AsyncBaseTransport | None:
    """The client's own, unless there is something to add that it has no option for."""
    if agent.verify_tls and not agent.headers:
        return None
    import httpx

    headers = expand_headers(agent.headers)

    class Adding(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.headers.update(headers)
            return await super().handle_async_request(request)

    return Adding(verify=agent.verify_tls, http2=True)


def _fresh(agent: Agent) -> Envelope:
    return envelope(recipient=agent.id)
