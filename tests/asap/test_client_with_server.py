"""Our client and our server together, in one process."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from asap.errors import ASAPConnectionError, ASAPRemoteError
from asap.models import AuthScheme, Capability, Endpoint, Envelope, Manifest
from asap.transport import ASAPClient, HandlerRegistry, RetryConfig, create_app, retry

MANIFEST = Manifest(
    id="urn:asap:agent:bob",
    name="Bob",
    version="1.0.0",
    description="",
    capabilities=Capability(),
    endpoints=Endpoint(asap="http://localhost/asap"),
)
PRIVATE = MANIFEST.model_copy(update={"auth": AuthScheme(schemes=["bearer"])})
ONCE = RetryConfig(max_retries=1)


def envelope(text: str = "hello", **fields: Any) -> Envelope:
    return Envelope.model_validate(
        {
            "asap_version": "0.1",
            "sender": "urn:asap:agent:alice",
            "recipient": "urn:asap:agent:bob",
            "payload_type": "task.request",
            "payload": {"conversation_id": "c", "skill_id": "echo", "input": {"text": text}},
        }
        | fields
    )


def client(manifest: Manifest = MANIFEST, *, token: str | None = None, **app: Any) -> ASAPClient:
    transport = httpx.ASGITransport(create_app(manifest, **app))
    return ASAPClient("http://localhost", transport=transport, retry_config=ONCE, auth_token=token)


def echoed(reply: Envelope) -> Any:
    return reply.payload_dict["result"]["echoed"]["text"]


async def refused(agent: ASAPClient, request: Envelope) -> int:
    async with agent:
        with pytest.raises(ASAPRemoteError) as caught:
            await agent.send(request)
    return caught.value.json_rpc_code


async def test_a_request_comes_back_echoed() -> None:
    async with client() as agent:
        request = envelope()
        reply = await agent.send(request)
    assert (echoed(reply), reply.correlation_id) == ("hello", request.id)
    assert agent.last_response_asap_version == "2.2"


async def test_a_compressed_request_comes_back_whole() -> None:
    async with client() as agent:
        assert echoed(await agent.send(envelope("long " * 10_000))) == "long " * 10_000


async def test_a_batch_comes_back_in_order() -> None:
    texts = [str(number) for number in range(20)]
    async with client() as agent:
        replies = await agent.send_batch([envelope(text) for text in texts])
    assert [echoed(reply) for reply in replies] == texts


async def test_the_manifest_and_the_health_are_those_of_the_agent() -> None:
    async with client() as agent:
        assert await agent.get_manifest() == MANIFEST
        health = await agent.health_check()
    assert (health.status, health.agent_id) == ("healthy", MANIFEST.id)


async def test_an_unknown_payload_type_is_32012() -> None:
    assert await refused(client(registry=HandlerRegistry()), envelope()) == -32012


async def test_a_stale_envelope_is_32002() -> None:
    stale = envelope(timestamp=datetime.now(UTC) - timedelta(seconds=400))
    assert await refused(client(), stale) == -32002


async def test_a_repeated_nonce_is_32003_where_nonces_are_required() -> None:
    request = envelope(extensions={"nonce": "n"})
    async with client(require_nonce=True) as agent:
        await agent.send(request)
        with pytest.raises(ASAPRemoteError) as caught:
            await agent.send(request)
    assert caught.value.json_rpc_code == -32003


async def test_without_required_nonces_an_envelope_may_come_again() -> None:
    request = envelope(extensions={"nonce": "n"})
    async with client() as agent:
        assert echoed(await agent.send(request)) == echoed(await agent.send(request))


async def test_a_token_opens_a_private_agent() -> None:
    agents = {"secret": "urn:asap:agent:alice"}
    async with client(PRIVATE, token="secret", token_validator=agents.get) as agent:
        assert echoed(await agent.send(envelope())) == "hello"


@pytest.mark.parametrize("token", [None, "guess"])
async def test_a_private_agent_refuses_without_its_token(token: str | None) -> None:
    agent = client(PRIVATE, token=token, token_validator=lambda _: None)
    assert await refused(agent, envelope()) == -32600


async def test_a_request_that_is_too_large_is_a_connection_error() -> None:
    async with client(max_request_size=1000) as agent:
        with pytest.raises(ASAPConnectionError, match="413"):
            await agent.send(envelope(bytes(range(32, 127)).decode() * 100))


async def test_a_client_over_the_rate_limit_waits_as_told_and_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []

    async def sleep(delay: float) -> None:
        waits.append(delay)

    monkeypatch.setattr(retry, "sleep", sleep)
    transport = httpx.ASGITransport(create_app(MANIFEST, rate_limit="1/minute"))
    policy = RetryConfig(max_retries=2)
    async with ASAPClient("http://localhost", transport=transport, retry_config=policy) as agent:
        await agent.send(envelope())
        with pytest.raises(ASAPConnectionError, match="429"):
            await agent.send(envelope())
    assert [58 <= wait <= 60 for wait in waits] == [True]
