"""The rules of the entities beyond the names and types of their fields."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from asap.errors import UnsupportedAuthSchemeError
from asap.models.base import ASAPBaseModel
from asap.models.entities import (
    Agent,
    AuthScheme,
    CommonMetadata,
    Conversation,
    HardwareCapability,
    LocalModelInfo,
    Manifest,
    Message,
    SLADefinition,
    StateSnapshot,
    Task,
)
from asap.models.enums import TaskStatus

NOON = datetime(2030, 5, 6, 12, tzinfo=UTC)

REQUIRED: dict[type[ASAPBaseModel], dict[str, Any]] = {
    HardwareCapability: {},
    LocalModelInfo: {"id": "m"},
    SLADefinition: {},
    Agent: {"id": "urn:asap:agent:a", "manifest_uri": "x", "capabilities": ["echo"]},
    Manifest: {
        "id": "urn:asap:agent:a",
        "name": "A",
        "version": "1.0",
        "description": "An agent",
        "capabilities": {},
        "endpoints": {"asap": "not checked"},
    },
    CommonMetadata: {},
    Conversation: {"id": "c", "participants": ["anybody"], "created_at": NOON},
    Task: {
        "id": "t",
        "conversation_id": "c",
        "status": "working",
        "created_at": NOON,
        "updated_at": NOON,
    },
    Message: {
        "id": "m",
        "task_id": "t",
        "sender": "anybody",
        "role": "user",
        "parts": [],
        "timestamp": NOON,
    },
    StateSnapshot: {"id": "s", "task_id": "t", "version": 1, "data": {}, "created_at": NOON},
    AuthScheme: {"schemes": []},
}

ACCEPTED: list[tuple[type[ASAPBaseModel], str, list[object]]] = [
    (HardwareCapability, "model", ["", "x" * 100]),
    (LocalModelInfo, "throughput_tokens_per_second", [0, 0.5]),
    (SLADefinition, "max_latency_p95_ms", [0]),
    (SLADefinition, "availability", ["99.9%", "99.9 %", " 1 ", None]),
    (SLADefinition, "max_error_rate", ["0.1%", "-1"]),
    (Manifest, "version", ["1", "v1.0", "1.0.0-dev", "1.0.0+x"]),
    (Manifest, "supported_versions", [["any"]]),
    (Manifest, "ttl_seconds", [1]),
    (Manifest, "auth", [{"schemes": []}, {"schemes": ["bearer", "Basic", "BEARER"]}]),
    (CommonMetadata, "ttl_hours", [1]),
    (Task, "depth", [0, 10]),
    (Task, "id", [""]),
    (StateSnapshot, "version", [1]),
]

REFUSED: list[tuple[type[ASAPBaseModel], str, list[object]]] = [
    (HardwareCapability, "model", ["x" * 101]),
    (HardwareCapability, "class", ["mainframe"]),
    (LocalModelInfo, "throughput_tokens_per_second", [-0.1]),
    (SLADefinition, "max_latency_p95_ms", [-1]),
    (SLADefinition, "availability", ["high", ""]),
    (SLADefinition, "max_error_rate", ["low"]),
    (Agent, "id", ["a"]),
    (Agent, "capabilities", [[]]),
    (Manifest, "id", ["a"]),
    (Manifest, "version", ["abc", ""]),
    (Manifest, "supported_versions", [[]]),
    (Manifest, "ttl_seconds", [0]),
    (CommonMetadata, "ttl_hours", [0]),
    (CommonMetadata, "extra", [1]),
    (Conversation, "participants", [[]]),
    (Task, "depth", [-1, 11]),
    (StateSnapshot, "version", [0]),
]


def build(model: type[ASAPBaseModel], /, **values: Any) -> Any:
    return model.model_validate(REQUIRED[model] | values)


@pytest.mark.parametrize("model", REQUIRED, ids=lambda model: model.__name__)
def test_the_required_fields_are_enough(model: type[ASAPBaseModel]) -> None:
    build(model)


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [(model, field, value) for model, field, values in ACCEPTED for value in values],
)
def test_the_value_is_accepted_and_kept(
    model: type[ASAPBaseModel], field: str, value: object
) -> None:
    built = getattr(build(model, **{field: value}), field)
    assert (built.model_dump(exclude_unset=True) if isinstance(value, dict) else built) == value


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [(model, field, value) for model, field, values in REFUSED for value in values],
)
def test_the_value_is_refused_at_its_field(
    model: type[ASAPBaseModel], field: str, value: object
) -> None:
    with pytest.raises(ValidationError) as caught:
        build(model, **{field: value})
    assert [line["loc"] for line in caught.value.errors()] == [(field,)]


def test_another_auth_scheme_in_a_manifest_raises_its_own_error() -> None:
    with pytest.raises(UnsupportedAuthSchemeError) as caught:
        build(Manifest, auth={"schemes": ["bearer", "Digest"]})
    assert caught.value.scheme == "Digest"


def test_another_auth_scheme_raises_even_if_more_is_wrong_with_the_manifest() -> None:
    with pytest.raises(UnsupportedAuthSchemeError):
        build(Manifest, name=5, ttl_seconds=0, auth={"schemes": ["digest"]})


def test_an_auth_scheme_is_checked_only_inside_a_manifest() -> None:
    assert build(AuthScheme, schemes=["digest"]).schemes == ["digest"]


@pytest.mark.parametrize("field", ["availability", "max_error_rate"])
def test_a_percentage_that_is_no_string_raises_attribute_error(field: str) -> None:
    with pytest.raises(AttributeError):
        build(SLADefinition, **{field: 99.9})


def test_a_manifest_dumps_the_class_of_hardware_under_its_alias() -> None:
    manifest = build(Manifest, capabilities={"hardware": {"class": "sbc"}})
    assert manifest.model_dump(mode="json", by_alias=True)["capabilities"]["hardware"] == {
        "class": "sbc",
        "model": None,
        "io": [],
    }


@pytest.mark.parametrize("status", TaskStatus)
def test_a_task_is_terminal_when_its_status_is(status: TaskStatus) -> None:
    assert build(Task, status=status).is_terminal() is status.is_terminal()


@pytest.mark.parametrize("status", TaskStatus)
def test_only_a_submitted_or_working_task_can_be_cancelled(status: TaskStatus) -> None:
    assert build(Task, status=status).can_be_cancelled() is (
        status in {TaskStatus.SUBMITTED, TaskStatus.WORKING}
    )


@pytest.mark.parametrize(
    "read_id",
    [
        lambda: Task.model_validate({k: v for k, v in REQUIRED[Task].items() if k != "id"}),
        lambda: Message.model_validate({k: v for k, v in REQUIRED[Message].items() if k != "id"}),
    ],
)
def test_an_entity_makes_up_no_id(read_id: Callable[[], ASAPBaseModel]) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        read_id()
