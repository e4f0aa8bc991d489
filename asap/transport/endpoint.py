"""`POST /asap`, as a plain ASGI application: no framework object is made for a request."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from asap.transport.body import (
    ClientDisconnectedError,
    check_content_length,
    headers_of,
    inflate,
    read_body,
)
from asap.transport.dispatch import Dispatcher
from asap.transport.parsing import UsualRequest, read_usual
from asap.transport.rate_limit import ASAPRateLimiter, RateLimitExceeded
from asap.transport.responses import JSON, VERSION_HEADER, HttpError, Response, detail, send_failure
from asap.transport.rpc_errors import RpcError, incompatible_version, invalid_batch
from asap.transport.versions import negotiate


@dataclass(frozen=True, slots=True)
class AsapEndpoint:
    """The order of its checks is part of the protocol.

    `state` holds what is in the app's state: its `limiter`, if there is one, may be replaced at any
    time.
    """

    dispatcher: Dispatcher
    state: Mapping[str, Any]
    max_request_size: int
    max_batch_size: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # down to the messages in one piece, for the reason given in Dispatcher.answer_envelope
        try:
            headers = headers_of(scope)
            version = self._check_head(scope, headers)
            message = await receive()
            body = message.get("body", b"")
            if not body or message.get("more_body") or len(body) > self.max_request_size:
                body = await read_body(message, receive, self.max_request_size)
            started = perf_counter()
            request = self._read_usual(headers, body)
            if request is None:
                body = await self._answer(scope, headers, body)
            else:
                envelope = request["params"]["envelope"]
                body = await self.dispatcher.answer_envelope(envelope, request["id"], started)
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [
                        (b"content-type", JSON),
                        (b"content-length", b"%d" % len(body)),
                        (VERSION_HEADER, version),
                    ],
                }
            )
            await send({"type": "http.response.body", "body": body})
        except ClientDisconnectedError:
            return
        except Exception as error:
            await send_failure(error, scope, send)

    def _check_head(self, scope: Scope, headers: dict[bytes, bytes]) -> bytes:
        """The version to answer in; HttpError if the body need not be read."""
        if scope["method"] != "POST":
            check_content_length(headers, self.max_request_size)
            raise HttpError(detail(405, "Method Not Allowed", {"allow": "POST"}))
        requested = headers.get(b"asap-version", b"")
        version = negotiate(requested)
        if version is None:
            error = incompatible_version(requested.decode("latin-1"))
            raise HttpError(Response(error.to_json(None)))
        check_content_length(headers, self.max_request_size)
        return version

    def _read_usual(self, headers: dict[bytes, bytes], body: bytes) -> UsualRequest | None:
        if (
            b"content-encoding" in headers
            or self.dispatcher.authenticator is not None
            or self.state["limiter"] is not None
        ):
            return None
        try:
            return read_usual(body)
        except ValueError:
            return None

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], body: bytes) -> bytes:
        limiter = self.state["limiter"]
        try:
            if limiter is None:
                value = self._load(headers, body)
            else:
                value = self._load_within(limiter, Request(scope), headers, body)
        except RpcError as error:
            return error.to_json(None)
        authorization = headers.get(b"authorization", b"")
        if isinstance(value, list):
            return await self._answer_batch(value, authorization)
        return await self.dispatcher.answer(value, authorization)

    async def _answer_batch(self, batch: list[Any], authorization: bytes) -> bytes:
        if not batch:
            return invalid_batch("empty batch").to_json(None)
        if len(batch) > self.max_batch_size:
            reason = f"batch size {len(batch)} exceeds max {self.max_batch_size}"
            return invalid_batch(reason).to_json(None)
        return await self.dispatcher.answer_all(batch, authorization)

    def _load(self, headers: dict[bytes, bytes], body: bytes) -> Any:
        encoding = headers.get(b"content-encoding")
        if encoding:
            body = inflate(body, encoding.decode("latin-1"), self.max_request_size)
        return self.dispatcher.parse(body)

    def _load_within(
        self, limiter: ASAPRateLimiter, request: Request, headers: dict[bytes, bytes], body: bytes
    ) -> Any:
        try:
            if not limiter.test(request):
                limiter.check(request)  # spares the work of reading what will be refused
            return self._load_charged(limiter, request, headers, body)
        except RateLimitExceeded as exceeded:
            raise HttpError(_too_many_requests(exceeded)) from None

    def _load_charged(
        self, limiter: ASAPRateLimiter, request: Request, headers: dict[bytes, bytes], body: bytes
    ) -> Any:
        try:
            value = self._load(headers, body)
        except (HttpError, RpcError):
            limiter.check(request)
            raise
        is_batch = isinstance(value, list) and 0 < len(value) <= self.max_batch_size
        limiter.check_n(request, len(value) if is_batch else 1)
        return value


def _too_many_requests(exceeded: RateLimitExceeded) -> Response:
    data = {"retry_after": exceeded.retry_after, "limit": exceeded.limit}
    error = {"code": 429, "message": "Rate limit exceeded", "data": data}
    return Response(
        json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode(),
        status=429,
        headers=((b"retry-after", b"%d" % exceeded.retry_after),),
    )
