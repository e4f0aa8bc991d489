"""Constants, enums, identifiers and the checks on strings."""

from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap.models import constants, enums
from asap.models.enums import TaskStatus
from asap.models.ids import extract_timestamp, generate_id
from asap.models.validators import validate_agent_urn, validate_percentage_format

CONSTANTS = {
    "ASAP_PROTOCOL_VERSION": "0.1",
    "ASAP_VERSION_HEADER": "ASAP-Version",
    "ASAP_DEFAULT_TRANSPORT_VERSION": "2.2",
    "ASAP_SUPPORTED_TRANSPORT_VERSIONS": frozenset({"2.1", "2.2"}),
    "DEFAULT_MANIFEST_TTL_SECONDS": 300,
    "DEFAULT_TIMEOUT_SECONDS": 600,
    "MAX_TASK_DEPTH": 10,
    "MAX_REQUEST_SIZE": 10485760,
    "MAX_ENVELOPE_AGE_SECONDS": 300,
    "MAX_FUTURE_TOLERANCE_SECONDS": 30,
    "NONCE_TTL_SECONDS": 600,
    "MAX_URN_LENGTH": 256,
    "SUPPORTED_AUTH_SCHEMES": frozenset({"bearer", "basic"}),
    "DEFAULT_BASE_DELAY": 1.0,
    "DEFAULT_MAX_DELAY": 60.0,
    "DEFAULT_CIRCUIT_BREAKER_THRESHOLD": 5,
    "DEFAULT_CIRCUIT_BREAKER_TIMEOUT": 60.0,
    "AGENT_URN_PATTERN": r"^urn:asap:agent:[a-z0-9-]+(?::[a-z0-9-]+)?$",
}

ENUMS = {
    "TaskStatus": "submitted working completed failed cancelled input_required",
    "MessageRole": "user assistant system",
    "UpdateType": "progress input_required status_change",
    "VerificationState": "verified pending rejected",
    "HardwareClass": "cloud sbc edge_accelerator microcontroller desktop",
    "HardwareIoType": (
        "gpio i2c spi uart csi_camera usb_camera audio_in audio_out bluetooth lora ble"
    ),
    "InferenceMode": "cloud local_cpu local_cuda local_metal local_npu",
}


@pytest.mark.parametrize(("name", "value"), CONSTANTS.items())
def test_the_constant_has_its_value(name: str, value: object) -> None:
    assert getattr(constants, name) == value
    assert type(getattr(constants, name)) is type(value)


@pytest.mark.parametrize(("name", "values"), ENUMS.items())
def test_the_enum_has_these_members(name: str, values: str) -> None:
    enum: type[Enum] = getattr(enums, name)
    assert issubclass(enum, str)
    assert {member.name: member.value for member in enum} == {
        value.upper(): value for value in values.split()
    }


def test_a_member_prints_with_the_name_of_its_enum() -> None:
    assert str(TaskStatus.WORKING) == "TaskStatus.WORKING"


def test_three_states_are_terminal() -> None:
    assert TaskStatus.terminal_states() == frozenset(
        {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED}
    )


@pytest.mark.parametrize("status", TaskStatus)
def test_a_status_knows_whether_it_is_terminal(status: TaskStatus) -> None:
    assert status.is_terminal() == (status in TaskStatus.terminal_states())


def test_an_id_is_a_ulid() -> None:
    fresh = generate_id()
    assert len(fresh) == 26
    assert set(fresh) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_are_distinct_and_sorted_by_age() -> None:
    ids = [generate_id() for _ in range(1000)]
    assert sorted(set(ids)) == ids


def test_an_id_tells_when_it_was_made() -> None:
    before = datetime.now(UTC)
    made = extract_timestamp(generate_id())
    assert made.tzinfo is UTC
    # A ULID counts whole milliseconds.
    assert before - timedelta(milliseconds=1) <= made <= datetime.now(UTC)


def test_a_known_id_tells_its_time() -> None:
    assert extract_timestamp("01ARZ3NDEKTSV4RRFFQ69G5FAV") == datetime(
        2016, 7, 30, 23, 54, 10, 259000, tzinfo=UTC
    )


@pytest.mark.parametrize("ulid", ["", "short", "U" * 26, "8" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FAé"])
def test_a_malformed_id_has_no_time(ulid: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the library words each of these differently
        extract_timestamp(ulid)


@pytest.mark.parametrize(
    "urn",
    [
        "urn:asap:agent:alice",
        "urn:asap:agent:bob:eu",
        "urn:asap:agent:-",
        "urn:asap:agent:" + "a" * 241,
    ],
)
def test_a_well_formed_urn_is_returned_unchanged(urn: str) -> None:
    assert validate_agent_urn(urn) == urn


@pytest.mark.parametrize(
    "urn",
    [
        "",
        "alice",
        "urn:asap:agent:",
        "urn:asap:agent:Alice",
        "urn:asap:agent:a_b",
        "urn:asap:agent:a.b",
        "urn:asap:agent:a:b:c",
        "urn:asap:agent:a:",
        "urn:asap:agent:a\n\n",
        " urn:asap:agent:a",
        "urn:asap:agent:é",
    ],
)
def test_a_malformed_urn_is_refused(urn: str) -> None:
    with pytest.raises(ValueError, match="Agent ID must follow URN format"):
        validate_agent_urn(urn)


def test_a_single_trailing_newline_slips_through() -> None:
    assert validate_agent_urn("urn:asap:agent:alice\n") == "urn:asap:agent:alice\n"


def test_a_urn_of_257_characters_is_refused_whatever_its_form() -> None:
    with pytest.raises(ValueError, match="must be at most 256 characters"):
        validate_agent_urn("?" * 257)


@given(st.text(max_size=300))
def test_a_text_is_a_urn_or_a_value_error(text: str) -> None:
    try:
        assert validate_agent_urn(text) == text
    except ValueError as refused:
        assert "must" in str(refused)  # noqa: PT017  # either outcome is fine, this is one of them


@pytest.mark.parametrize("v", ["99.9%", "0", "-1.5 %", " 99 % ", "1.2.3", "."])
def test_a_percentage_is_returned_unchanged(v: str) -> None:
    assert validate_percentage_format(v) == v


@pytest.mark.parametrize("v", ["", "%", "high", "+1%", "1%%", "1e3", "1,5%"])
def test_what_is_no_percentage_is_refused(v: str) -> None:
    with pytest.raises(ValueError, match="Percentage"):
        validate_percentage_format(v)
