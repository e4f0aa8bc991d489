"""PROTOCOL.md §4.3, manifest and health."""

import asyncio
from typing import Any

import httpx
import pytest

from asap.discovery.health import HealthStatus
from asap.errors import ASAPConnectionError, ASAPTimeoutError
from asap.models import Manifest
from asap.transport import ASAPClient

URL = "http://localhost:8000"
MANIFEST = {
    "id": "urn:asap:agent:bob",
    "name": "Bob",
    "version": "1.0.0",
    "description": "",
    "capabilities": {},
    "endpoints": {"asap": "http://localhost:8000/asap"},
}
HEALTH = {
    "status": "healthy",
    "agent_id": "urn:asap:agent:bob",
    "version": "1.0.0",
    "asap_version": "0.1",
    "uptime_seconds": 1.5,
    "load": None,
}


class Agent(httpx.MockTransport):
    def __init__(self, answer: httpx.Response | Exception) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self._what = answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._what, Exception):
            raise self._what
        return self._what


async def get_manifest(agent: httpx.MockTransport, url: str | None = None) -> Manifest:
    async with ASAPClient(URL, transport=agent) as client:
        return await client.get_manifest(url)


async def health_check(agent: httpx.MockTransport, base_url: str | None = None) -> HealthStatus:
    async with ASAPClient(URL, transport=agent) as client:
        return await client.health_check(base_url)


def document(content: Any) -> Agent:
    return Agent(httpx.Response(200, json=content))


async def test_the_manifest_comes_from_its_well_known_place() -> None:
    agent = document(MANIFEST)
    assert await get_manifest(agent) == Manifest.model_validate(MANIFEST)
    request = agent.requests[0]
    assert (request.method, str(request.url)) == ("GET", f"{URL}/.well-known/asap/manifest.json")


async def test_the_manifest_of_another_url_can_be_asked_for() -> None:
    agent = document(MANIFEST)
    await get_manifest(agent, "https://example.com/m.json")
    assert str(agent.requests[0].url) == "https://example.com/m.json"


async def test_a_token_is_not_shown_to_the_manifest_of_another_host() -> None:
    agent = document(MANIFEST)
    async with ASAPClient(URL, transport=agent, auth_token="secret") as client:
        await client.get_manifest("https://example.com/m.json")
    assert "Authorization" not in agent.requests[0].headers


async def test_a_second_call_returns_the_same_object_without_a_request() -> None:
    agent = Agent(httpx.Response(200, json=MANIFEST, headers={"Cache-Control": "no-store"}))
    async with ASAPClient(URL, transport=agent) as client:
        assert await client.get_manifest() is await client.get_manifest()
    assert len(agent.requests) == 1


async def test_concurrent_calls_fetch_once_for_each_url() -> None:
    requests: list[str] = []
    both_urls_asked = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(str(request.url))
        if len(requests) == 2:
            both_urls_asked.set()
        await both_urls_asked.wait()  # never set if one URL had to wait for the other
        return httpx.Response(200, json=MANIFEST)

    async with ASAPClient(URL, transport=httpx.MockTransport(answer)) as client:
        urls = ["https://a.example/m", "https://b.example/m"] * 3
        await asyncio.gather(*map(client.get_manifest, urls))
    assert sorted(requests) == ["https://a.example/m", "https://b.example/m"]


async def test_the_cache_holds_as_many_manifests_as_told() -> None:
    agent = document(MANIFEST)
    async with ASAPClient(URL, transport=agent, manifest_cache_size=1) as client:
        for url in ("https://a.example/m", "https://b.example/m", "https://a.example/m"):
            await client.get_manifest(url)
    assert len(agent.requests) == 3


async def test_a_failure_is_not_cached() -> None:
    answers = iter([httpx.Response(500), httpx.Response(200, json=MANIFEST)])
    async with ASAPClient(URL, transport=httpx.MockTransport(lambda _: next(answers))) as client:
        with pytest.raises(ASAPConnectionError):
            await client.get_manifest()
        assert (await client.get_manifest()).name == "Bob"


async def test_the_signed_form_of_a_manifest_is_accepted() -> None:
    signed = {"manifest": MANIFEST, "signature": {"alg": "ed25519"}, "public_key": "AA=="}
    assert (await get_manifest(document(signed))).name == "Bob"


INVALID_MANIFESTS: list[Any] = [
    {"id": 1},
    [],
    "text",
    {"manifest": MANIFEST},
    {"manifest": [], "signature": {}},
    MANIFEST | {"auth": {"schemes": ["hawk"]}},
    MANIFEST | {"sla": {"availability": 5}},
]


@pytest.mark.parametrize("content", INVALID_MANIFESTS)
async def test_an_invalid_manifest_is_a_value_error(content: object) -> None:
    with pytest.raises(ValueError, match="invalid document at http://localhost"):
        await get_manifest(document(content))


async def test_an_invalid_health_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="invalid document at http://localhost"):
        await health_check(document({"status": "fine"}))


@pytest.mark.parametrize("ask", [get_manifest, health_check])
@pytest.mark.parametrize("text", ["hello", "", "[" * 200_000])
async def test_an_answer_that_is_not_json_is_a_value_error(ask: Any, text: str) -> None:
    with pytest.raises(ValueError, match="invalid document"):
        await ask(Agent(httpx.Response(200, text=text)))


@pytest.mark.parametrize("ask", [get_manifest, health_check])
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(503, json=HEALTH | {"status": "unhealthy"}),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.InvalidURL("odd"),
    ],
)
async def test_an_http_or_connection_failure_is_a_connection_error(ask: Any, answer: Any) -> None:
    agent = Agent(answer)
    with pytest.raises(ASAPConnectionError):
        await ask(agent)
    assert len(agent.requests) == 1


@pytest.mark.parametrize("ask", [get_manifest, health_check])
async def test_a_timeout_is_a_timeout_error(ask: Any) -> None:
    with pytest.raises(ASAPTimeoutError) as caught:
        await ask(Agent(httpx.ReadTimeout("slow")))
    assert caught.value.timeout == 10


@pytest.mark.parametrize(("timeout", "expected"), [(60.0, 10.0), (3.0, 3.0)])
async def test_a_manifest_is_waited_for_at_most_10_seconds(timeout: float, expected: float) -> None:
    agent = document(MANIFEST)
    async with ASAPClient(URL, transport=agent, timeout=timeout) as client:
        await client.get_manifest()
    assert agent.requests[0].extensions["timeout"]["read"] == expected


async def test_the_health_comes_from_its_well_known_place() -> None:
    agent = document(HEALTH)
    assert await health_check(agent) == HealthStatus.model_validate(HEALTH)
    request = agent.requests[0]
    assert (request.method, str(request.url)) == ("GET", f"{URL}/.well-known/asap/health")


async def test_the_health_of_another_agent_can_be_asked_for() -> None:
    agent = document(HEALTH)
    await health_check(agent, "https://example.com/")
    assert str(agent.requests[0].url) == "https://example.com/.well-known/asap/health"
