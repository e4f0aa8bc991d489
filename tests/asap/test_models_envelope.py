"""The envelope: what it fills in, how it types its payload and what it refuses."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from asap.models.entities import Skill
from asap.models.envelope import (
    CORRELATION_REQUIRED_PAYLOAD_KEYS,
    Envelope,
    _normalize_payload_type,
)
from asap.models.ids import extract_timestamp
from asap.models.payloads import (
    PAYLOAD_TYPE_REGISTRY,
    MessageAck,
    StateRestore,
    TaskCancel,
    TaskRequest,
    TaskResponse,
    TaskStream,
)

REQUEST = {"conversation_id": "c", "skill_id": "s", "input": {}}

WIRE = (
    '{"id":"01J00000000000000000000000","asap_version":"0.1",'
    '"timestamp":"2030-05-06T07:08:09.000123Z","sender":"urn:asap:agent:alice",'
    '"recipient":"urn:asap:agent:bob:eu","payload_type":"task.request","payload":'
    '{"conversation_id":"conv-9","parent_task_id":null,"skill_id":"sum","input":{"xs":[1,2]},'
    '"config":null},"correlation_id":null,"trace_id":null,"requires_ack":false,"extensions":null}'
)


def envelope(**values: Any) -> Envelope:
    return Envelope.model_validate(
        {
            "asap_version": "0.1",
            "sender": "urn:asap:agent:alice",
            "recipient": "urn:asap:agent:bob",
            "payload_type": "task.request",
            "payload": REQUEST,
        }
        | values
    )


def errors(**values: Any) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        envelope(**values)
    assert caught.value.title == "Envelope"
    return [(line["loc"], line["type"]) for line in caught.value.errors()]


def test_the_wire_example_round_trips_byte_for_byte() -> None:
    assert Envelope.model_validate_json(WIRE).model_dump_json() == WIRE


def test_the_wire_example_parses_to_these_values() -> None:
    parsed = Envelope.model_validate_json(WIRE)
    assert parsed.timestamp == datetime(2030, 5, 6, 7, 8, 9, 123, tzinfo=UTC)
    assert parsed.payload == TaskRequest(
        conversation_id="conv-9", skill_id="sum", input={"xs": [1, 2]}
    )


@pytest.mark.parametrize("given", [{}, {"id": None}])
def test_an_envelope_without_id_gets_a_fresh_ulid(given: dict[str, None]) -> None:
    first, second = envelope(**given), envelope(**given)
    assert first.id != second.id
    assert first.id is not None
    extract_timestamp(first.id)


@pytest.mark.parametrize("given", [{}, {"timestamp": None}])
def test_an_envelope_without_timestamp_is_stamped_now_in_utc(given: dict[str, None]) -> None:
    before = datetime.now(UTC)
    stamp = envelope(**given).timestamp
    assert stamp is not None
    assert before <= stamp <= datetime.now(UTC)
    assert stamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize("any_id", ["", "not a ulid", "x" * 1000])
def test_any_string_is_an_id(any_id: str) -> None:
    assert envelope(id=any_id).id == any_id


def test_any_string_is_a_version() -> None:
    assert envelope(asap_version="").asap_version == ""


@pytest.mark.parametrize("end", ["sender", "recipient"])
@pytest.mark.parametrize("urn", ["alice", "urn:asap:agent:Alice", "urn:asap:agent:" + "a" * 242])
def test_both_ends_must_be_agent_urns(end: str, urn: str) -> None:
    assert errors(**{end: urn}) == [((end,), "value_error")]


def test_a_trailing_newline_in_a_urn_slips_through() -> None:
    assert envelope(sender="urn:asap:agent:alice\n").sender == "urn:asap:agent:alice\n"


@pytest.mark.parametrize(
    "name",
    ["asap_version", "sender", "recipient", "payload_type", "payload"],
)
def test_a_required_field_may_not_be_missing(name: str) -> None:
    fields = {k: v for k, v in json.loads(WIRE).items() if k != name}
    with pytest.raises(ValidationError) as caught:
        Envelope.model_validate(fields)
    assert ((name,), "missing") in [(e["loc"], e["type"]) for e in caught.value.errors()]


def test_an_unknown_field_is_refused() -> None:
    assert errors(colour="red") == [(("colour",), "extra_forbidden")]


@pytest.mark.parametrize(
    "spelling",
    ["task.request", "TaskRequest", "task_request", "TASK-REQUEST", "task request", ".taskrequest"],
)
def test_all_spellings_of_a_payload_type_mean_one_class(spelling: str) -> None:
    parsed = envelope(payload_type=spelling)
    assert type(parsed.payload) is TaskRequest
    assert parsed.payload_type == spelling


@pytest.mark.parametrize("spelling", ["task.requesté", "taskrequest2", "task²request"])
def test_a_further_letter_or_digit_of_any_script_makes_another_type(spelling: str) -> None:
    assert _normalize_payload_type(spelling) not in PAYLOAD_TYPE_REGISTRY


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"payload": {"task_id": "test"}},
            [
                (("conversation_id",), "missing"),
                (("skill_id",), "missing"),
                (("input",), "missing"),
                (("task_id",), "extra_forbidden"),
            ],
        ),
        (
            {"payload": {"id": "small"}},
            [
                (("conversation_id",), "missing"),
                (("skill_id",), "missing"),
                (("input",), "missing"),
                (("id",), "extra_forbidden"),
            ],
        ),
        (
            {
                "payload_type": "task.response",
                "payload": {"task_id": "t", "status": "completed", "output": {}},
            },
            [(("output",), "extra_forbidden")],
        ),
        (
            {"payload_type": "task.response", "payload": {"status": "completed"}},
            [(("task_id",), "missing")],
        ),
        (
            {"payload": REQUEST | {"config": {"timeout_seconds": 0}}},
            [(("config", "timeout_seconds"), "greater_than_equal")],
        ),
    ],
)
def test_a_payload_unlike_its_type_is_refused_at_the_payloads_own_fields(
    values: dict[str, Any], expected: list[tuple[tuple[str, ...], str]]
) -> None:
    assert errors(**values) == expected


def test_errors_of_the_payload_come_before_any_other() -> None:
    assert errors(payload=REQUEST | {"skill_id": 1}, colour="red", sender="x") == [
        (("skill_id",), "string_type")
    ]


def test_bytes_and_dicts_are_refused_alike() -> None:
    body = json.dumps(json.loads(WIRE) | {"payload": {"task_id": "test"}})
    with pytest.raises(ValidationError) as from_json:
        Envelope.model_validate_json(body.encode())
    with pytest.raises(ValidationError) as from_dict:
        Envelope.model_validate(json.loads(body))
    assert from_json.value.errors() == from_dict.value.errors()


@pytest.mark.parametrize("payload", [{}, {"x": 1}])
def test_a_payload_that_fits_no_class_stays_a_dict_under_an_unknown_type(
    payload: dict[str, Any],
) -> None:
    assert envelope(payload_type="foo.bar", payload=payload).payload == payload


def test_a_payload_that_fits_a_class_becomes_one_under_an_unknown_type() -> None:
    parsed = envelope(payload_type="foo.bar", payload={"task_id": "t1"})
    assert parsed.payload == TaskCancel(task_id="t1")
    assert parsed.model_dump()["payload"] == {"task_id": "t1", "reason": None}


@pytest.mark.parametrize(
    "payload",
    [TaskCancel(task_id="t"), MessageAck(original_envelope_id="e", status="received")],
)
def test_an_instance_is_taken_as_it_is_whatever_the_type_says(
    payload: TaskCancel | MessageAck,
) -> None:
    parsed = envelope(payload=payload)
    assert parsed.payload is payload
    assert Envelope.model_validate(parsed).payload is payload


def test_an_instance_of_a_subclass_is_taken_as_it_is() -> None:
    class UrgentCancel(TaskCancel):
        pass

    payload = UrgentCancel(task_id="t")
    assert envelope(payload=payload).payload is payload


@pytest.mark.parametrize("payload", [[], None, 5, "x", Skill(id="a", description="b")])
@pytest.mark.parametrize("payload_type", ["task.request", "foo.bar"])
def test_what_is_neither_a_dict_nor_a_payload_is_refused(
    payload: object, payload_type: str
) -> None:
    locations = {loc[0] for loc, _ in errors(payload=payload, payload_type=payload_type)}
    assert locations == {"payload"}


@pytest.mark.parametrize("payload_type", [5, 1.5, True, ["task.request"], {"a": 1}])
def test_a_payload_type_that_is_no_string_raises_attribute_error(payload_type: object) -> None:
    with pytest.raises(AttributeError):
        envelope(payload_type=payload_type)


@pytest.mark.parametrize("payload_type", [0, None, False, [], {}])
def test_an_empty_payload_type_that_is_no_string_is_refused(payload_type: object) -> None:
    assert errors(payload_type=payload_type) == [(("payload_type",), "string_type")]


def test_a_payload_type_that_is_no_string_is_refused_when_the_payload_is_no_dict() -> None:
    assert (("payload_type",), "string_type") in errors(payload_type=5, payload=[])


def test_these_kinds_of_payload_answer_another_envelope() -> None:
    assert (
        frozenset({"taskresponse", "taskstream", "mcptoolresult", "mcpresourcedata"})
        == CORRELATION_REQUIRED_PAYLOAD_KEYS
    )


ANSWERS = {
    "task.response": {"task_id": "t", "status": "completed"},
    "TaskStream": {},
    "mcp_tool_result": {"request_id": "r", "success": True, "result": {}},
    "mcp.resource.data": {"resource_uri": "u", "content": {}},
}


@pytest.mark.parametrize("payload_type", ANSWERS)
@pytest.mark.parametrize("given", [{}, {"correlation_id": None}, {"correlation_id": ""}])
def test_an_answer_must_be_correlated(payload_type: str, given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="must have correlation_id") as caught:
        envelope(payload_type=payload_type, payload=ANSWERS[payload_type], **given)
    assert caught.value.errors()[0]["loc"] == ()


@pytest.mark.parametrize("payload_type", ANSWERS)
def test_a_correlated_answer_is_accepted(payload_type: str) -> None:
    parsed = envelope(payload_type=payload_type, payload=ANSWERS[payload_type], correlation_id="x")
    assert parsed.correlation_id == "x"


def test_the_type_and_not_the_class_decides_whether_an_answer_must_be_correlated() -> None:
    envelope(payload_type="foo.bar", payload=TaskStream())
    assert errors(payload_type="task.response", payload=TaskCancel(task_id="t")) == [
        ((), "value_error")
    ]


def test_the_payload_dict_of_a_typed_payload_keeps_python_values() -> None:
    response = TaskResponse.model_validate({"task_id": "t", "status": "completed"})
    parsed = envelope(payload_type="task.response", payload=response, correlation_id="x")
    assert parsed.payload_dict == response.model_dump()


def test_the_payload_dict_of_an_untyped_payload_is_the_payload() -> None:
    parsed = envelope(payload_type="foo.bar", payload={"x": 1})
    assert parsed.payload_dict is parsed.payload


def test_the_payload_dumps_alike_in_an_envelope_and_alone() -> None:
    restore = StateRestore(task_id="t", snapshot_id="s")
    assert envelope(payload=restore).model_dump(mode="json")["payload"] == restore.model_dump()


def test_an_envelope_is_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(envelope())
