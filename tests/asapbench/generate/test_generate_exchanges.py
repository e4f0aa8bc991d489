"""What is sent, and which answers count as the right ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from ulid import ULID

from asap.models import Envelope, TaskRequest
from asap.transport.jsonrpc import JsonRpcRequest
from asap.transport.server import app
from asapbench.offer import Endpoint, Offer, Outcome
from asapbench.workers.generate.clock import Clock
from asapbench.workers.generate.failure import Failure
from asapbench.workers.generate.fetch import ManifestExchange, MetricsExchange
from asapbench.workers.generate.headers import common_headers, head
from asapbench.workers.generate.send import SendExchange

NUMBER = 1234567890123456
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False, width=32),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)  # fmt: skip


def exchange(**offer: Any) -> SendExchange:
    endpoints = (Endpoint(name="asap", weight=1),)
    asked = Offer(url="http://a.test", records="", endpoints=endpoints, **offer)
    return SendExchange(asked, "/asap", {"Host": "a.test"}, Clock())


def call_of(request: bytes) -> dict[str, Any]:
    call: dict[str, Any] = json.loads(request.partition(b"\r\n\r\n")[2])
    return call


def reply_to(request: bytes, **changes: Any) -> dict[str, Any]:
    """An echo's reply; the changes are to its envelope."""
    call = call_of(request)
    asked = call["params"]["envelope"]
    envelope = {
        "id": "x",
        "asap_version": "0.1",
        "sender": asked["recipient"],
        "recipient": asked["sender"],
        "payload_type": "task.response",
        "payload": {
            "task_id": "t",
            "status": "completed",
            "result": {"echoed": asked["payload"]["input"]},
        },
        "correlation_id": asked["id"],
    }
    return {"jsonrpc": "2.0", "result": {"envelope": envelope | changes}, "id": call["id"]}


def verdict(reply: Any, **offer: Any) -> Outcome:
    """How a reply to request NUMBER is judged; a function makes it of the request."""
    asked = exchange(**offer)
    made = reply(asked.request(NUMBER)) if callable(reply) else reply
    body = made if isinstance(made, bytes) else json.dumps(made).encode()
    failure = asked.check(NUMBER, body)
    return Outcome.OK if failure is None else failure.outcome


def changed(**changes: Any) -> Any:
    return lambda request: reply_to(request, **changes)


def topped(**changes: Any) -> Any:
    """A reply whose outermost fields are changed."""
    return lambda request: reply_to(request) | changes


def without(field: str) -> Any:
    def make(request: bytes) -> dict[str, Any]:
        reply = reply_to(request)
        del reply["result"]["envelope"][field]
        return reply

    return make


def test_a_request_is_a_valid_call_with_a_valid_envelope() -> None:
    call = JsonRpcRequest.model_validate(call_of(exchange().request(NUMBER)))
    envelope = Envelope.model_validate(call.params["envelope"])
    assert call.method == "asap.send"
    assert isinstance(envelope.payload, TaskRequest)
    assert envelope.payload.skill_id == "echo"
    assert envelope.recipient == "urn:asap:agent:default-server"


def test_the_envelope_s_id_is_a_ulid_of_now() -> None:
    envelope = call_of(exchange().request(NUMBER))["params"]["envelope"]
    age = datetime.now(UTC) - ULID.from_str(envelope["id"]).datetime
    assert abs(age) < timedelta(seconds=5)


def test_the_timestamp_is_that_of_the_clock() -> None:
    stamp = call_of(exchange().request(NUMBER))["params"]["envelope"]["timestamp"]
    assert stamp.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(stamp)) < timedelta(seconds=5)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_any_input_is_sent_as_it_is_with_the_right_length(given_input: dict[str, Any]) -> None:
    request = exchange(input=given_input).request(NUMBER)
    top, _, body = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in top.split(b"\r\n")
    sent = json.dumps(call_of(request)["params"]["envelope"]["payload"]["input"])
    assert json.loads(sent) == json.loads(json.dumps(given_input).replace("{n}", str(NUMBER)))


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_the_echo_of_any_input_is_right(given_input: dict[str, Any]) -> None:
    assert verdict(reply_to, input=given_input) is Outcome.OK


def test_n_is_replaced_only_inside_the_input() -> None:
    call = call_of(exchange(skill="sk{n}ill", input={"a": "{n}"}).request(NUMBER))
    payload = call["params"]["envelope"]["payload"]
    assert payload["skill_id"] == "sk{n}ill"
    assert payload["input"] == {"a": str(NUMBER)}


