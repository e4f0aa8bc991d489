"""PROTOCOL.md §2.1, the models of JSON-RPC."""

from typing import Any

import pytest
from pydantic import ValidationError

from asap.models.base import ASAPBaseModel
from asap.transport import jsonrpc
from asap.transport.jsonrpc import (
    JsonRpcError,
    JsonRpcErrorResponse,
    JsonRpcRequest,
    JsonRpcResponse,
)


def test_codes_and_messages_are_those_of_the_protocol() -> None:
    assert jsonrpc.ERROR_MESSAGES == {
        -32700: "Parse error",
        -32600: "Invalid request",
        -32601: "Method not found",
        -32602: "Invalid params",
        -32603: "Internal error",
        -32000: "ASAP protocol version incompatible",
    }
    assert (jsonrpc.PARSE_ERROR, jsonrpc.INVALID_REQUEST, jsonrpc.METHOD_NOT_FOUND) == (
        -32700,
        -32600,
        -32601,
    )
    assert (jsonrpc.INVALID_PARAMS, jsonrpc.INTERNAL_ERROR, jsonrpc.VERSION_INCOMPATIBLE) == (
        -32602,
        -32603,
        -32000,
    )


def test_there_is_one_method_and_batches_hold_50() -> None:
    assert (jsonrpc.ASAP_METHOD, jsonrpc.DEFAULT_MAX_BATCH_SIZE) == ("asap.send", 50)


@pytest.mark.parametrize(
    "model", [JsonRpcRequest, JsonRpcResponse, JsonRpcError, JsonRpcErrorResponse]
)
def test_every_model_is_an_asap_model(model: type) -> None:
    assert issubclass(model, ASAPBaseModel)


def test_the_version_may_be_left_out_of_a_request() -> None:
    assert JsonRpcRequest(method="m", params={}, id=1).jsonrpc == "2.0"


@pytest.mark.parametrize("missing", ["method", "params", "id"])
def test_a_request_needs_method_params_and_id(missing: str) -> None:
    fields = {"method": "m", "params": {}, "id": 1}
    del fields[missing]
    with pytest.raises(ValidationError, match=missing):
        JsonRpcRequest.model_validate(fields)


@pytest.mark.parametrize(
    "change", [{"jsonrpc": "1.0"}, {"extra": 1}, {"params": []}, {"method": 1}, {"params": None}]
)
def test_a_request_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JsonRpcRequest.model_validate({"method": "m", "params": {}, "id": 1} | change)


@pytest.mark.parametrize("rpc_id", ["a", "", 7, -1, 10**30])
def test_an_id_is_a_string_or_an_integer(rpc_id: str | int) -> None:
    assert JsonRpcRequest(method="m", params={}, id=rpc_id).id == rpc_id


def test_true_as_an_id_is_1() -> None:
    rpc_id = JsonRpcRequest(method="m", params={}, id=True).id
    assert rpc_id == 1
    assert type(rpc_id) is int


@pytest.mark.parametrize("rpc_id", [1.0, 1.5, None, [], {}])
def test_any_other_id_is_refused(rpc_id: Any) -> None:
    with pytest.raises(ValidationError):
        JsonRpcRequest(method="m", params={}, id=rpc_id)


def test_an_error_response_may_have_a_null_id_but_not_none_at_all() -> None:
    error = JsonRpcError(code=1, message="m")
    assert JsonRpcErrorResponse(error=error, id=None).id is None
    with pytest.raises(ValidationError):
        JsonRpcErrorResponse.model_validate({"error": error})


def test_an_error_from_a_code_has_the_standard_message() -> None:
    error = JsonRpcError.from_code(-32601, {"method": "x"})
    assert (error.code, error.message, error.data) == (-32601, "Method not found", {"method": "x"})


def test_an_error_from_another_code_is_unknown() -> None:
    assert JsonRpcError.from_code(5).message == "Unknown error"


def test_a_response_dumps_version_result_id_in_this_order() -> None:
    assert list(JsonRpcResponse(result={}, id=1).model_dump()) == ["jsonrpc", "result", "id"]


def test_an_error_response_dumps_its_data_even_if_there_is_none() -> None:
    response = JsonRpcErrorResponse(error=JsonRpcError.from_code(-32700), id=None)
    assert response.model_dump_json() == (
        '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error","data":null},"id":null}'
    )
