"""Requests that are answered with a JSON-RPC error."""

import logging
import traceback
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from asap.errors import ASAPError, InvalidNonceError, InvalidTimestampError, RecoverableError
from asap.models.constants import ASAP_SUPPORTED_TRANSPORT_VERSIONS
from asap.transport.handlers import HandlerNotFoundError
from asap.transport.jsonrpc import (
    ERROR_MESSAGES,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    VERSION_INCOMPATIBLE,
)

logger = logging.getLogger(__name__)

RpcId = str | int | None

MOST_ERRORS = 100
_LARGEST_INPUT = 200  # characters and parts; at 255 levels pydantic's serialiser gives up

_ERROR_TYPES: dict[type[ASAPError], str] = {
    HandlerNotFoundError: "handler_not_found",
    InvalidTimestampError: "invalid_timestamp",
    InvalidNonceError: "invalid_nonce",
}


class RpcError(Exception):
    """An error for the caller. `error_type` is its name in the metrics.

    `request_id` is set where the fault itself decides which id the answer carries.
    """

    def __init__(
        self,
        code: int,
        data: dict[str, Any] | None,
        *,
        error_type: str,
        message: str | None = None,
        request_id: RpcId = None,
    ) -> None:
        super().__init__(message or ERROR_MESSAGES[code])
        self.code = code
        self.message = message or ERROR_MESSAGES[code]
        self.data = data
        self.error_type = error_type
        self.request_id = request_id

    def to_json(self, request_id: RpcId) -> bytes:
        """The JSON-RPC response; without `data` where that is no JSON."""
        try:
            return _encode(self.code, self.message, self.data, request_id)
        except (ValueError, RecursionError):
            message = ERROR_MESSAGES.get(self.code, "Unknown error")
            return _encode(self.code, message, None, request_id)


def not_json(reason: str) -> RpcError:
    return RpcError(PARSE_ERROR, {"error": reason}, error_type="parse_error")


def invalid_batch(reason: str) -> RpcError:
    return RpcError(INVALID_REQUEST, {"reason": reason}, error_type="invalid_request")


def incompatible_version(requested: str) -> RpcError:
    data = {"requested": requested, "supported": sorted(ASAP_SUPPORTED_TRANSPORT_VERSIONS)}
    return RpcError(VERSION_INCOMPATIBLE, data, error_type="version_incompatible")


def invalid_params(error: str, error_type: str, **more: Any) -> RpcError:
    return RpcError(INVALID_PARAMS, {"error": error, **more}, error_type=error_type)


def validation_errors(error: ValidationError) -> list[Any]:
    """Pydantic's list of errors, as JSON values: no answer may be much larger than its request.

    An input is repeated to its sender where it is small. Where there are more errors than anybody
    reads, one says so.
    """
    if error.error_count() > MOST_ERRORS:
        text = f"{error.error_count()} errors, too many to list"
        return [{"type": "too_many_errors", "loc": [], "msg": text}]
    told: list[Any] = from_json(error.json(include_input=False))
    seen = error.errors(include_url=False, include_context=False)
    for item, details in zip(told, seen, strict=True):
        if _is_small(details["input"]):
            item["input"] = details["input"]
    return told


def _is_small(value: Any) -> bool:
    """Whether its characters and parts are few; so it is not nested too deeply either."""
    unseen, size = [value], 0
    while unseen and size <= _LARGEST_INPUT:
        one = unseen.pop()
        if isinstance(one, str | list | dict):
            size += len(one)
        if isinstance(one, list | dict) and size <= _LARGEST_INPUT:
            unseen += [*one, *one.values()] if isinstance(one, dict) else one
    return size <= _LARGEST_INPUT


def rpc_error_of(error: Exception, *, debug: bool) -> RpcError:
    """What the caller learns of an exception; one that nobody foresaw is logged here."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, ASAPError):
        return _from_asap_error(error)
    logger.error("Request failed", exc_info=error)
    return RpcError(INTERNAL_ERROR, _internal_data(error, debug), error_type="internal_error")


def _from_asap_error(error: ASAPError) -> RpcError:
    data = error.to_dict() | {
        "recoverable": isinstance(error, RecoverableError),
        "asap_taxonomy_code": error.code,
        "error": str(error),
    }
    return RpcError(
        error.rpc_code,
        data,
        error_type=_ERROR_TYPES.get(type(error), type(error).__name__),
        message=error.message,
    )


def _internal_data(error: Exception, debug: bool) -> dict[str, Any]:
    if not debug:
        return {"error": "Internal server error"}
    return {
        "error": str(error),
        "type": type(error).__name__,
        "traceback": "".join(traceback.format_exception(error)),
    }


def _encode(code: int, message: str, data: dict[str, Any] | None, request_id: RpcId) -> bytes:
    error = {"code": code, "message": message, "data": data}
    return to_json(
        {"jsonrpc": "2.0", "error": error, "id": request_id},
        inf_nan_mode="null",
        serialize_unknown=True,
    )
