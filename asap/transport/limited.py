"""Answers that are read with an end to their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from asap.errors import ASAPConnectionError
from asap.models.constants import MAX_REQUEST_SIZE

if TYPE_CHECKING:
    import httpx

MAX_RESPONSE_SIZE: Final = 4 * MAX_REQUEST_SIZE  # bytes, inflated
_OF_THE_BODY = {"content-encoding", "content-length", "transfer-encoding"}


async def request_limited(
    http: httpx.AsyncClient, method: str, url: str, **options: Any
) -> httpx.Response:
    """The answer, whole. Raises ASAPConnectionError where it is too large, and what httpx does."""
    async with http.stream(method, url, **options) as answer:
        body = bytearray()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > MAX_RESPONSE_SIZE:
                raise ASAPConnectionError(
                    f"the answer of {url} is larger than {MAX_RESPONSE_SIZE >> 20} MiB", url=url
                )
    return _whole(answer, bytes(body))


def _whole(answer: httpx.Response, body: bytes) -> httpx.Response:
    headers = [(k, v) for k, v in answer.headers.raw if k.lower().decode() not in _OF_THE_BODY]
    return type(answer)(answer.status_code, headers=headers, content=body, request=answer.request)
