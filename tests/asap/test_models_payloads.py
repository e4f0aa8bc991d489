"""The rules of the payloads beyond the names and types of their fields."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from asap.models.base import ASAPBaseModel
from asap.models.payloads import (
    PAYLOAD_TYPE_REGISTRY,
    McpToolResult,
    MessageAck,
    MessageSend,
    PayloadType,
    TaskMetrics,
    TaskRequestConfig,
    TaskStream,
    TaskUpdate,
)

KEYS = (
    "taskrequest taskstream taskresponse taskupdate taskcancel messagesend statequery staterestore"
    " artifactnotify mcptoolcall mcptoolresult mcpresourcefetch mcpresourcedata messageack"
)


def update(progress: Any) -> TaskUpdate:
    return TaskUpdate.model_validate(
        {"task_id": "t", "update_type": "progress", "status": "working", "progress": progress}
    )


def tool_result(**values: Any) -> McpToolResult:
    return McpToolResult.model_validate({"request_id": "r"} | values)


def test_every_payload_is_registered_under_its_lower_case_name() -> None:
    assert list(PAYLOAD_TYPE_REGISTRY) == KEYS.split()
    assert tuple(PAYLOAD_TYPE_REGISTRY.values()) == get_args(PayloadType)


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (TaskRequestConfig, "timeout_seconds", 0),
        (TaskRequestConfig, "temperature", -0.1),
        (TaskRequestConfig, "temperature", 2.1),
        (TaskRequestConfig, "colour", "red"),
        (TaskStream, "progress", -0.1),
        (TaskStream, "progress", 1.1),
        *((TaskMetrics, name, -1) for name in TaskMetrics.model_fields),
    ],
)
def test_the_value_is_refused_at_its_field(
    model: type[ASAPBaseModel], field: str, value: object
) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({field: value})
    assert [line["loc"] for line in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (TaskRequestConfig, "timeout_seconds", 1),
        (TaskRequestConfig, "temperature", 0),
        (TaskRequestConfig, "temperature", 2),
        (TaskStream, "progress", 0),
        (TaskStream, "progress", 1),
        *((TaskMetrics, name, 0) for name in TaskMetrics.model_fields),
        (TaskMetrics, "cost", {"eur": 0.02}),
    ],
)
def test_the_value_is_accepted_and_kept(
    model: type[ASAPBaseModel], field: str, value: object
) -> None:
    assert model.model_validate({field: value}).model_dump()[field] == value


def test_metrics_with_figures_of_their_own_are_frozen_all_the_same() -> None:
    metrics = TaskMetrics.model_validate({"cost": 1})
    with pytest.raises(ValidationError, match="frozen"):
        metrics.tokens_in = 5  # type: ignore[misc]  # the refusal is what is tested


@pytest.mark.parametrize(
    "progress", [None, {}, {"note": "x"}, *({"percent": p} for p in (0, 100, 0.5, True, False))]
)
def test_progress_is_a_percentage_or_says_none(progress: dict[str, Any] | None) -> None:
    assert update(progress).progress == progress


@pytest.mark.parametrize("percent", [-1, 100.1, "50", None, [], float("nan"), 10**400])
def test_a_percent_that_is_none_is_refused_at_progress(percent: object) -> None:
    with pytest.raises(ValidationError, match=r"progress\.percent must be") as caught:
        update({"percent": percent})
    assert caught.value.errors()[0]["loc"] == ("progress",)


@pytest.mark.parametrize(
    "values",
    [
        {"success": True, "result": {}},
        {"success": False, "error": ""},
    ],
)
def test_a_tool_result_is_a_result_or_an_error(values: dict[str, Any]) -> None:
    assert tool_result(**values).success is values["success"]


@pytest.mark.parametrize(
    "values",
    [
        {"success": True},
        {"success": True, "result": {}, "error": "x"},
        {"success": True, "error": "x"},
        {"success": False},
        {"success": False, "result": {}, "error": "x"},
        {"success": False, "result": {}},
    ],
)
def test_a_tool_result_is_never_both_or_neither(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        tool_result(**values)
    assert caught.value.errors()[0]["loc"] == ()


@pytest.mark.parametrize("status", ["received", "processed", "rejected"])
def test_an_acknowledgement_has_one_of_three_words(status: str) -> None:
    ack = MessageAck.model_validate({"original_envelope_id": "e", "status": status})
    assert ack.status == status


def test_another_word_is_no_acknowledgement() -> None:
    with pytest.raises(ValidationError, match="status"):
        MessageAck.model_validate({"original_envelope_id": "e", "status": "lost"})


def test_the_sender_of_a_message_need_not_be_a_urn() -> None:
    message = {"task_id": "t", "message_id": "m", "sender": "me", "role": "user", "parts": []}
    assert MessageSend.model_validate(message).sender == "me"
