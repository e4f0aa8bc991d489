"""What an HTTP reply to an envelope means: another envelope, an error, or try again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asap.errors import ASAPConnectionError, ASAPRemoteError
from asap.models.envelope import (
    CORRELATION_REQUIRED_PAYLOAD_KEYS,
    Envelope,
    _normalize_payload_type,
)
from asap.transport.errors import ProtocolCorrelationError
from asap.transport.jsonrpc import INTERNAL_ERROR, PARSE_ERROR
from asap.transport.retry import Retryable, parse_retry_after

if TYPE_CHECKING:
    import httpx

_TOO_MANY_REQUESTS = 429
_QUOTED_CHARACTERS = 200
_LONGEST_WAIT_MS = 10**9  # beyond any policy's maximum; JSON has integers that no float can hold

# Answers are compared with their request; the chunks of a stream are not.
_CORRELATED_PAYLOAD_KEYS = CORRELATION_REQUIRED_PAYLOAD_KEYS - {"taskstream"}


def read_reply(response: httpx.Response, request: Envelope) -> Envelope:
    """Raises Retryable, ASAPConnectionError, ASAPRemoteError or ProtocolCorrelationError."""
    refuse_http_error(response)
    body = _json_object(response)
    if body.get("error") is not None:
        raise _remote_error(body["error"])
    reply = _envelope_of(body.get("result"), str(response.url))
    _refuse_foreign_reply(reply, request)
    return reply


def refuse_http_error(response: httpx.Response) -> None:
    if response.status_code < 400:
        return
    error = ASAPConnectionError(
        f"HTTP {response.status_code} from {response.url}: {response.text[:_QUOTED_CHARACTERS]}",
        url=str(response.url),
    )
    if response.status_code == _TOO_MANY_REQUESTS:
        raise Retryable(error, parse_retry_after(response.headers.get("Retry-After")))
    raise Retryable(error) if response.status_code >= 500 else error


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError) as error:
        raise ASAPRemoteError(PARSE_ERROR, f"Invalid response: {error}") from error
    return body if isinstance(body, dict) else {}


def _remote_error(error: object) -> ASAPRemoteError | Retryable:
    fields = error if isinstance(error, dict) else {}
    code, data = fields.get("code"), fields.get("data")
    remote = ASAPRemoteError.from_jsonrpc(
        code if isinstance(code, int) else INTERNAL_ERROR,
        str(fields.get("message", error)),
        data if isinstance(data, dict) else None,
    )
    wait = remote.retry_after_ms
    if remote.is_recoverable and isinstance(wait, int | float):
        return Retryable(remote, min(wait, _LONGEST_WAIT_MS) / 1000)
    return remote


def _envelope_of(result: object, url: str) -> Envelope:
    envelope = result.get("envelope") if isinstance(result, dict) else None
    if not isinstance(envelope, dict):
        raise ASAPRemoteError(INTERNAL_ERROR, "Missing envelope in response")
    try:
        return Envelope.model_validate(envelope)
    except (ValueError, AttributeError) as error:
        raise ASAPConnectionError(f"invalid envelope from {url}: {error}", error, url) from error


def _refuse_foreign_reply(reply: Envelope, request: Envelope) -> None:
    if _normalize_payload_type(reply.payload_type) not in _CORRELATED_PAYLOAD_KEYS:
        return
    if reply.correlation_id != request.id:
        raise ProtocolCorrelationError(request.id, reply.correlation_id)
