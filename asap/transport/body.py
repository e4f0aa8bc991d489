"""The body of a request: read, measured, inflated, and never more of it than is allowed."""

from collections.abc import Mapping

from starlette.types import Message, Receive, Scope

from asap.transport.compression import (
    DecompressionTooLarge,
    decompress_limited,
    get_supported_encodings,
)
from asap.transport.responses import HttpError, detail


class ClientDisconnectedError(Exception):
    """The client hung up before its request was complete."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers by lower-case name; those sent more than once are joined by commas."""
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    headers = dict(pairs)
    if len(headers) < len(pairs):
        headers = {
            name: b", ".join(value for other, value in pairs if other == name) for name in headers
        }
    return headers


def check_content_length(headers: Mapping[bytes, bytes], limit: int) -> None:
    """HttpError if the client announces more than `limit` bytes."""
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(f"Request size ({int(announced)} bytes) exceeds maximum ({limit} bytes)")


async def read_body(message: Message, receive: Receive, limit: int) -> bytes:
    """All of the body that begins with this message; HttpError once that is more than `limit`."""
    body = bytearray(_part(message))
    while message.get("more_body") and len(body) <= limit:
        message = await receive()
        body += _part(message)
    if len(body) > limit:
        raise _too_large(f"Request size exceeds maximum ({limit} bytes)")
    return bytes(body)


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding; HttpError if that is unknown, broken or a bomb."""
    if encoding.strip().lower() not in {"", "identity", *get_supported_encodings()}:
        raise HttpError(detail(415, f"Unsupported Content-Encoding: {encoding}"))
    try:
        return decompress_limited(body, encoding, limit)
    except DecompressionTooLarge:
        raise _too_large(f"Decompressed request size exceeds maximum ({limit} bytes)") from None
    except (OSError, EOFError, ValueError) as error:
        raise HttpError(detail(400, f"Invalid compressed data: {error}")) from None


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientDisconnectedError
    part: bytes = message.get("body", b"")
    return part


def _too_large(text: str) -> HttpError:
    # The connection stays open: many clients read no response before they have sent all, and would
    # see a reset instead. What is still on its way, the server throws away.
    return HttpError(detail(413, text))
