"""Errors of the protocol, each with its taxonomy code and its JSON-RPC code."""

from collections.abc import Iterable
from enum import Enum
from math import isfinite
from typing import Any, Final, Self, TypeVar

_T = TypeVar("_T")

_MIN_RPC_CODE: Final = -32059
_MAX_RPC_CODE: Final = -32000
_DEFAULT_RPC_CODE: Final = -32034


def _in_band(rpc_code: int) -> bool:
    return _MIN_RPC_CODE <= rpc_code <= _MAX_RPC_CODE


class ASAPError(Exception):
    """An error that travels: `code` is its taxonomy code, `rpc_code` its JSON-RPC code.

    `retry_after_ms` (milliseconds), `alternative_agents` and `fallback_action` are hints for the
    caller. ValueError if `rpc_code` lies outside the band of ASAP.
    """

    def __init__(
        self,
        code: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        rpc_code: int = _DEFAULT_RPC_CODE,
        retry_after_ms: int | None = None,
        alternative_agents: list[str] | None = None,
        fallback_action: str | None = None,
    ) -> None:
        if not _in_band(rpc_code):
            raise ValueError(f"rpc_code must be {_MIN_RPC_CODE}..{_MAX_RPC_CODE}, got {rpc_code}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
        self.rpc_code = rpc_code
        self.retry_after_ms = retry_after_ms
        self.alternative_agents = alternative_agents
        self.fallback_action = fallback_action

    def to_dict(self) -> dict[str, Any]:
        """Code, message and details, and those hints that are set."""
        hints = {
            "retry_after_ms": self.retry_after_ms,
            "alternative_agents": self.alternative_agents,
            "fallback_action": self.fallback_action,
        }
        return {
            "code": self.code,
            "rpc_code": self.rpc_code,
            "message": self.message,
            "details": self.details,
        } | {name: hint for name, hint in hints.items() if hint is not None}


class RecoverableError(ASAPError):
    """Trying again may help."""


class FatalError(ASAPError):
    """Trying again will not help."""


def _word(state: str) -> str:
    return str(state.value) if isinstance(state, Enum) else state


class InvalidTransitionError(FatalError):
    """A task may not go from one state to the other."""

    def __init__(
        self, from_state: str, to_state: str, details: dict[str, Any] | None = None
    ) -> None:
        self.from_state = _word(from_state)
        self.to_state = _word(to_state)
        super().__init__(
            "asap:protocol/invalid_state",
            f"Invalid transition from '{self.from_state}' to '{self.to_state}'",
            {"from_state": self.from_state, "to_state": self.to_state} | (details or {}),
            rpc_code=-32000,
        )


class MalformedEnvelopeError(FatalError):
    """An envelope breaks the rules of the protocol."""

    def __init__(self, reason: str, details: dict[str, Any] | None = None) -> None:
        self.reason = reason
        super().__init__(
            "asap:protocol/malformed_envelope",
            f"Malformed envelope: {reason}",
            {"reason": reason} | (details or {}),
            rpc_code=-32001,
        )


class InvalidTimestampError(RecoverableError):
    """An envelope is too old or too far in the future; ages in seconds."""

    def __init__(
        self,
        timestamp: str,
        message: str,
        age_seconds: float | None = None,
        future_offset_seconds: float | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        self.timestamp = timestamp
        self.age_seconds = age_seconds
        self.future_offset_seconds = future_offset_seconds
        ages = {"age_seconds": age_seconds, "future_offset_seconds": future_offset_seconds}
        super().__init__(
            "asap:protocol/invalid_timestamp",
            message,
            {"timestamp": timestamp}
            | {name: age for name, age in ages.items() if age is not None}
            | (details or {}),
            rpc_code=-32002,
            retry_after_ms=5000,
            fallback_action="resend_with_fresh_timestamp",
        )


class InvalidNonceError(FatalError):
    """A nonce is malformed or was seen before."""

    def __init__(self, nonce: str, message: str, details: dict[str, Any] | None = None) -> None:
        self.nonce = nonce
        super().__init__(
            "asap:protocol/invalid_nonce",
            message,
            {"nonce": nonce} | (details or {}),
            rpc_code=-32003,
        )


class TaskNotFoundError(FatalError):
    """No task has this id."""

    def __init__(self, task_id: str, details: dict[str, Any] | None = None) -> None:
        self.task_id = task_id
        super().__init__(
            "asap:task/not_found",
            f"Task not found: {task_id}",
            {"task_id": task_id} | (details or {}),
            rpc_code=-32010,
        )


class UnsupportedAuthSchemeError(FatalError):
    """A manifest declares a way to authenticate that the protocol does not know."""

    def __init__(
        self,
        scheme: str,
        supported_schemes: Iterable[str],
        details: dict[str, Any] | None = None,
    ) -> None:
        self.scheme = scheme
        self.supported_schemes = frozenset(supported_schemes)
        supported = sorted(self.supported_schemes)
        super().__init__(
            "asap:auth/unsupported_scheme",
            f"Unsupported auth scheme '{scheme}', supported are: {', '.join(supported)}",
            {"scheme": scheme, "supported_schemes": supported} | (details or {}),
            rpc_code=-32020,
        )


class TaskAlreadyCompletedError(FatalError):
    """A task has ended and takes no more changes."""

    def __init__(
        self, task_id: str, current_status: str, details: dict[str, Any] | None = None
    ) -> None:
        self.task_id = task_id
        self.current_status = _word(current_status)
        super().__init__(
            "asap:task/already_completed",
            f"Task {task_id} is already {self.current_status}",
            {"task_id": task_id, "current_status": self.current_status} | (details or {}),
            rpc_code=-32030,
        )


class ASAPConnectionError(RecoverableError):
    """No usable answer came from the peer at `url`."""

    def __init__(
        self, message: str, cause: Exception | None = None, url: str | None = None
    ) -> None:
        self.cause = cause
        self.url = url
        super().__init__(
            "asap:transport/connection_error",
            message,
            {"url": url, "cause": None if cause is None else str(cause)},
            rpc_code=-32032,
            fallback_action="retry_or_check_connectivity",
        )


class ASAPTimeoutError(RecoverableError):
    """The peer did not answer within `timeout` seconds."""

    def __init__(self, message: str, timeout: float | None = None) -> None:
        self.timeout = timeout
        super().__init__(
            "asap:transport/timeout",
            message,
            {"timeout": timeout},
            rpc_code=-32033,
            fallback_action="retry_with_backoff",
        )


def _milliseconds(value: object) -> int | None:
    if isinstance(value, float) and isfinite(value):
        return int(value)
    return _of_type(int, value)


def _of_type(kind: type[_T], value: Any) -> _T | None:
    return value if isinstance(value, kind) else None


class RemoteRPCError(ASAPError):
    """The peer answered with a JSON-RPC error: `json_rpc_code`, `message` and `data` are its own.

    `rpc_code` is the peer's code where that lies in the band of ASAP. Hints of a wrong type are
    left out, but stay in `data`.
    """

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        self.json_rpc_code = code
        self.data = data or {}
        self.is_recoverable = self.data.get("recoverable") is True
        super().__init__(
            _of_type(str, self.data.get("code")) or "asap:rpc/remote_error",
            message,
            _of_type(dict, self.data.get("details")),
            rpc_code=code if _in_band(code) else _DEFAULT_RPC_CODE,
            retry_after_ms=_milliseconds(self.data.get("retry_after_ms")),
            alternative_agents=_of_type(list, self.data.get("alternative_agents")),
            fallback_action=_of_type(str, self.data.get("fallback_action")),
        )

    @classmethod
    def from_jsonrpc(cls, code: int, message: str, data: dict[str, Any] | None = None) -> Self:
        return cls(code, message, data)

    def __str__(self) -> str:
        return f"Remote error {self.json_rpc_code}: {self.message}"


ASAPRemoteError = RemoteRPCError
