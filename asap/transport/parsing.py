"""From bytes to an envelope: in one step where nothing is wrong, else step by step.

Only step by step is the first thing wrong the one that is reported.
"""

import json
from collections.abc import Callable
from typing import Any, Literal, NotRequired

from pydantic import ConfigDict, StrictInt, StrictStr, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails, from_json
from typing_extensions import TypedDict  # pydantic insists on this one before Python 3.12

from asap.models.envelope import Envelope
from asap.models.shortcuts import UsualEnvelope
from asap.transport.jsonrpc import (
    ASAP_METHOD,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    JsonRpcRequest,
    RequestId,
)
from asap.transport.rpc_errors import (
    MOST_ERRORS,
    RpcError,
    RpcId,
    invalid_params,
    not_json,
    validation_errors,
)


class UsualParams(TypedDict):
    __pydantic_config__ = ConfigDict(extra="ignore")  # type: ignore[misc] # pydantic's way to configure a TypedDict
    envelope: UsualEnvelope


class UsualRequest(TypedDict):
    """A request as nearly all are; narrower than JsonRpcRequest, never wider."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc] # as above
    jsonrpc: NotRequired[Literal["2.0"]]
    method: Literal["asap.send"]
    params: UsualParams
    id: StrictStr | StrictInt


# ValueError says no more than that the request has to be read step by step
read_usual: Callable[[bytes], UsualRequest] = TypeAdapter(UsualRequest).validator.validate_json

# model_validate takes half as long again for the same
_validate_request: Callable[[Any], JsonRpcRequest] = (
    JsonRpcRequest.__pydantic_validator__.validate_python
)
_validate_envelope: Callable[[Any], Envelope] = Envelope.__pydantic_validator__.validate_python
_request_id: TypeAdapter[str | int] = TypeAdapter(RequestId)


def parse_json(body: bytes) -> Any:
    """The value in the body; RpcError if there is none."""
    try:
        return from_json(body)
    except ValueError as error:
        if "recursion limit" in str(error):
            return _parse_deep(body)
        raise not_json(_why_not_json(body, error)) from None


def read_request(value: Any) -> JsonRpcRequest:
    """The JSON-RPC request in a JSON value; RpcError with the id to answer."""
    try:
        request = _validate_request(value)
    except ValidationError as error:
        raise _shape_error(value, error) from None
    if request.method != ASAP_METHOD:
        raise RpcError(
            METHOD_NOT_FOUND,
            {"method": request.method},
            error_type="invalid_request",
            request_id=request.id,
        )
    return request


def read_envelope(params: dict[str, Any]) -> Envelope:
    """The envelope in the params; RpcError if it is missing or invalid."""
    envelope = params.get("envelope")
    if envelope is None:
        raise invalid_params("Missing 'envelope' in params", "missing_envelope")
    if not isinstance(envelope, dict):
        raise invalid_params("'envelope' must be a JSON object", "invalid_envelope")
    try:
        return _validate_envelope(envelope)
    except ValidationError as error:
        raise _envelope_error(error) from None
    except AttributeError:
        raise _envelope_error(_payload_type_error(envelope)) from None


def _parse_deep(body: bytes) -> Any:
    # pydantic's parser stops at 200 levels, the protocol allows an input of 254
    try:
        return json.loads(body)
    except RecursionError:
        raise not_json("Invalid JSON: nested too deeply") from None
    except ValueError as error:
        raise not_json(_why_not_json(body, error)) from None


def _why_not_json(body: bytes, error: ValueError) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as unicode_error:
        return f"Invalid UTF-8 encoding: {unicode_error}"
    return f"Invalid JSON: {error}"


def _shape_error(value: Any, error: ValidationError) -> RpcError:
    if not isinstance(value, dict):
        data = {
            "error": "JSON-RPC request must be an object",
            "received_type": type(value).__name__,
        }
        return RpcError(INVALID_REQUEST, data, error_type="invalid_request")
    refusal = _params_error(error) if _only_params(error) else _structure_error(error)
    refusal.request_id = _id_of(value)
    return refusal


def _only_params(error: ValidationError) -> bool:
    return error.error_count() <= MOST_ERRORS and all(
        item["loc"] == ("params",) and item["type"] != "missing"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _params_error(error: ValidationError) -> RpcError:
    return invalid_params(
        "'params' must be an object",
        "invalid_params",
        validation_errors=validation_errors(error),
    )


def _structure_error(error: ValidationError) -> RpcError:
    data = {
        "error": "Invalid JSON-RPC structure",
        "validation_errors": validation_errors(error),
    }
    return RpcError(INVALID_REQUEST, data, error_type="invalid_request")


def _id_of(value: dict[str, Any]) -> RpcId:
    try:
        return _request_id.validate_python(value.get("id"))
    except ValidationError:
        return None


def _envelope_error(error: ValidationError) -> RpcError:
    return invalid_params(
        "Invalid envelope structure",
        "invalid_envelope",
        validation_errors=validation_errors(error),
    )


def _payload_type_error(envelope: dict[str, Any]) -> ValidationError:
    # the model raises AttributeError for this alone, as the published one does
    detail = InitErrorDetails(
        type="string_type", loc=("payload_type",), input=envelope["payload_type"]
    )
    return ValidationError.from_exception_data("Envelope", [detail])
