"""What goes back over HTTP. Every response names the version of the transport."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.types import Scope, Send

from asap.models.constants import ASAP_VERSION_HEADER
from asap.transport.versions import DEFAULT_VERSION

VERSION_HEADER = ASAP_VERSION_HEADER.lower().encode()
JSON = b"application/json"

RawHeaders = tuple[tuple[bytes, bytes], ...]


class Response(NamedTuple):
    """A complete response; `headers` come on top of type, length and version."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    version: bytes = DEFAULT_VERSION
    headers: RawHeaders = ()

    @property
    def _about_body(self) -> RawHeaders:
        # one that was not modified has no body, and is none of a length of 0 either
        if self.status == HTTPStatus.NOT_MODIFIED:
            return ()
        length = b"%d" % len(self.body)
        return (b"content-type", self.content_type), (b"content-length", length)

    async def send(self, scope: Scope, send: Send) -> None:
        """Send it as the answer to this request; without the body if that was a HEAD."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    *self._about_body,
                    (VERSION_HEADER, self.version),
                    *self.headers,
                ],
            }
        )
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


class HttpError(Exception):
    """A request that is refused before JSON-RPC begins."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


async def send_failure(error: Exception, scope: Scope, send: Send) -> None:
    """Answer with what an exception means over HTTP; raise it again if it is unexpected."""
    if isinstance(error, HttpError):
        await error.response.send(scope, send)
    elif isinstance(error, HTTPException):
        await detail(error.status_code, error.detail, error.headers).send(scope, send)
    else:
        await detail(500, "Internal Server Error").send(scope, send)
        raise error


def detail(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error of HTTP, as `{"detail": text}`."""
    raw = tuple(
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()
    )
    return Response(json.dumps({"detail": text}).encode(), status=status, headers=raw)
