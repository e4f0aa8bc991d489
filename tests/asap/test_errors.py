"""The errors of the protocol: their codes, hints and details."""

from typing import Any

import pytest

from asap.errors import (
    ASAPConnectionError,
    ASAPError,
    ASAPRemoteError,
    ASAPTimeoutError,
    FatalError,
    InvalidNonceError,
    InvalidTimestampError,
    InvalidTransitionError,
    MalformedEnvelopeError,
    RecoverableError,
    RemoteRPCError,
    TaskAlreadyCompletedError,
    TaskNotFoundError,
    UnsupportedAuthSchemeError,
)
from asap.models.enums import TaskStatus

CAUSE = OSError("refused")

TABLE: list[tuple[ASAPError, type[ASAPError], int, str, dict[str, Any]]] = [
    (
        InvalidTransitionError(TaskStatus.COMPLETED, TaskStatus.WORKING),
        FatalError,
        -32000,
        "asap:protocol/invalid_state",
        {"from_state": "completed", "to_state": "working"},
    ),
    (
        MalformedEnvelopeError("no sender"),
        FatalError,
        -32001,
        "asap:protocol/malformed_envelope",
        {"reason": "no sender"},
    ),
    (
        InvalidTimestampError("2030-05-06T07:08:09Z", "too old", age_seconds=301.0),
        RecoverableError,
        -32002,
        "asap:protocol/invalid_timestamp",
        {
            "timestamp": "2030-05-06T07:08:09Z",
            "age_seconds": 301.0,
            "future_offset_seconds": None,
            "retry_after_ms": 5000,
            "fallback_action": "resend_with_fresh_timestamp",
        },
    ),
    (
        InvalidNonceError("n1", "seen before"),
        FatalError,
        -32003,
        "asap:protocol/invalid_nonce",
        {"nonce": "n1"},
    ),
    (TaskNotFoundError("t1"), FatalError, -32010, "asap:task/not_found", {"task_id": "t1"}),
    (
        UnsupportedAuthSchemeError("digest", {"bearer", "basic"}),
        FatalError,
        -32020,
        "asap:auth/unsupported_scheme",
        {"scheme": "digest", "supported_schemes": frozenset({"bearer", "basic"})},
    ),
    (
        TaskAlreadyCompletedError("t1", TaskStatus.FAILED),
        FatalError,
        -32030,
        "asap:task/already_completed",
        {"task_id": "t1", "current_status": "failed"},
    ),
    (
        ASAPConnectionError("no answer", cause=CAUSE, url="http://x"),
        RecoverableError,
        -32032,
        "asap:transport/connection_error",
        {"cause": CAUSE, "url": "http://x", "fallback_action": "retry_or_check_connectivity"},
    ),
    (
        ASAPTimeoutError("too slow", timeout=1.5),
        RecoverableError,
        -32033,
        "asap:transport/timeout",
        {"timeout": 1.5, "fallback_action": "retry_with_backoff"},
    ),
]
BY_CLASS = pytest.mark.parametrize(
    ("error", "severity", "rpc_code", "code", "attributes"),
    TABLE,
    ids=[type(row[0]).__name__ for row in TABLE],
)


@BY_CLASS
def test_the_error_has_the_codes_and_attributes_of_its_row(
    error: ASAPError,
    severity: type[ASAPError],
    rpc_code: int,
    code: str,
    attributes: dict[str, Any],
) -> None:
    assert isinstance(error, severity)
    assert (error.rpc_code, error.code) == (rpc_code, code)
    assert {name: getattr(error, name) for name in attributes} == attributes


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=lambda e: type(e).__name__)
def test_the_dict_of_an_error_names_codes_message_and_details(error: ASAPError) -> None:
    as_dict = error.to_dict()
    assert list(as_dict)[:4] == ["code", "rpc_code", "message", "details"]
    assert as_dict["message"] == str(error) == error.message


def test_hints_that_are_not_set_are_left_out() -> None:
    assert ASAPError("asap:x/y", "Oops").to_dict() == {
        "code": "asap:x/y",
        "rpc_code": -32034,
        "message": "Oops",
        "details": {},
    }


