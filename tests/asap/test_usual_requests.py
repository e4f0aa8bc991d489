"""The short way and the long way from bytes to an envelope lead to the same envelope."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap.models.envelope import Envelope
from asap.models.payloads import PAYLOAD_TYPE_REGISTRY, TaskRequest
from asap.models.shortcuts import unchecked
from asap.transport.parsing import parse_json, read_envelope, read_request, read_usual

PAYLOADS: dict[str, dict[str, Any]] = {
    "task.request": {"conversation_id": "c", "skill_id": "echo", "input": {"a": [1, 2.5, None]}},
    "task.stream": {"chunk": "x", "progress": 1, "status": "working"},
    "task.response": {"task_id": "t", "status": "completed", "metrics": {"mine": 1}},
    "task.update": {"task_id": "t", "update_type": "progress", "status": "working"},
    "task.cancel": {"task_id": "t"},
    "message.send": {
        "task_id": "t",
        "message_id": "m",
        "sender": "s",
        "role": "user",
        "parts": ["p"],
    },
    "state.query": {"task_id": "t", "version": 1},
    "state.restore": {"task_id": "t", "snapshot_id": "s"},
    "artifact.notify": {"artifact_id": "a", "task_id": "t"},
    "mcp.tool.call": {"request_id": "r", "tool_name": "n", "arguments": {}},
    "mcp.tool.result": {"request_id": "r", "success": True, "result": {}},
    "mcp.resource.fetch": {"resource_uri": "u"},
    "mcp.resource.data": {"resource_uri": "u", "content": {}},
    "message.ack": {"original_envelope_id": "e", "status": "received"},
}
ODD = ["", "1", "2.0", "no", "urn:asap:agent:a\n", "2030-05-06T07:08:09", "TaskRequest", "é\u0000"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def usual(payload_type: str = "task.request") -> dict[str, Any]:
    envelope = {
        "id": "01J00000000000000000000000",
        "asap_version": "0.1",
        "timestamp": "2030-05-06T07:08:09.000123Z",
        "sender": "urn:asap:agent:alice",
        "recipient": "urn:asap:agent:bob:eu",
        "payload_type": payload_type,
        "payload": PAYLOADS[payload_type],
        "correlation_id": "01J00000000000000000000001",
        "trace_id": None,
        "requires_ack": False,
        "extensions": None,
    }
    return {"jsonrpc": "2.0", "method": "asap.send", "params": {"envelope": envelope}, "id": "q1"}


def is_usual(request: dict[str, Any]) -> bool:
    try:
        read_usual(json.dumps(request).encode())
    except ValueError:
        return False
    return True


def assert_both_ways_agree(body: bytes) -> None:
    """Unless the short way refuses: then there is nothing to agree on."""
    try:
        short = read_usual(body)
    except ValueError:
        return
    request = read_request(parse_json(body))
    envelope, exact = short["params"]["envelope"], read_envelope(request.params)
    assert (type(short["id"]), short["id"]) == (type(request.id), request.id)
    assert type(envelope) is Envelope
    assert type(envelope.payload) is type(exact.payload)
    assert repr(envelope) == repr(exact)  # NaN is not equal to itself, but looks the same
    assert envelope.model_fields_set == exact.model_fields_set


def levels(request: dict[str, Any]) -> list[dict[str, Any]]:
    envelope = request["params"]["envelope"]
    return [request, request["params"], envelope, envelope["payload"]]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Usual requests in which some fields are gone, new, or of another value."""
    request = json.loads(json.dumps(usual(draw(st.sampled_from(sorted(PAYLOADS))))))
    for level in levels(request):
        if draw(st.booleans()):
            name = draw(st.sampled_from(sorted(level)) | st.sampled_from(["x", "config"]))
            level[name] = draw(values | st.just(level.get(name)))
        if draw(st.integers(0, 9)) == 0:
            level.pop(draw(st.sampled_from(sorted(level))))
    return json.dumps(request).encode()


def test_every_kind_of_payload_has_an_example() -> None:
    assert {name.replace(".", "") for name in PAYLOADS} == set(PAYLOAD_TYPE_REGISTRY)


@pytest.mark.parametrize("payload_type", PAYLOADS)
def test_a_valid_request_takes_the_short_way(payload_type: str) -> None:
    assert is_usual(usual(payload_type))


@given(bodies())
def test_what_the_short_way_accepts_the_long_way_reads_alike(body: bytes) -> None:
    assert_both_ways_agree(body)


@given(st.binary())
def test_arbitrary_bytes_are_read_alike_or_not_at_all(body: bytes) -> None:
    assert_both_ways_agree(body)


@pytest.mark.parametrize("level", range(4))
@pytest.mark.parametrize("first", [True, False])
def test_of_a_key_that_is_there_twice_both_ways_take_the_same(level: int, first: bool) -> None:
    request = usual()
    for name, value in levels(request)[level].items():
        text = json.dumps(request)
        pair = f"{json.dumps(name)}: {json.dumps(value)}"
        twice = f'{json.dumps(name)}: "task.cancel", {pair}'
        if not first:
            twice = f'{pair}, {json.dumps(name)}: "task.cancel"'
        assert text.count(pair) == 1
        assert_both_ways_agree(text.replace(pair, twice).encode())


@pytest.mark.parametrize(
    ("level", "name", "value"),
    [
        (0, "id", 1.0),
        (0, "id", True),
        (0, "method", "other"),
        (0, "extra", 1),
        (2, "id", None),
        (2, "sender", "urn:asap:agent:alice\n"),
        (2, "sender", "urn:asap:agent:" + "a" * 242),
        (2, "payload_type", "TaskRequest"),
        (2, "payload_type", "foo.bar"),
        (2, "payload", {"task_id": "t"}),
    ],
)
def test_what_is_unusual_is_left_to_the_long_way(level: int, name: str, value: object) -> None:
    request = json.loads(json.dumps(usual()))
    levels(request)[level][name] = value
    assert not is_usual(request)


@pytest.mark.parametrize("payload_type", ["task.response", "task.stream", "mcp.tool.result"])
@pytest.mark.parametrize("correlation_id", ["", None])
def test_an_answer_needs_a_correlation_id_on_the_short_way_too(
    payload_type: str, correlation_id: str | None
) -> None:
    request = usual(payload_type)
    request["params"]["envelope"]["correlation_id"] = correlation_id
    assert not is_usual(request)


def test_other_params_are_ignored() -> None:
    request = usual()
    request["params"]["idempotency_key"] = [1]
    assert is_usual(request)


def test_an_unchecked_model_is_like_a_checked_one() -> None:
    fields = {**usual()["params"]["envelope"], "timestamp": datetime.now(UTC)}
    fields["payload"] = TaskRequest(**PAYLOADS["task.request"])
    made, checked = unchecked(Envelope)(fields), Envelope(**fields)
    assert made == checked
    assert made.model_copy(update={"id": "other"}).id == "other"
    assert made.model_dump_json() == checked.model_dump_json()


def test_a_model_cannot_be_made_unchecked_without_all_its_fields() -> None:
    with pytest.raises(ValueError, match="skill_id"):
        unchecked(TaskRequest)({"conversation_id": "c", "input": {}})
