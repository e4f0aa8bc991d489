"""PROTOCOL.md §3.8, authentication, and its place in §3.1."""

import asyncio
from typing import Any

import pytest

from asap.models.entities import AuthScheme
from asap.transport.server import create_app
from tests.asap.serving import (
    SENDER,
    error_of,
    get,
    make_envelope,
    make_manifest,
    make_request,
    rpc,
)

GUARDED = make_manifest(auth=AuthScheme(schemes=["bearer", "basic"]))
AGENTS = {"alice's": SENDER, "bob's": "urn:asap:agent:bob"}


def validate(token: str) -> str | None:
    return AGENTS.get(token)


async def validate_async(token: str) -> str | None:
    return AGENTS.get(token)


class Validator:
    async def __call__(self, token: str) -> str | None:
        return AGENTS.get(token)


APP = create_app(GUARDED, token_validator=validate)


@pytest.mark.parametrize("validator", [validate, validate_async, Validator()])
async def test_a_known_token_lets_its_agent_in(validator: Any) -> None:
    app = create_app(GUARDED, token_validator=validator)
    assert "result" in await rpc(app, make_request(), authorization="Bearer alice's")


async def test_a_plain_function_that_returns_an_awaitable_is_awaited() -> None:
    app = create_app(GUARDED, token_validator=lambda token: validate_async(token))
    assert "result" in await rpc(app, make_request(), authorization="Bearer alice's")


@pytest.mark.parametrize("authorization", ["Bearer alice's", "bearer alice's", "BEARER  alice's "])
async def test_the_scheme_is_not_case_sensitive(authorization: str) -> None:
    assert "result" in await rpc(APP, make_request(), authorization=authorization)


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}])
async def test_without_a_token_authentication_is_required(headers: dict[str, str]) -> None:
    answer = await rpc(APP, make_request(), **headers)
    assert answer["error"]["code"] == -32600
    assert answer["error"]["data"] == {"error": "Authentication required", "status_code": 401}
    assert answer["id"] == "q1"


@pytest.mark.parametrize("authorization", ["Basic YTpi", "alice's", "Token alice's"])
async def test_another_scheme_is_not_accepted(authorization: str) -> None:
    error = await error_of(APP, make_request(), authorization=authorization)
    assert (error["code"], error["data"]["status_code"]) == (-32600, 401)


@pytest.mark.parametrize("authorization", ["Bearer nobody's", "Bearer alice's bob's"])
async def test_an_unknown_token_is_invalid(authorization: str) -> None:
    error = await error_of(APP, make_request(), authorization=authorization)
    assert error["code"] == -32600
    assert error["data"] == {"error": "Invalid authentication token", "status_code": 401}


async def test_the_sender_must_be_the_agent_of_the_token() -> None:
    answer = await rpc(APP, make_request(), authorization="Bearer bob's")
    assert answer["error"]["code"] == -32602
    assert "Sender does not match" in answer["error"]["data"]["error"]
    assert answer["error"]["data"]["status_code"] == 403
    assert answer["id"] == "q1"


async def test_a_validator_that_raises_lets_nobody_in() -> None:
    def validator(token: str) -> str:
        raise RuntimeError("no database")

    app = create_app(GUARDED, token_validator=validator)
    error = await error_of(app, make_request(), authorization="Bearer alice's")
    assert error["code"] == -32603


async def test_a_validator_that_finds_no_next_one_is_an_error_and_no_wait_without_end() -> None:
    app = create_app(GUARDED, token_validator=lambda token: next(a for a in AGENTS if a == token))
    answer = await asyncio.wait_for(rpc(app, make_request(), authorization="Bearer x"), 10)
    assert answer["error"]["code"] == -32603


async def test_authentication_comes_after_the_method_and_before_the_envelope() -> None:
    assert (await error_of(APP, make_request(method="x")))["code"] == -32601
    error = await error_of(APP, make_request(params={}))
    assert error["data"]["error"] == "Authentication required"


async def test_the_sender_is_compared_before_the_timestamp() -> None:
    request = make_request(make_envelope(timestamp="2020-01-01T00:00:00Z"))
    error = await error_of(APP, request, authorization="Bearer bob's")
    assert error["code"] == -32602


async def test_every_item_of_a_batch_is_guarded() -> None:
    answers = await rpc(APP, [make_request(), make_request()])
    assert [answer["error"]["code"] for answer in answers] == [-32600, -32600]


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/asap/manifest.json",
        "/.well-known/asap/health",
        "/health",
        "/ready",
        "/asap/metrics",
    ],
)
async def test_the_other_routes_stay_open(path: str) -> None:
    assert (await get(APP, path)).status_code == 200


async def test_a_validator_alone_guards_nothing() -> None:
    app = create_app(make_manifest(), token_validator=validate)
    assert "result" in await rpc(app, make_request())


def test_a_guarded_manifest_needs_a_validator() -> None:
    with pytest.raises(ValueError, match="token_validator"):
        create_app(GUARDED)
