"""The behaviour that every model inherits, shown on small ones."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from asap.models import Artifact, ASAPBaseModel, Skill, Task, TaskRequestConfig, TaskStatus
from asap.models.entities import HardwareCapability

NOON = datetime(2030, 5, 6, 12, 0, 0, tzinfo=UTC)


def artifact(created_at: Any) -> Artifact:
    return Artifact(id="a", task_id="t", name="n", parts=[], created_at=created_at)


def error_types(error: ValidationError) -> list[str]:
    return [line["type"] for line in error.errors()]


def test_a_model_cannot_be_assigned_to() -> None:
    skill = Skill(id="echo", description="Echo")
    with pytest.raises(ValidationError) as caught:
        skill.id = "other"  # type: ignore[misc]  # the refusal is what is tested
    assert error_types(caught.value) == ["frozen_instance"]


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        Skill.model_validate({"id": "echo", "description": "Echo", "colour": "red"})
    assert error_types(caught.value) == ["extra_forbidden"]


def test_a_number_is_no_string() -> None:
    with pytest.raises(ValidationError) as caught:
        Skill.model_validate({"id": 5, "description": "Echo"})
    assert error_types(caught.value) == ["string_type"]


def test_yes_is_true() -> None:
    assert TaskRequestConfig.model_validate({"streaming": "yes"}).streaming is True


def test_an_enum_is_made_from_its_value_and_stays_an_enum() -> None:
    task = Task.model_validate(
        {
            "id": "t",
            "conversation_id": "c",
            "status": "working",
            "created_at": NOON,
            "updated_at": NOON,
        }
    )
    assert task.status is TaskStatus.WORKING


def test_an_epoch_number_is_a_datetime() -> None:
    assert artifact(NOON.timestamp()).created_at == NOON


def test_models_are_equal_by_value() -> None:
    assert Skill(id="a", description="b") == Skill(id="a", description="b", input_schema=None)


def test_a_model_of_plain_values_is_hashable() -> None:
    assert len({Skill(id="a", description="b"), Skill(id="a", description="b")}) == 1


def test_a_model_with_a_dict_is_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(Skill(id="a", description="b", input_schema={}))


def test_a_copy_is_not_validated() -> None:
    copy = Skill(id="a", description="b").model_copy(update={"id": 5})
    assert copy.id == 5  # type: ignore[comparison-overlap]  # the unchecked value is what is tested


def test_a_dump_keeps_nulls_in_the_order_of_declaration() -> None:
    assert Skill(description="b", id="a").model_dump_json() == (
        '{"id":"a","description":"b","input_schema":null,"output_schema":null}'
    )


def test_a_python_dump_keeps_datetimes_and_enums() -> None:
    task = Task(
        id="t",
        conversation_id="c",
        status=TaskStatus.FAILED,
        created_at=NOON,
        updated_at=NOON,
    )
    dump = task.model_dump()
    assert dump["status"] is TaskStatus.FAILED
    assert dump["created_at"] == NOON


def test_an_aliased_field_can_be_given_by_name_or_by_alias() -> None:
    by_name = HardwareCapability.model_validate({"class_": "sbc"})
    assert by_name == HardwareCapability.model_validate({"class": "sbc"})


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2030-05-06T12:00:00Z"),
        (NOON.replace(microsecond=123), "2030-05-06T12:00:00.000123Z"),
        (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "2030-05-06T12:00:00+02:00"),
        (NOON.replace(tzinfo=None), "2030-05-06T12:00:00"),
    ],
)
def test_a_datetime_is_iso_8601_in_json(moment: datetime, text: str) -> None:
    assert artifact(moment).model_dump(mode="json")["created_at"] == text


def test_the_json_schema_forbids_further_properties_and_requires_what_has_no_default() -> None:
    schema = Skill.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["id", "description"]


def test_the_base_has_this_configuration() -> None:
    assert ASAPBaseModel.model_config == {
        "frozen": True,
        "extra": "forbid",
        "populate_by_name": True,
        "use_enum_values": False,
        "validate_default": True,
        "validate_assignment": True,
        "json_schema_extra": {"additionalProperties": False},
    }


def test_a_default_is_validated() -> None:
    class WrongDefault(ASAPBaseModel):
        count: int = "many"  # type: ignore[assignment]  # the wrong default is what is tested

    with pytest.raises(ValidationError):
        WrongDefault()
