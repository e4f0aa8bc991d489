"""One JSON-RPC request in, one JSON-RPC response out."""

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from asap.models.entities import Manifest
from asap.models.envelope import Envelope
from asap.transport.auth import Authenticator, check_sender
from asap.transport.handlers import HandlerNotFoundError, HandlerRegistry
from asap.transport.jsonrpc import INVALID_REQUEST, JsonRpcRequest
from asap.transport.metrics import OTHER, PayloadMetrics, ServerMetrics
from asap.transport.parsing import parse_json, read_envelope, read_request
from asap.transport.rpc_errors import RpcError, RpcId, rpc_error_of
from asap.transport.validators import (
    NonceStore,
    validate_envelope_nonce,
    validate_envelope_timestamp,
)


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Answers requests on behalf of one agent. `answer` never raises."""

    manifest: Manifest
    registry: HandlerRegistry
    metrics: ServerMetrics
    authenticator: Authenticator | None = None
    nonces: NonceStore | None = None
    debug: bool = False

    def parse(self, body: bytes) -> Any:
        """The JSON value in the body; RpcError, which is counted, if there is none."""
        started = perf_counter()
        try:
            return parse_json(body)
        except RpcError as error:
            self.metrics.request_failed(error.error_type, OTHER, perf_counter() - started)
            raise

    async def answer(self, value: Any, authorization: bytes) -> bytes:
        """The response to the request in a JSON value."""
        started = perf_counter()
        try:
            request = read_request(value)
        except RpcError as error:
            return self._refuse(error, error.request_id, OTHER, started)
        try:
            envelope = await self._read_authentic(request, authorization)
        except Exception as error:
            return self._fail(error, request.id, _payload_type_of(request), started)
        return await self.answer_envelope(envelope, request.id, started)

    async def answer_envelope(
        self, envelope: Envelope, request_id: str | int, started: float
    ) -> bytes:
        """The response to a valid request; `started` is when its reading began."""
        payload_type = envelope.payload_type
        # In one piece, and awaiting only what must be: this is run for every request, between so
        # much other code that a call costs several times what it costs in a loop of its own.
        try:
            validate_envelope_timestamp(envelope)
            if self.nonces is not None:
                validate_envelope_nonce(envelope, self.nonces)
            metrics = self._metrics_of(payload_type)
            handling = perf_counter()
            try:
                reply = self.registry.start(envelope, self.manifest)
                if not isinstance(reply, Envelope):
                    reply = await _awaited(reply)
            except Exception:
                self.metrics.handler_failed(payload_type)
                raise
            finally:
                metrics.handler_ran(perf_counter() - handling)
            response = _success(reply, request_id)
        except Exception as error:
            return self._fail(error, request_id, payload_type, started)
        metrics.request_succeeded(perf_counter() - started)
        return response

    async def answer_all(self, values: list[Any], authorization: bytes) -> bytes:
        """The responses to a batch, in its order; the requests are handled concurrently."""
        responses = await asyncio.gather(
            *(self._answer_item(value, authorization) for value in values)
        )
        return b"[" + b",".join(responses) + b"]"

    async def _answer_item(self, value: Any, authorization: bytes) -> bytes:
        if isinstance(value, dict):
            return await self.answer(value, authorization)
        return RpcError(INVALID_REQUEST, None, error_type="invalid_request").to_json(None)

    async def _read_authentic(self, request: JsonRpcRequest, authorization: bytes) -> Envelope:
        if self.authenticator is None:
            return read_envelope(request.params)
        agent = await self.authenticator.authenticate(authorization)
        envelope = read_envelope(request.params)
        check_sender(envelope.sender, agent)
        return envelope

    def _metrics_of(self, payload_type: str) -> PayloadMetrics:
        if not self.registry.has_handler(payload_type):
            raise HandlerNotFoundError(payload_type)
        return self.metrics.of(payload_type)

    def _fail(
        self, error: Exception, request_id: str | int, payload_type: object, started: float
    ) -> bytes:
        rpc_error = rpc_error_of(error, debug=self.debug)
        return self._refuse(rpc_error, request_id, self._label(payload_type), started)

    def _refuse(
        self, error: RpcError, request_id: RpcId, payload_type: str, started: float
    ) -> bytes:
        self.metrics.request_failed(error.error_type, payload_type, perf_counter() - started)
        return error.to_json(request_id)

    def _label(self, payload_type: object) -> str:
        # only types with a handler become labels: anyone could make up any number of others
        if isinstance(payload_type, str) and self.registry.has_handler(payload_type):
            return payload_type
        return OTHER


def _payload_type_of(request: JsonRpcRequest) -> object:
    envelope = request.params.get("envelope")
    return envelope.get("payload_type") if isinstance(envelope, dict) else None


async def _awaited(reply: object) -> Envelope:
    if inspect.isawaitable(reply):
        reply = await _unless_cancelled(reply)
    if not isinstance(reply, Envelope):
        raise TypeError(f"The handler returned {type(reply).__name__}, not an Envelope")
    return reply


async def _unless_cancelled(reply: Awaitable[object]) -> object:
    """What is awaited. That the handler's own task was cancelled is its error, not the server's."""
    try:
        return await reply
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("the handler was cancelled") from None


def _success(reply: Envelope, request_id: str | int) -> bytes:
    return b'{"jsonrpc":"2.0","result":{"envelope":%b},"id":%b}' % (
        _envelope_json(reply),
        to_json(request_id),
    )


def _envelope_json(envelope: Envelope) -> bytes:
    try:
        return envelope.__pydantic_serializer__.to_json(envelope, warnings=False)
    except PydanticSerializationError:
        if isinstance(envelope.payload, dict):
            raise
        # on its own, a payload may be nested one level deeper: the 254 that the protocol allows
        rest = envelope.model_dump_json(exclude={"payload"}, warnings=False).encode()
        payload = envelope.payload.model_dump_json(warnings=False).encode()
        return rest[:-1] + b',"payload":' + payload + b"}"
