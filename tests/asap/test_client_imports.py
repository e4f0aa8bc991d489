"""PROTOCOL.md §1.2, the names of `asap.transport`, and what importing them costs."""

import subprocess
import sys

import pytest

import asap.transport

CLASSES = {
    "ASAPClient",
    "ASAPConnectionError",
    "ASAPRemoteError",
    "ASAPTimeoutError",
    "CompressionAlgorithm",
    "HandlerNotFoundError",
    "HandlerRegistry",
    "JsonRpcError",
    "JsonRpcErrorResponse",
    "JsonRpcRequest",
    "JsonRpcResponse",
    "ManifestCache",
    "RetryConfig",
}
FUNCTIONS = {
    "compress_brotli",
    "compress_gzip",
    "compress_payload",
    "create_app",
    "create_default_registry",
    "create_echo_handler",
    "decompress_brotli",
    "decompress_gzip",
    "decompress_payload",
    "get_accept_encoding_header",
    "get_supported_encodings",
    "is_brotli_available",
    "select_best_encoding",
}
OTHERS = {"COMPRESSION_THRESHOLD", "GZIP_COMPRESSION_LEVEL", "Handler"}


@pytest.mark.parametrize("name", sorted(CLASSES | FUNCTIONS))
def test_a_name_of_the_protocol_is_there_and_of_its_kind(name: str) -> None:
    found = getattr(asap.transport, name)
    assert found.__name__ == {"ASAPRemoteError": "RemoteRPCError"}.get(name, name)
    assert isinstance(found, type) is (name in CLASSES)


def test_asap_transport_exports_the_names_of_the_protocol_and_no_others() -> None:
    assert set(asap.transport.__all__) == CLASSES | FUNCTIONS | OTHERS


def test_a_name_is_the_object_of_its_module() -> None:
    from asap.transport import ASAPClient, ASAPConnectionError, RetryConfig, client

    assert ASAPClient is client.ASAPClient
    assert RetryConfig is client.RetryConfig
    assert ASAPConnectionError is client.ASAPConnectionError


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(asap.transport, "nonsense")  # noqa: B009 (mypy refuses the attribute)


LEFT_OUT = {
    "asap.models": {"httpx", "limits", "starlette", "prometheus_client"},
    "asap.transport": {"httpx", "limits", "starlette", "prometheus_client", "pydantic"},
    "asap.transport.server": {"httpx", "limits"},
    "asap.transport.client": {"limits", "starlette", "uvicorn"},
}


@pytest.mark.parametrize("module", LEFT_OUT)
def test_importing_a_part_does_not_load_the_libraries_of_others(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert not LEFT_OUT[module] & set(loaded)
