"""ASAP over HTTP: server, client and what both need.

A name is imported when it is first asked for, so that a server never loads the client's httpx.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asap.errors import ASAPConnectionError as ASAPConnectionError
    from asap.errors import ASAPRemoteError as ASAPRemoteError
    from asap.errors import ASAPTimeoutError as ASAPTimeoutError
    from asap.transport.cache import ManifestCache as ManifestCache
    from asap.transport.client import ASAPClient as ASAPClient
    from asap.transport.compression import COMPRESSION_THRESHOLD as COMPRESSION_THRESHOLD
    from asap.transport.compression import GZIP_COMPRESSION_LEVEL as GZIP_COMPRESSION_LEVEL
    from asap.transport.compression import CompressionAlgorithm as CompressionAlgorithm
    from asap.transport.compression import compress_brotli as compress_brotli
    from asap.transport.compression import compress_gzip as compress_gzip
    from asap.transport.compression import compress_payload as compress_payload
    from asap.transport.compression import decompress_brotli as decompress_brotli
    from asap.transport.compression import decompress_gzip as decompress_gzip
    from asap.transport.compression import decompress_payload as decompress_payload
    from asap.transport.compression import get_accept_encoding_header as get_accept_encoding_header
    from asap.transport.compression import get_supported_encodings as get_supported_encodings
    from asap.transport.compression import is_brotli_available as is_brotli_available
    from asap.transport.compression import select_best_encoding as select_best_encoding
    from asap.transport.handlers import Handler as Handler
    from asap.transport.handlers import HandlerNotFoundError as HandlerNotFoundError
    from asap.transport.handlers import HandlerRegistry as HandlerRegistry
    from asap.transport.handlers import create_default_registry as create_default_registry
    from asap.transport.handlers import create_echo_handler as create_echo_handler
    from asap.transport.jsonrpc import JsonRpcError as JsonRpcError
    from asap.transport.jsonrpc import JsonRpcErrorResponse as JsonRpcErrorResponse
    from asap.transport.jsonrpc import JsonRpcRequest as JsonRpcRequest
    from asap.transport.jsonrpc import JsonRpcResponse as JsonRpcResponse
    from asap.transport.retry import RetryConfig as RetryConfig
    from asap.transport.server import create_app as create_app

_NAMES = {
    "asap.errors": "ASAPConnectionError ASAPRemoteError ASAPTimeoutError",
    "asap.transport.cache": "ManifestCache",
    "asap.transport.client": "ASAPClient",
    "asap.transport.compression": (
        "COMPRESSION_THRESHOLD GZIP_COMPRESSION_LEVEL CompressionAlgorithm compress_brotli"
        " compress_gzip compress_payload decompress_brotli decompress_gzip decompress_payload"
        " get_accept_encoding_header get_supported_encodings is_brotli_available"
        " select_best_encoding"
    ),
    "asap.transport.handlers": (
        "Handler HandlerNotFoundError HandlerRegistry create_default_registry create_echo_handler"
    ),
    "asap.transport.jsonrpc": "JsonRpcError JsonRpcErrorResponse JsonRpcRequest JsonRpcResponse",
    "asap.transport.retry": "RetryConfig",
    "asap.transport.server": "create_app",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)
