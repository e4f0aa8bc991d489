"""PROTOCOL.md §2.2, §2.3, §2.4 and the order of §3.1, for single requests."""

import asyncio
import json
import logging
from typing import Any

import pytest

from asap.errors import ASAPError, FatalError, RecoverableError
from asap.models import Envelope, Manifest, TaskStatus
from asap.models.payloads import TaskResponse
from asap.transport.handlers import HandlerRegistry, inline
from asap.transport.server import create_app
from tests.asap.serving import (
    AGENT,
    SENDER,
    error_of,
    make_envelope,
    make_manifest,
    make_request,
    post,
    rpc,
    without,
)

APP = create_app(make_manifest())


def app_with(handler: Any, **options: Any) -> Any:
    registry = HandlerRegistry()
    registry.register("task.request", handler)
    return create_app(make_manifest(), registry, **options)


def raising(error: Exception) -> Any:
    def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
        raise error

    return inline(handler)


def nested(depth: int) -> bytes:
    request = make_request(make_envelope(payload={"input": "HERE", **_IDS}))
    deep = '{"a":' * depth + "1" + "}" * depth
    return json.dumps(request).replace('"HERE"', deep).encode()


_IDS = {"conversation_id": "c", "skill_id": "s"}


class TestSuccess:
    async def test_the_answer_holds_the_reply_of_the_handler(self) -> None:
        answer = await rpc(APP, make_request())
        reply = Envelope.model_validate(answer["result"]["envelope"])
        assert (reply.sender, reply.recipient) == (AGENT, SENDER)
        assert isinstance(reply.payload, TaskResponse)
        assert reply.payload.result == {"echoed": {"n": 1}}

    async def test_the_keys_come_in_the_order_of_the_protocol(self) -> None:
        answer = await rpc(APP, make_request())
        assert list(answer) == ["jsonrpc", "result", "id"]
        assert list(answer["result"]) == ["envelope"]

    async def test_nulls_are_sent(self) -> None:
        envelope = (await rpc(APP, make_request()))["result"]["envelope"]
        assert set(envelope) == set(Envelope.model_fields)
        assert envelope["extensions"] is None
        assert envelope["payload"]["metrics"] is None

    @pytest.mark.parametrize("rpc_id", ["q", "", 0, -7, 10**25, 'q"\\\u00e9'])
    async def test_the_id_is_echoed(self, rpc_id: Any) -> None:
        assert (await rpc(APP, make_request(id=rpc_id)))["id"] == rpc_id

    async def test_true_as_an_id_becomes_1(self) -> None:
        answer = await post(APP, make_request(id=True))
        assert answer.text.endswith('"id":1}')

    async def test_jsonrpc_may_be_left_out(self) -> None:
        assert "result" in await rpc(APP, without(make_request(), "jsonrpc"))

    async def test_other_params_are_ignored(self) -> None:
        params = make_request()["params"] | {"idempotency_key": "k", "more": 1}
        assert "result" in await rpc(APP, make_request(params=params))

    async def test_recipient_and_skill_and_version_are_not_compared(self) -> None:
        envelope = make_envelope(recipient="urn:asap:agent:nobody", asap_version="77")
        assert "result" in await rpc(APP, make_request(envelope))

    async def test_the_same_envelope_is_accepted_again(self) -> None:
        request = make_request()
        assert "result" in await rpc(APP, request)
        assert "result" in await rpc(APP, request)

    async def test_missing_id_and_timestamp_are_filled_in(self) -> None:
        envelope = without(without(make_envelope(), "id"), "timestamp")
        answer = await rpc(APP, make_request(envelope))
        assert len(answer["result"]["envelope"]["correlation_id"]) == 26

    async def test_the_content_type_is_never_checked(self) -> None:
        answer = await rpc(APP, json.dumps(make_request()).encode(), content_type="text/plain")
        assert "result" in answer

    async def test_not_a_number_comes_back_as_null(self) -> None:
        body = json.dumps(make_request()).replace('"n": 1', '"n": NaN').encode()
        echoed = (await rpc(APP, body))["result"]["envelope"]["payload"]["result"]["echoed"]
        assert echoed == {"n": None}


