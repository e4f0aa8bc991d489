"""Which function answers which payload type."""

import inspect
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from asap.errors import FatalError
from asap.models.entities import Manifest
from asap.models.enums import TaskStatus
from asap.models.envelope import Envelope
from asap.models.ids import generate_id
from asap.models.payloads import TaskRequest, TaskResponse
from asap.models.shortcuts import unchecked
from asap.transport.threads import in_thread

Handler: TypeAlias = Callable[[Envelope, Manifest], Envelope | Awaitable[Envelope]]

_H = TypeVar("_H", bound=Callable[..., Any])
_INLINE = "_asap_inline"

_envelope = unchecked(Envelope)
_task_response = unchecked(TaskResponse)


class HandlerNotFoundError(FatalError):
    """No handler is registered for this payload type."""

    def __init__(self, payload_type: str) -> None:
        self.payload_type = payload_type
        super().__init__(
            "asap:transport/handler_not_found",
            f"No handler registered for payload type: {payload_type}",
            {"payload_type": payload_type},
            rpc_code=-32012,
        )


def inline(handler: _H) -> _H:
    """Mark a plain function that never blocks: it runs on the event loop, without a thread."""
    setattr(handler, _INLINE, True)
    return handler


@dataclass(frozen=True, slots=True)
class _Entry:
    handler: Handler
    in_thread: bool


class HandlerRegistry:
    """Handlers by payload type, looked up by the exact string. Safe to share between threads."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._writing = threading.Lock()

    def register(self, payload_type: str, handler: Handler) -> None:
        """Use this handler from now on; TypeError unless it takes an envelope and a manifest.

        A coroutine function runs on the event loop, anything else in a thread unless it is marked
        `inline`.
        """
        _check_signature(handler)
        entry = _Entry(handler, in_thread=not _runs_on_loop(handler))
        with self._writing:
            # a new dict each time, so that readers need no lock
            self._entries = {**self._entries, payload_type: entry}

    def has_handler(self, payload_type: str) -> bool:
        return payload_type in self._entries

    def list_handlers(self) -> list[str]:
        return list(self._entries)

    def dispatch(self, envelope: Envelope, manifest: Manifest) -> Envelope:
        """The handler's reply; TypeError if it has to be awaited."""
        reply = self._entry(envelope.payload_type).handler(envelope, manifest)
        if inspect.isawaitable(reply):
            if inspect.iscoroutine(reply):
                reply.close()
            raise TypeError(
                f"The handler of {envelope.payload_type!r} returned an awaitable: "
                "use dispatch_async"
            )
        return reply

    async def dispatch_async(self, envelope: Envelope, manifest: Manifest) -> Envelope:
        """The handler's reply, whatever kind of function it is."""
        reply = self.start(envelope, manifest)
        return await reply if inspect.isawaitable(reply) else reply

    def start(self, envelope: Envelope, manifest: Manifest) -> Envelope | Awaitable[Envelope]:
        """Call the handler: its reply if that is there at once, else what to await for it."""
        entry = self._entry(envelope.payload_type)
        if entry.in_thread:
            return in_thread(entry.handler, envelope, manifest)
        return entry.handler(envelope, manifest)

    def _entry(self, payload_type: str) -> _Entry:
        try:
            return self._entries[payload_type]
        except KeyError:
            raise HandlerNotFoundError(payload_type) from None


def create_echo_handler() -> Callable[[Envelope, Manifest], Envelope]:
    """A handler of `task.request` that completes every task with its own input."""
    return _echo


def create_default_registry() -> HandlerRegistry:
    """A registry that echoes `task.request` and knows nothing else."""
    registry = HandlerRegistry()
    registry.register("task.request", create_echo_handler())
    return registry


@inline
def _echo(envelope: Envelope, manifest: Manifest) -> Envelope:
    reply_id = generate_id()
    response = {
        "task_id": f"task_{reply_id}",
        "status": TaskStatus.COMPLETED,
        "result": {"echoed": _task_request(envelope).input},
        "final_state": None,
        "metrics": None,
    }
    # every value in the reply is validated already
    return _envelope(
        {
            "id": reply_id,
            "asap_version": envelope.asap_version,
            "timestamp": datetime.now(UTC),
            "sender": manifest.id,
            "recipient": envelope.sender,
            "payload_type": "task.response",
            "payload": _task_response(response),
            "correlation_id": envelope.id,
            "trace_id": envelope.trace_id,
            "requires_ack": False,
            "extensions": None,
        }
    )


def _task_request(envelope: Envelope) -> TaskRequest:
    if isinstance(envelope.payload, TaskRequest):
        return envelope.payload
    return TaskRequest.model_validate(envelope.payload_dict)


def _runs_on_loop(handler: Handler) -> bool:
    call = getattr(handler, "__call__", None)  # noqa: B004 - the method is wanted, not an answer
    return (
        getattr(handler, _INLINE, False) is True
        or inspect.iscoroutinefunction(handler)
        or inspect.iscoroutinefunction(call)
    )


def _check_signature(handler: Any) -> None:
    if not callable(handler):
        raise TypeError(f"A handler must be callable, got {type(handler).__name__}")
    try:
        names = list(inspect.signature(handler).parameters)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The signature of {handler!r} could not be inspected") from error
    if len(names) != 2 and not (len(names) == 3 and names[0] in {"self", "cls"}):
        raise TypeError(
            f"A handler takes 2 parameters (envelope, manifest), this one has "
            f"{len(names)} parameters"
        )