def test_a_recipient_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="URN"):
        exchange(recipient="nobody")


def test_a_reply_of_other_key_order_and_spacing_is_right() -> None:
    def make(request: bytes) -> bytes:
        return json.dumps(reply_to(request), indent=2, sort_keys=True).encode()

    assert verdict(make) is Outcome.OK


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html>",
        b'{"jsonrpc": "2.0"',
        b'{"jsonrpc": "2.0", "id": NaN}',
        b'"\xff"',
        b"[" * 100_000,
        b"[]",
        b"null",
        b"{}",
        b'{"jsonrpc": "1.0", "result": {}, "id": "x"}',
        b'{"jsonrpc": "2.0", "result": {}}',
        b'{"jsonrpc": "2.0", "result": {}, "id": "x"}',
        b'{"jsonrpc": "2.0", "result": [], "id": "x"}',
        b'{"jsonrpc": "2.0", "result": {"envelope": null}, "id": "x"}',
        b'{"jsonrpc": "2.0", "result": {"envelope": []}, "id": "x"}',
        b'{"jsonrpc": "2.0", "id": "x"}',
    ],
)
def test_a_body_of_another_shape_is_invalid(body: bytes) -> None:
    assert verdict(body) is Outcome.INVALID


@pytest.mark.parametrize(
    "field", ["asap_version", "sender", "recipient", "payload_type", "payload"]
)
def test_an_envelope_without_a_required_field_or_with_one_of_another_type_is_invalid(
    field: str,
) -> None:
    assert verdict(without(field)) is Outcome.INVALID
    assert verdict(changed(**{field: None})) is Outcome.INVALID
    assert verdict(changed(**{field: 7})) is Outcome.INVALID


@pytest.mark.parametrize("call", ["req-1", None, NUMBER, ""])
def test_another_id_is_a_mismatch(call: Any) -> None:
    assert verdict(topped(id=call)) is Outcome.MISMATCH


@pytest.mark.parametrize("correlation", ["01J00000000000000000000000", None, "", 5])
def test_another_correlation_id_is_a_mismatch(correlation: Any) -> None:
    assert verdict(changed(correlation_id=correlation)) is Outcome.MISMATCH


def test_a_missing_correlation_id_is_a_mismatch() -> None:
    assert verdict(without("correlation_id")) is Outcome.MISMATCH


@pytest.mark.parametrize(
    "payload",
    [{}, {"result": None}, {"result": {}}, {"result": {"echoed": {"message": "hello {n}"}}}],
)
def test_a_payload_that_does_not_echo_the_input_is_a_mismatch(payload: dict[str, Any]) -> None:
    response = {"task_id": "t", "status": "completed"} | payload
    assert verdict(changed(payload=response)) is Outcome.MISMATCH


def test_another_skill_s_payload_is_its_own() -> None:
    reply = changed(payload={"sum": 3}, payload_type="sum.response")
    assert verdict(reply, skill="add") is Outcome.OK


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"task_id": "t", "result": {"sum": 3}},
        {"task_id": "t", "status": "done"},
        {"task_id": "t", "status": ["completed"]},
        {"task_id": 1, "status": "completed"},
        {"status": "completed"},
    ],
)
def test_what_calls_itself_a_task_response_has_to_be_one(payload: dict[str, Any]) -> None:
    assert verdict(changed(payload=payload), skill="add") is Outcome.INVALID


@pytest.mark.parametrize("status", ["failed", "cancelled"])
@pytest.mark.parametrize("written", ["task.response", "TaskResponse", "TASK-RESPONSE"])
@pytest.mark.parametrize("skill", ["echo", "add"])
def test_a_task_that_failed_is_no_success(status: str, written: str, skill: str) -> None:
    failed = changed(payload={"status": status, "result": None}, payload_type=written)
    assert verdict(failed, skill=skill) is Outcome.TASK_FAILED


def test_of_a_task_that_failed_its_result_is_shown() -> None:
    asked = exchange(skill="add")
    payload = {"task_id": "t" * 300, "status": "failed", "result": {"why": "no numbers"}}
    failure = asked.check(
        NUMBER, json.dumps(reply_to(asked.request(NUMBER), payload=payload)).encode()
    )
    assert failure is not None
    assert failure.text == """the task's status is failed: {"why":"no numbers"}"""