class TestNotJson:
    @pytest.mark.parametrize("body", [b"", b" ", b"{", b"nope", b"{'a': 1}", b'{"a": "\\ud800"}'])
    async def test_it_is_a_parse_error(self, body: bytes) -> None:
        answer = await rpc(APP, body)
        assert answer["error"]["code"] == -32700
        assert answer["error"]["message"] == "Parse error"
        assert answer["error"]["data"]["error"].startswith("Invalid JSON:")
        assert answer["id"] is None

    @pytest.mark.parametrize("body", [b"\xff", b'{"a": "\xc3("}'])
    async def test_bad_utf_8_is_a_parse_error_that_says_so(self, body: bytes) -> None:
        error = await error_of(APP, body)
        assert error["code"] == -32700
        assert error["data"]["error"].startswith("Invalid UTF-8 encoding:")

    @pytest.mark.parametrize("body", [b"[" * 100_000 + b"]" * 100_000, b"[" * 100_000])
    async def test_a_hundred_thousand_nested_arrays_are_a_parse_error(self, body: bytes) -> None:
        assert (await error_of(APP, body))["code"] == -32700

    async def test_deep_but_broken_json_is_a_parse_error(self) -> None:
        assert (await error_of(APP, b"[" * 300 + b"x"))["code"] == -32700


class TestShape:
    @pytest.mark.parametrize(
        ("value", "name"), [(3, "int"), ("x", "str"), (None, "NoneType"), (True, "bool")]
    )
    async def test_a_body_that_is_no_object_is_an_invalid_request(
        self, value: Any, name: str
    ) -> None:
        answer = await rpc(APP, json.dumps(value).encode())
        assert answer["error"]["code"] == -32600
        assert answer["error"]["message"] == "Invalid request"
        assert answer["error"]["data"]["error"]
        assert answer["error"]["data"]["received_type"] == name
        assert answer["id"] is None

    @pytest.mark.parametrize(
        "request_",
        [
            make_request(jsonrpc="1.0"),
            make_request(extra=1),
            make_request(method=3),
            without(make_request(), "params"),
            without(make_request(), "method"),
            make_request(params=[], method=3),
        ],
    )
    async def test_another_shape_is_an_invalid_request_with_the_id(self, request_: Any) -> None:
        answer = await rpc(APP, request_)
        assert answer["error"]["code"] == -32600
        assert answer["error"]["data"]["error"] == "Invalid JSON-RPC structure"
        assert answer["id"] == "q1"

    @pytest.mark.parametrize("rpc_id", [None, 1.5, 1.0, [], {}])
    async def test_another_id_is_an_invalid_request_without_id(self, rpc_id: Any) -> None:
        answer = await rpc(APP, make_request(id=rpc_id))
        assert answer["error"]["code"] == -32600
        assert answer["error"]["data"]["error"] == "Invalid JSON-RPC structure"
        assert answer["id"] is None

    async def test_a_request_without_id_is_no_notification(self) -> None:
        answer = await rpc(APP, without(make_request(), "id"))
        assert (answer["error"]["code"], answer["id"]) == (-32600, None)

    async def test_the_validation_errors_are_those_of_pydantic(self) -> None:
        error = await error_of(APP, make_request(extra=1))
        (detail,) = error["data"]["validation_errors"]
        assert detail["type"] == "extra_forbidden"
        assert detail["loc"] == ["extra"]
        assert {"msg", "input", "url"} <= set(detail)

    @pytest.mark.parametrize("params", [[], "x", 3, None, True])
    async def test_params_that_are_no_object_are_invalid_params(self, params: Any) -> None:
        answer = await rpc(APP, make_request(params=params))
        assert answer["error"]["code"] == -32602
        assert answer["error"]["message"] == "Invalid params"
        assert answer["error"]["data"]["error"] == "'params' must be an object"
        assert answer["error"]["data"]["validation_errors"][0]["loc"] == ["params"]
        assert answer["id"] == "q1"

    @pytest.mark.parametrize("long", ["x" * 100_000, [[]] * 50_000, {"x": ["y" * 100_000]}])
    async def test_an_input_that_is_long_is_not_repeated(self, long: Any) -> None:
        for request in (
            {"params": long},
            make_request(id=[long]),
            make_request(make_envelope(payload=[long])),
            make_request(make_envelope(timestamp=long)),
        ):
            assert len(json.dumps(await rpc(APP, request))) < 10_000

    async def test_of_very_many_errors_their_number_is_told(self) -> None:
        answer = await rpc(APP, make_request() | {f"k{n}": n for n in range(10_000)})
        (error,) = answer["error"]["data"]["validation_errors"]
        assert error["msg"] == "10000 errors, too many to list"

    async def test_an_input_too_deep_to_repeat_is_left_out_of_the_errors(self) -> None:
        deep = "[" * 500 + "]" * 500
        body = json.dumps(make_request(params="HERE")).replace('"HERE"', deep).encode()
        error = await error_of(APP, body)
        assert error["code"] == -32602
        assert error["data"]["validation_errors"][0]["type"] == "dict_type"

    @pytest.mark.parametrize("method", ["asap.sendd", "", "ASAP.SEND", "rpc.discover"])
    async def test_any_other_method_is_not_found(self, method: str) -> None:
        answer = await rpc(APP, make_request(method=method))
        assert answer["error"] == {
            "code": -32601,
            "message": "Method not found",
            "data": {"method": method},
        }
        assert answer["id"] == "q1"


