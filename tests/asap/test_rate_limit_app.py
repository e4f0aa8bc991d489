"""PROTOCOL.md §2.9, the limiter at work in an application."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from asap.models import Capability, Endpoint, Manifest
from asap.transport import create_app
from asap.transport.rate_limit import create_test_limiter

MANIFEST = Manifest(
    id="urn:asap:agent:bob",
    name="Bob",
    version="1.0.0",
    description="",
    capabilities=Capability(),
    endpoints=Endpoint(asap="http://localhost/asap"),
)
CALL = {
    "jsonrpc": "2.0",
    "method": "asap.send",
    "params": {
        "envelope": {
            "asap_version": "0.1",
            "sender": "urn:asap:agent:alice",
            "recipient": "urn:asap:agent:bob",
            "payload_type": "task.request",
            "payload": {"conversation_id": "c", "skill_id": "echo", "input": {}},
        }
    },
    "id": 1,
}


@pytest.fixture(autouse=True)
def no_limit_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASAP_RATE_LIMIT", raising=False)


def agent(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bob")


async def statuses(app: Starlette, *bodies: Any) -> list[int]:
    async with agent(app) as http:
        return [(await http.post("/asap", json=body)).status_code for body in bodies]


async def test_without_a_limit_given_there_is_none() -> None:
    app = create_app(MANIFEST)
    assert await statuses(app, *[CALL] * 15) == [200] * 15


async def test_a_limit_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAP_RATE_LIMIT", "1/minute")
    assert await statuses(create_app(MANIFEST), CALL, CALL) == [200, 429]


async def test_the_limit_of_create_app_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASAP_RATE_LIMIT", "1/minute")
    app = create_app(MANIFEST, rate_limit="2/minute")
    assert await statuses(app, CALL, CALL, CALL) == [200, 200, 429]


async def test_the_limiter_of_a_running_app_can_be_replaced() -> None:
    app = create_app(MANIFEST, rate_limit="1/minute")
    app.state.limiter = create_test_limiter()
    assert await statuses(app, CALL, CALL) == [200, 200]


async def test_each_app_counts_for_itself() -> None:
    for _ in range(2):
        assert await statuses(create_app(MANIFEST, rate_limit="1/minute"), CALL) == [200]


async def test_429_is_a_json_rpc_error_with_the_limit_and_the_time_to_wait() -> None:
    async with agent(create_app(MANIFEST, rate_limit="2/minute")) as http:
        response = [await http.post("/asap", json=CALL) for _ in range(3)][-1]
    wait = int(response.headers["Retry-After"])
    assert 58 <= wait <= 60
    assert response.headers["ASAP-Version"] == "2.2"
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]
    assert response.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": 429,
            "message": "Rate limit exceeded",
            "data": {"retry_after": wait, "limit": "2 per 1 minute"},
        },
    }


async def test_manifest_health_and_metrics_are_not_limited() -> None:
    paths = ["/.well-known/asap/manifest.json", "/.well-known/asap/health", "/asap/metrics"]
    async with agent(create_app(MANIFEST, rate_limit="1/minute")) as http:
        assert [(await http.get(path)).status_code for path in paths * 2] == [200] * 6
        assert (await http.post("/asap", json=CALL)).status_code == 200


@pytest.mark.parametrize("body", [{}, 5, CALL | {"method": "other"}, []])
async def test_a_bad_request_counts(body: Any) -> None:
    assert await statuses(create_app(MANIFEST, rate_limit="1/minute"), body, CALL) == [200, 429]


async def test_a_version_mismatch_does_not_count() -> None:
    async with agent(create_app(MANIFEST, rate_limit="1/minute")) as http:
        await http.post("/asap", json=CALL, headers={"ASAP-Version": "9.9"})
        assert (await http.post("/asap", json=CALL)).status_code == 200


async def test_a_content_length_over_the_limit_does_not_count() -> None:
    app = create_app(MANIFEST, rate_limit="1/minute", max_request_size=1000)
    assert await statuses(app, "a" * 2000, CALL) == [413, 200]


async def test_a_batch_of_n_counts_n_times_or_not_at_all() -> None:
    app = create_app(MANIFEST, rate_limit="3/minute")
    assert await statuses(app, [CALL] * 2, [CALL] * 2, CALL, CALL) == [200, 429, 200, 429]