@pytest.mark.parametrize("status", ["completed", "working", "submitted", "input_required"])
def test_a_task_that_goes_on_has_not_failed(status: str) -> None:
    assert verdict(changed(payload={"task_id": "t", "status": status}), skill="add") is Outcome.OK


def test_what_another_kind_of_payload_calls_its_status_is_its_own() -> None:
    other = changed(payload={"status": "failed"}, payload_type="example.custom")
    assert verdict(other, skill="add") is Outcome.OK


def test_a_failed_task_of_another_request_is_a_mismatch() -> None:
    assert verdict(changed(payload={"status": "failed"}, correlation_id="x")) is Outcome.MISMATCH


@pytest.mark.parametrize("code", [-32603, 429, 0])
def test_a_json_rpc_error_is_counted_with_its_code(code: int) -> None:
    body = {"jsonrpc": "2.0", "error": {"code": code, "message": "no"}, "id": None}
    failure = exchange().check(NUMBER, json.dumps(body).encode())
    assert failure is not None
    assert (failure.outcome, failure.code) == (Outcome.RPC_ERROR, code)


@pytest.mark.parametrize("error", [None, "no", {}, {"code": "7"}, {"code": True}, {"code": 2**31}])
def test_a_json_rpc_error_without_a_code_that_is_one_is_invalid(error: Any) -> None:
    assert verdict({"jsonrpc": "2.0", "error": error, "id": None}) is Outcome.INVALID


def test_what_only_looks_like_json_is_invalid() -> None:
    assert verdict(changed(payload={"x": float("nan")}), skill="add") is Outcome.INVALID


def test_a_reply_with_a_result_and_an_error_is_invalid() -> None:
    assert verdict(topped(error={"code": -32603, "message": "no"})) is Outcome.INVALID


def outcome_of(failure: Failure | None) -> Outcome:
    return Outcome.OK if failure is None else failure.outcome


def test_a_manifest_is_right_also_when_it_changes_into_another() -> None:
    fetch = ManifestExchange("/m", {})
    manifest = app.state.manifest
    other = manifest.model_copy(update={"name": "another"})
    for one in (manifest, manifest, other):
        assert fetch.check(NUMBER, one.model_dump_json(by_alias=True).encode()) is None


@pytest.mark.parametrize(
    "changes",
    [{"id": "x"}, {"capabilities": None}, {"auth": {"schemes": ["carrier-pigeon"]}}, {"extra": 1}],
)
def test_what_is_no_manifest_is_invalid(changes: dict[str, Any]) -> None:
    body = json.dumps(app.state.manifest.model_dump(mode="json") | changes).encode()
    assert outcome_of(ManifestExchange("/m", {}).check(NUMBER, body)) is Outcome.INVALID
    assert outcome_of(ManifestExchange("/m", {}).check(NUMBER, body[:-1])) is Outcome.INVALID


def metrics() -> CollectorRegistry:
    registry = CollectorRegistry()
    counter = Counter("asap_requests", "All \\ that came", ["status"], registry=registry)
    counter.labels('a"b\\c}\n').inc()
    return registry


@pytest.mark.parametrize("exposition", [generate_latest, generate_openmetrics])
def test_metrics_in_text_exposition_are_right(exposition: Any) -> None:
    assert MetricsExchange("/asap/metrics", {}).check(NUMBER, exposition(metrics())) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>asap_requests_total</html>\n",
        b"asap_requests_total\n",
        b"# TYPE asap_requests_total counter\nasap_requests_total 1\n<oops>\n",
        b"# TYPE other counter\nother 1\n",
        b"asap_requests_total 1",
        b"# a long comment of \xff " * 10_000 + b"asap_requests_total",
    ],
)
def test_what_are_no_metrics_is_invalid(body: bytes) -> None:
    assert outcome_of(MetricsExchange("/asap/metrics", {}).check(NUMBER, body)) is Outcome.INVALID


def test_given_headers_replace_ours_of_the_same_name() -> None:
    headers = common_headers("a.test:80", {"hOST": "b.test", "X-Trace": "1"})
    lines = head("GET", "/x", headers).decode().split("\r\n")
    assert lines[0] == "GET /x HTTP/1.1"
    assert "hOST: b.test" in lines
    assert "X-Trace: 1" in lines
    assert not any(line.startswith("Host:") for line in lines)
    assert lines[-2:] == ["", ""]
