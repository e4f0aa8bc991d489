"""Agents to serve, and ways to call them without a socket."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp, Message

from asap.models import Capability, Endpoint, Envelope, Manifest, Skill
from asap.models.entities import AuthScheme
from asap.models.payloads import TaskRequest

AGENT = "urn:asap:agent:server"
SENDER = "urn:asap:agent:alice"


def make_manifest(auth: AuthScheme | None = None) -> Manifest:
    return Manifest(
        id=AGENT,
        name="Server",
        version="1.2.3",
        description="An agent for tests",
        capabilities=Capability(skills=[Skill(id="echo", description="Returns its input")]),
        endpoints=Endpoint(asap="http://localhost:8000/asap"),
        auth=auth,
    )


def make_envelope(**changes: Any) -> dict[str, Any]:
    """A good `task.request` as it goes over the wire, but for the changes."""
    envelope = Envelope(
        asap_version="0.1",
        sender=SENDER,
        recipient=AGENT,
        payload_type="task.request",
        payload=TaskRequest(conversation_id="c1", skill_id="echo", input={"n": 1}),
        trace_id="trace-1",
    )
    return envelope.model_dump(mode="json") | changes


def make_request(envelope: Any = None, **changes: Any) -> dict[str, Any]:
    """A good JSON-RPC request, but for the changes."""
    params = {"envelope": make_envelope() if envelope is None else envelope}
    return {"jsonrpc": "2.0", "method": "asap.send", "params": params, "id": "q1"} | changes


def without(value: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: kept for name, kept in value.items() if name != key}


def calling(app: ASGIApp) -> httpx.AsyncClient:
    """A client of this app; an exception that the app lets out fails the test."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://agent")


async def post(app: ASGIApp, body: Any, **headers: str) -> httpx.Response:
    """POST to `/asap`: bytes as they are, anything else as JSON; `a_b=` is the header `a-b`."""
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    async with calling(app) as http:
        if isinstance(body, bytes):
            return await http.post("/asap", content=body, headers=dashed)
        return await http.post("/asap", json=body, headers=dashed)


async def rpc(app: ASGIApp, body: Any, **headers: str) -> Any:
    """What `/asap` answers, as JSON; it has to be a 200."""
    response = await post(app, body, **headers)
    assert response.status_code == 200, response.text
    return response.json()


async def error_of(app: ASGIApp, body: Any, **headers: str) -> Any:
    return (await rpc(app, body, **headers))["error"]


async def get(app: ASGIApp, path: str, **headers: str) -> httpx.Response:
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    async with calling(app) as http:
        return await http.get(path, headers=dashed)


async def exchange(
    app: ASGIApp, messages: Iterable[Message], headers: Iterable[tuple[bytes, bytes]] = ()
) -> list[Message]:
    """What the app sends in answer to a POST of these ASGI messages; it may ask for no more."""
    incoming = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/asap",
        "raw_path": b"/asap",
        "root_path": "",
        "query_string": b"",
        "headers": list(headers),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return sent


def sample(exposition: str, name: str, **labels: str) -> float:
    """The value of the one sample of this name with exactly these labels; 0 if there is none."""

    for family in text_string_to_metric_families(exposition):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return float(found.value)
    return 0.0