class TestEnvelope:
    @pytest.mark.parametrize("params", [{}, {"envelope": None}])
    async def test_it_may_not_be_missing(self, params: Any) -> None:
        answer = await rpc(APP, make_request(params=params))
        assert answer["error"]["code"] == -32602
        assert "Missing 'envelope'" in answer["error"]["data"]["error"]
        assert answer["id"] == "q1"

    @pytest.mark.parametrize("envelope", [[], "x", 3, False])
    async def test_it_must_be_an_object(self, envelope: Any) -> None:
        error = await error_of(APP, make_request(params={"envelope": envelope}))
        assert error["code"] == -32602
        assert "must be a JSON object" in error["data"]["error"]

    @pytest.mark.parametrize(
        ("changes", "loc"),
        [
            ({"sender": "alice"}, ["sender"]),
            ({"more": 1}, ["more"]),
            ({"payload": {**_IDS, "input": 3}}, ["input"]),
            ({"payload_type": 3}, ["payload_type"]),
            ({"payload_type": ["task.request"]}, ["payload_type"]),
        ],
    )
    async def test_an_invalid_one_is_reported_with_the_place(self, changes: Any, loc: Any) -> None:
        answer = await rpc(APP, make_request(make_envelope(**changes)))
        assert answer["error"]["code"] == -32602
        assert "Invalid envelope structure" in answer["error"]["data"]["error"]
        assert answer["error"]["data"]["validation_errors"][0]["loc"] == loc
        assert answer["id"] == "q1"

    async def test_an_old_timestamp_is_refused_with_32002(self) -> None:
        envelope = make_envelope(timestamp="2020-01-01T00:00:00Z")
        answer = await rpc(APP, make_request(envelope))
        assert answer["error"]["code"] == -32002
        assert answer["error"]["data"]["recoverable"] is True
        assert "timestamp" in answer["error"]["data"]["error"]
        assert answer["id"] == "q1"

    @pytest.mark.parametrize("payload_type", ["foo.bar", "TaskRequest", "TASK-REQUEST"])
    async def test_a_type_without_handler_is_refused_with_32012(self, payload_type: str) -> None:
        answer = await rpc(APP, make_request(make_envelope(payload_type=payload_type)))
        message = answer["error"]["message"]
        assert answer["error"] == {
            "code": -32012,
            "message": message,
            "data": {
                "code": "asap:transport/handler_not_found",
                "rpc_code": -32012,
                "message": message,
                "details": {"payload_type": payload_type},
                "recoverable": False,
                "asap_taxonomy_code": "asap:transport/handler_not_found",
                "error": message,
            },
        }
        assert message.endswith(payload_type)
        assert answer["id"] == "q1"


class TestDepth:
    @pytest.mark.parametrize("depth", [1, 195, 196, 200, 254])
    async def test_an_input_nested_254_deep_is_echoed(self, depth: int) -> None:
        answer = await rpc(APP, nested(depth))
        echoed = answer["result"]["envelope"]["payload"]["result"]["echoed"]
        assert json.dumps(echoed).count("{") == depth

    @pytest.mark.parametrize("depth", [255, 400, 900])
    async def test_a_deeper_one_is_an_internal_error(self, depth: int) -> None:
        answer = await rpc(APP, nested(depth))
        assert (answer["error"]["code"], answer["id"]) == (-32603, "q1")

    async def test_the_envelope_of_a_deep_answer_is_whole(self) -> None:
        answer = await rpc(APP, nested(254))
        assert set(answer["result"]["envelope"]) == set(Envelope.model_fields)


