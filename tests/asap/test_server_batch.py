"""PROTOCOL.md §2.5, batches."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from asap.models import Envelope, Manifest
from asap.transport.handlers import HandlerRegistry
from asap.transport.server import create_app
from tests.asap.serving import make_envelope, make_manifest, make_request, rpc, without

APP = create_app(make_manifest())


async def test_the_answers_come_in_the_order_of_the_requests() -> None:
    answers = await rpc(APP, [make_request(id=n) for n in range(5)])
    assert [answer["id"] for answer in answers] == list(range(5))
    assert all("result" in answer for answer in answers)


async def test_a_batch_of_one_is_answered_with_a_list() -> None:
    assert len(await rpc(APP, [make_request()])) == 1


async def test_the_failure_of_one_does_not_touch_the_others() -> None:
    batch = [make_request(id=1), make_request(method="x", id=2), make_request(id=3)]
    answers = await rpc(APP, batch)
    assert ["result" in answer for answer in answers] == [True, False, True]


async def test_the_items_are_handled_concurrently() -> None:
    both_there = asyncio.Barrier(2)

    async def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
        await both_there.wait()
        return envelope

    registry = HandlerRegistry()
    registry.register("task.request", handler)
    app = create_app(make_manifest(), registry)
    answers = await asyncio.wait_for(rpc(app, [make_request(), make_request()]), 5)
    assert len(answers) == 2


@pytest.mark.parametrize("item", [1, "x", None, [], [make_request()]])
async def test_an_item_that_is_no_object_is_an_invalid_request(item: Any) -> None:
    answers = await rpc(APP, [item, make_request()])
    assert answers[0] == {
        "jsonrpc": "2.0",
        "error": {"code": -32600, "message": "Invalid request", "data": None},
        "id": None,
    }
    assert "result" in answers[1]


async def test_an_item_without_id_is_an_invalid_request() -> None:
    (answer,) = await rpc(APP, [without(make_request(), "id")])
    assert (answer["error"]["code"], answer["id"]) == (-32600, None)


async def test_an_empty_batch_is_one_error() -> None:
    answer = await rpc(APP, [])
    assert answer["error"] == {
        "code": -32600,
        "message": "Invalid request",
        "data": {"reason": "empty batch"},
    }
    assert answer["id"] is None


async def test_50_items_are_accepted_and_51_are_one_error() -> None:
    batch = [make_request()] * 51
    assert len(await rpc(APP, batch[:50])) == 50
    answer = await rpc(APP, batch)
    assert answer["error"]["code"] == -32600
    assert answer["error"]["data"] == {"reason": "batch size 51 exceeds max 50"}
    assert answer["id"] is None


async def test_the_largest_batch_can_be_set() -> None:
    app = create_app(make_manifest(), max_batch_size=2)
    assert len(await rpc(app, [make_request()] * 2)) == 2
    assert "exceeds max 2" in (await rpc(app, [make_request()] * 3))["error"]["data"]["reason"]


async def test_a_compressed_batch_is_a_batch() -> None:
    body = gzip.compress(json.dumps([make_request(), make_request()]).encode())
    assert len(await rpc(APP, body, content_encoding="gzip")) == 2


async def test_white_space_may_stand_before_a_batch() -> None:
    assert len(await rpc(APP, b" \r\n\t" + json.dumps([make_request()]).encode())) == 1


async def test_an_item_may_fail_in_its_handler() -> None:
    wrong = make_request(make_envelope(payload_type="foo.bar"), id="wrong")
    answers = await rpc(APP, [wrong, make_request()])
    assert (answers[0]["error"]["code"], answers[0]["id"]) == (-32012, "wrong")