def test_hints_that_are_set_are_in_the_dict() -> None:
    error = ASAPError(
        "asap:x/y",
        "Oops",
        {"a": 1},
        rpc_code=-32059,
        retry_after_ms=0,
        alternative_agents=["urn:asap:agent:b"],
        fallback_action="wait",
    )
    assert error.to_dict() == {
        "code": "asap:x/y",
        "rpc_code": -32059,
        "message": "Oops",
        "details": {"a": 1},
        "retry_after_ms": 0,
        "alternative_agents": ["urn:asap:agent:b"],
        "fallback_action": "wait",
    }


@pytest.mark.parametrize("rpc_code", [-32059, -32000])
def test_the_ends_of_the_band_are_in_it(rpc_code: int) -> None:
    assert ASAPError("c", "m", rpc_code=rpc_code).rpc_code == rpc_code


@pytest.mark.parametrize("rpc_code", [-32060, -31999, 0, 429, -32603])
def test_a_code_outside_the_band_is_refused(rpc_code: int) -> None:
    with pytest.raises(ValueError, match="rpc_code"):
        ASAPError("c", "m", rpc_code=rpc_code)


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (
            InvalidTransitionError("a", "b", {"task_id": "t"}),
            {"from_state": "a", "to_state": "b", "task_id": "t"},
        ),
        (MalformedEnvelopeError("r", {"more": 1}), {"reason": "r", "more": 1}),
        (
            InvalidTimestampError(
                "T", "m", future_offset_seconds=31.0, details={"envelope_id": "e"}
            ),
            {"timestamp": "T", "future_offset_seconds": 31.0, "envelope_id": "e"},
        ),
        (InvalidNonceError("n", "m", {"envelope_id": "e"}), {"nonce": "n", "envelope_id": "e"}),
        (TaskNotFoundError("t", {"more": 1}), {"task_id": "t", "more": 1}),
        (
            UnsupportedAuthSchemeError("d", {"bearer", "basic"}),
            {"scheme": "d", "supported_schemes": ["basic", "bearer"]},
        ),
        (TaskAlreadyCompletedError("t", "failed"), {"task_id": "t", "current_status": "failed"}),
        (ASAPConnectionError("m"), {"cause": None, "url": None}),
        (ASAPConnectionError("m", CAUSE, "u"), {"cause": "refused", "url": "u"}),
        (ASAPTimeoutError("m"), {"timeout": None}),
    ],
)
def test_the_details_can_go_out_as_json(error: ASAPError, details: dict[str, Any]) -> None:
    assert error.details == details


def test_both_names_of_a_remote_error_are_one_class() -> None:
    assert ASAPRemoteError is RemoteRPCError


def test_a_remote_error_prints_code_and_message() -> None:
    error = ASAPRemoteError(-32601, "Method not found")
    assert str(error) == "Remote error -32601: Method not found"
    assert error.message == "Method not found"


@pytest.mark.parametrize(("wire", "rpc_code"), [(-32012, -32012), (-32601, -32034), (429, -32034)])
def test_a_remote_error_keeps_the_wire_code_and_maps_it_into_the_band(
    wire: int, rpc_code: int
) -> None:
    error = RemoteRPCError.from_jsonrpc(wire, "m", None)
    assert (error.json_rpc_code, error.rpc_code) == (wire, rpc_code)


def test_a_remote_error_without_data_is_a_plain_remote_error() -> None:
    error = RemoteRPCError.from_jsonrpc(-32603, "Internal error", None)
    assert error.code == "asap:rpc/remote_error"
    assert error.data == {}
    assert error.is_recoverable is False
    assert error.retry_after_ms is None


def test_a_remote_error_takes_code_details_and_hints_from_its_data() -> None:
    sent = InvalidTimestampError("T", "too old", age_seconds=301.0)
    error = RemoteRPCError.from_jsonrpc(
        sent.rpc_code, sent.message, sent.to_dict() | {"recoverable": True}
    )
    assert error.is_recoverable is True
    assert error.to_dict() == sent.to_dict()


def test_hints_of_a_wrong_type_are_left_out_but_stay_in_the_data() -> None:
    data = {
        "code": 5,
        "details": "x",
        "retry_after_ms": "soon",
        "alternative_agents": "b",
        "fallback_action": 1,
        "recoverable": "yes",
    }
    error = RemoteRPCError.from_jsonrpc(-32000, "m", data)
    assert error.to_dict() == {
        "code": "asap:rpc/remote_error",
        "rpc_code": -32000,
        "message": "m",
        "details": {},
    }
    assert error.is_recoverable is False
    assert error.data == data
