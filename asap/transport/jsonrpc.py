"""JSON-RPC 2.0 as ASAP uses it: one method, and ids that are strings or integers."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator

from asap.models.base import ASAPBaseModel

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
VERSION_INCOMPATIBLE: Final = -32000

ERROR_MESSAGES: Final[dict[int, str]] = {
    PARSE_ERROR: "Parse error",
    INVALID_REQUEST: "Invalid request",
    METHOD_NOT_FOUND: "Method not found",
    INVALID_PARAMS: "Invalid params",
    INTERNAL_ERROR: "Internal error",
    VERSION_INCOMPATIBLE: "ASAP protocol version incompatible",
}

ASAP_METHOD: Final = "asap.send"
DEFAULT_MAX_BATCH_SIZE: Final = 50


def _refuse_float(value: Any) -> Any:
    # pydantic would take 1.0 for 1, and the answer would then carry another id than the request
    if isinstance(value, float):
        raise ValueError("id must be a string or an integer")  # noqa: TRY004 - pydantic turns only a ValueError into an error of the field
    return value


RequestId = Annotated[str | int, BeforeValidator(_refuse_float)]


class JsonRpcRequest(ASAPBaseModel):
    """A call. An id is required: ASAP has no notifications."""

    jsonrpc: Literal["2.0"] = "2.0"
    method: str
    params: dict[str, Any]
    id: RequestId


class JsonRpcResponse(ASAPBaseModel):
    """The answer to a call that succeeded."""

    jsonrpc: Literal["2.0"] = "2.0"
    result: dict[str, Any]
    id: RequestId


class JsonRpcError(ASAPBaseModel):
    """What went wrong."""

    code: int
    message: str
    data: dict[str, Any] | None = None

    @staticmethod
    def from_code(code: int, data: dict[str, Any] | None = None) -> "JsonRpcError":
        """An error with the standard message of its code."""
        return JsonRpcError(code=code, message=ERROR_MESSAGES.get(code, "Unknown error"), data=data)


class JsonRpcErrorResponse(ASAPBaseModel):
    """The answer to a call that failed; the id is None where the request's could not be read."""

    jsonrpc: Literal["2.0"] = "2.0"
    error: JsonRpcError
    id: RequestId | None