class TestHandlerErrors:
    async def test_a_handler_that_awaits_what_was_cancelled_is_an_internal_error(self) -> None:
        async def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
            task = asyncio.ensure_future(asyncio.sleep(60))
            task.cancel()
            await task
            raise AssertionError

        answers = await rpc(app_with(handler), [make_request(), make_request()])
        assert [answer["error"]["code"] for answer in answers] == [-32603, -32603]

    async def test_an_unforeseen_exception_is_an_internal_error_that_tells_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await rpc(app_with(raising(RuntimeError("secret"))), make_request())
        assert answer == {
            "jsonrpc": "2.0",
            "error": {
                "code": -32603,
                "message": "Internal error",
                "data": {"error": "Internal server error"},
            },
            "id": "q1",
        }
        assert len(caplog.records) == 1
        assert "secret" in caplog.text

    async def test_with_debug_it_tells_all(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ASAP_DEBUG", "yes")
        error = await error_of(app_with(raising(RuntimeError("secret"))), make_request())
        assert error["data"]["error"] == "secret"
        assert error["data"]["type"] == "RuntimeError"
        assert "RuntimeError: secret" in error["data"]["traceback"]

    @pytest.mark.parametrize(
        ("error", "recoverable"),
        [
            (RecoverableError("my:code", "sorry", {"n": 1}, rpc_code=-32050), True),
            (FatalError("my:code", "sorry", {"n": 1}, rpc_code=-32050), False),
            (ASAPError("my:code", "sorry", {"n": 1}, rpc_code=-32050), False),
        ],
    )
    async def test_an_asap_error_travels_with_its_code(
        self, error: ASAPError, recoverable: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await error_of(app_with(raising(error)), make_request())
        assert answer == {
            "code": -32050,
            "message": "sorry",
            "data": {
                "code": "my:code",
                "rpc_code": -32050,
                "message": "sorry",
                "details": {"n": 1},
                "recoverable": recoverable,
                "asap_taxonomy_code": "my:code",
                "error": "sorry",
            },
        }
        assert caplog.records == []

    async def test_the_hints_of_an_asap_error_travel_too(self) -> None:
        error = RecoverableError("c", "m", retry_after_ms=5, alternative_agents=["urn:x"])
        data = (await error_of(app_with(raising(error)), make_request()))["data"]
        assert (data["retry_after_ms"], data["alternative_agents"]) == (5, ["urn:x"])

    @pytest.mark.parametrize("details", [{"x": object()}, {"x": "\ud800"}])
    async def test_details_that_are_no_json_keep_the_code(self, details: Any) -> None:
        error = FatalError("c", "m", details, rpc_code=-32050)
        assert (await error_of(app_with(raising(error)), make_request()))["code"] == -32050

    @pytest.mark.parametrize("reply", [None, {}, "reply"])
    async def test_a_reply_that_is_no_envelope_is_an_internal_error(self, reply: Any) -> None:
        app = app_with(inline(lambda envelope, manifest: reply))
        assert (await error_of(app, make_request()))["code"] == -32603

    @pytest.mark.parametrize("result", [{"x": object()}, {"x": "\ud800"}])
    async def test_a_reply_that_is_no_json_is_an_internal_error(self, result: Any) -> None:
        response = TaskResponse.model_construct(
            task_id="t", status=TaskStatus.COMPLETED, result=result
        )

        def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
            return envelope.model_copy(update={"payload": response})

        assert (await error_of(app_with(inline(handler)), make_request()))["code"] == -32603

    async def test_a_reply_is_not_checked_to_correlate(self) -> None:
        app = app_with(inline(lambda envelope, manifest: envelope))
        assert (await rpc(app, make_request()))["result"]["envelope"]["sender"] == SENDER


class TestSilence:
    @pytest.mark.parametrize(
        "body", [make_request(), make_request(method="x"), b"nope", make_request({"sender": 1})]
    )
    async def test_nothing_is_logged_for_what_a_caller_may_send(
        self, body: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG, logger="asap"):
            await rpc(APP, body)
        assert caplog.records == []
