"""What holds for every envelope, whatever it carries."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asap.models.enums import MessageRole, TaskStatus, UpdateType
from asap.models.envelope import CORRELATION_REQUIRED_PAYLOAD_KEYS, Envelope
from asap.models.payloads import (
    ArtifactNotify,
    McpResourceData,
    McpResourceFetch,
    McpToolCall,
    McpToolResult,
    MessageAck,
    MessageSend,
    StateQuery,
    StateRestore,
    TaskCancel,
    TaskMetrics,
    TaskRequest,
    TaskRequestConfig,
    TaskResponse,
    TaskStream,
    TaskUpdate,
)

texts = st.text(max_size=20)
maybe_texts = st.none() | texts
maybe_counts = st.none() | st.integers(min_value=0)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | texts
    | st.floats(allow_nan=False, allow_infinity=False)
)
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
objects = st.dictionaries(texts, jsons, max_size=4)
maybe_objects = st.none() | objects
statuses = st.sampled_from(TaskStatus)
part_ids = st.lists(texts, max_size=3)

configs = st.builds(
    TaskRequestConfig,
    timeout_seconds=st.none() | st.integers(min_value=1),
    priority=maybe_texts,
    streaming=st.none() | st.booleans(),
    temperature=st.none() | st.floats(0, 2),
)
metrics = st.builds(TaskMetrics, duration_ms=maybe_counts, tokens_in=maybe_counts)
payloads = st.one_of(
    st.builds(
        TaskRequest,
        conversation_id=texts,
        parent_task_id=maybe_texts,
        skill_id=texts,
        input=objects,
        config=st.none() | configs,
    ),
    st.builds(
        TaskStream,
        chunk=texts,
        progress=st.none() | st.floats(0, 1),
        final=st.booleans(),
        status=st.none() | statuses,
    ),
    st.builds(
        TaskResponse,
        task_id=texts,
        status=statuses,
        result=maybe_objects,
        final_state=maybe_objects,
        metrics=st.none() | metrics,
    ),
    st.builds(
        TaskUpdate,
        task_id=texts,
        update_type=st.sampled_from(UpdateType),
        status=statuses,
        progress=st.none() | st.fixed_dictionaries({"percent": st.floats(0, 100)}),
        input_request=maybe_objects,
    ),
    st.builds(TaskCancel, task_id=texts, reason=maybe_texts),
    st.builds(
        MessageSend,
        task_id=texts,
        message_id=texts,
        sender=texts,
        role=st.sampled_from(MessageRole),
        parts=part_ids,
    ),
    st.builds(StateQuery, task_id=texts, version=st.none() | st.integers()),
    st.builds(StateRestore, task_id=texts, snapshot_id=texts),
    st.builds(ArtifactNotify, artifact_id=texts, task_id=texts, name=maybe_texts),
    st.builds(
        McpToolCall, request_id=texts, tool_name=texts, arguments=objects, mcp_context=maybe_objects
    ),
    st.builds(McpToolResult, request_id=texts, success=st.just(True), result=objects),
    st.builds(McpToolResult, request_id=texts, success=st.just(False), error=texts),
    st.builds(McpResourceFetch, resource_uri=texts),
    st.builds(McpResourceData, resource_uri=texts, content=objects),
    st.builds(
        MessageAck,
        original_envelope_id=texts,
        status=st.sampled_from(["received", "processed", "rejected"]),
        error=maybe_texts,
    ),
)
urns = st.from_regex(r"urn:asap:agent:[a-z0-9-]{1,20}(:[a-z0-9-]{1,20})?", fullmatch=True)


def with_its_type(values: dict[str, Any]) -> Envelope:
    return Envelope(payload_type=type(values["payload"]).__name__, **values)


def under_any_type(values: dict[str, Any]) -> Envelope:
    return Envelope(**values)


common = {
    "id": texts,
    "asap_version": texts,
    "timestamp": st.none() | st.datetimes(timezones=st.none() | st.just(UTC)),
    "sender": urns,
    "recipient": urns,
    "correlation_id": st.text(min_size=1, max_size=20),
    "trace_id": maybe_texts,
    "requires_ack": st.booleans(),
    "extensions": maybe_objects,
}
typed = st.fixed_dictionaries(common | {"payload": payloads}).map(with_its_type)
untyped = st.fixed_dictionaries(
    common | {"payload": objects, "payload_type": st.sampled_from(["foo.bar", "", "task requests"])}
).map(under_any_type)


@given(typed | untyped)
def test_an_envelope_round_trips_through_json(envelope: Envelope) -> None:
    assert Envelope.model_validate_json(envelope.model_dump_json()) == envelope


@given(typed | untyped)
def test_both_ways_to_json_say_the_same(envelope: Envelope) -> None:
    assert json.loads(envelope.model_dump_json()) == envelope.model_dump(mode="json")


valid = st.fixed_dictionaries(
    {
        "asap_version": texts,
        "sender": urns,
        "recipient": urns,
        "payload_type": st.sampled_from(
            ["task.request", "task.response", "task.update", "mcp.tool.result", "foo.bar"]
        ),
        "payload": payloads.map(lambda payload: payload.model_dump(mode="json")) | objects,
    }
)
field_names = st.sampled_from(list(Envelope.model_fields)) | texts
json_objects = objects | st.builds(
    lambda fields, strange: fields | strange,
    valid,
    st.dictionaries(field_names, jsons, max_size=3),
)


def outcome(parse: Any) -> object:
    """The payload, or what was wrong; without what differs from one parse to the next."""
    try:
        return parse().payload
    except ValidationError as refused:
        return [(line["type"], line["loc"]) for line in refused.errors()]
    except AttributeError:
        return AttributeError


@given(json_objects)
def test_any_json_object_parses_or_is_refused_alike_from_bytes_and_from_a_dict(
    value: dict[str, Any],
) -> None:
    from_dict = outcome(lambda: Envelope.model_validate(value))
    assert from_dict == outcome(lambda: Envelope.model_validate_json(json.dumps(value)))
    if from_dict is AttributeError:
        assert value["payload_type"]
        assert not isinstance(value["payload_type"], str)
        assert isinstance(value["payload"], dict)


@given(json_objects.filter(lambda value: isinstance(value.get("payload_type"), str)))
def test_an_accepted_answer_is_always_correlated(value: dict[str, Any]) -> None:
    try:
        envelope = Envelope.model_validate(value)
    except ValidationError:
        return
    key = "".join(c for c in envelope.payload_type.lower() if c.isalnum())
    assert key not in CORRELATION_REQUIRED_PAYLOAD_KEYS or envelope.correlation_id


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def request(payload: dict[str, Any], payload_type: str = "task.request") -> dict[str, Any]:
    return {
        "asap_version": "0.1",
        "sender": "urn:asap:agent:a",
        "recipient": "urn:asap:agent:b",
        "payload_type": payload_type,
        "payload": payload,
    }


def deep_request(depth: int) -> Envelope:
    payload = {"conversation_id": "c", "skill_id": "s", "input": nested(depth)}
    return Envelope.model_validate(request(payload))


def test_input_nested_254_deep_is_serialised() -> None:
    deep_request(254).model_dump_json()


@pytest.mark.parametrize("depth", [255, 100_000])
def test_input_nested_deeper_parses_but_is_not_serialised(depth: int) -> None:
    with pytest.raises(ValueError, match="depth"):
        deep_request(depth).model_dump_json()


@pytest.mark.parametrize("payload_type", ["task.request", "foo.bar"])
def test_a_refusal_of_a_deep_payload_can_be_printed(payload_type: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Envelope.model_validate(request(nested(100_000), payload_type) | {"colour": "red"})
    assert "validation error" in str(caught.value)


def test_bytes_nested_deep_are_refused() -> None:
    with pytest.raises(ValidationError, match="recursion limit"):
        Envelope.model_validate_json(b'{"payload":' * 100_000)
