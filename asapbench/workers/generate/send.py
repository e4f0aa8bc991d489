"""The exchange of `POST /asap`: a task request in a JSON-RPC call, and the reply to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any
from uuid import uuid4

from pydantic_core import from_json, to_json

from asap.models import Envelope, TaskRequest
from asap.models.constants import ASAP_PROTOCOL_VERSION, ASAP_VERSION_HEADER
from asap.models.enums import TaskStatus
from asap.models.envelope import _normalize_payload_type
from asap.models.ids import generate_id
from asapbench.offer import Offer, Outcome
from asapbench.workers.generate.clock import Clock
from asapbench.workers.generate.failure import Failure, excerpt
from asapbench.workers.generate.headers import head, merge

SENDER = "urn:asap:agent:asapbench"

_JSON = {"Content-Type": "application/json", ASAP_VERSION_HEADER: "2.2"}
_DIGITS = 16  # of a request's number; a ULID is 10 characters of time and 16 others
_CODES = range(-(2**31), 2**31)  # what a row can hold
_STATUSES = tuple(status.value for status in TaskStatus)
_FAILED = (TaskStatus.FAILED.value, TaskStatus.CANCELLED.value)
_typed = itemgetter("asap_version", "sender", "recipient", "payload_type", "payload")
_TYPES = (str, str, str, str, dict)


class SendExchange:
    """Writes a request by joining parts that were cut once with what is fresh in it.

    The call's id is `req-NUMBER`, the envelope's a ULID of the generator's start and the number.
    `{n}` in the input becomes the number.
    """

    def __init__(self, offer: Offer, target: str, headers: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._echo = offer.skill == "echo"
        self._input = to_json(offer.input)
        self._counts = b"{n}" in self._input
        self._fixed_input = from_json(self._input)
        self._ulid_time = generate_id()[: 26 - _DIGITS]
        self._begin, self._before_time, *around, self._end = _cut_call(offer, self._ulid_time)
        self._around_input = around
        self._fixed = self._with_input(b"")
        length = len(self.request(10 ** (_DIGITS - 1)))
        fields = merge(_JSON, headers) | {"Content-Length": str(length)}
        self._begin = head("POST", target, fields) + self._begin

    def request(self, number: int) -> bytes:
        digits = b"%d" % number
        middle = self._with_input(digits) if self._counts else self._fixed
        fresh = (self._begin, digits, self._before_time, self._clock.now, middle, digits, self._end)
        return b"".join(fresh)

    def check(self, number: int, body: bytes) -> Failure | None:
        try:
            reply = from_json(body, allow_inf_nan=False, cache_strings="keys")
        except ValueError:
            return _invalid("no JSON", body)
        if not isinstance(reply, dict) or reply.get("jsonrpc") != "2.0" or "id" not in reply:
            return _invalid("no JSON-RPC", body)
        if "error" in reply:
            return _rpc_error(reply, body)
        envelope = _envelope_of(reply)
        if envelope is None:
            return _invalid("no envelope in the result", body)
        difference = self._difference(number, reply["id"], envelope)
        if difference:
            return _mismatch(difference, body)
        if _is_response(envelope["payload_type"]) and (failure := _failed(envelope, body)):
            return failure
        if self._echo and _echoed(envelope["payload"]) != self._given(number):
            return _mismatch("the payload does not echo the input", body)
        return None

    def _with_input(self, digits: bytes) -> bytes:
        before, after = self._around_input
        return before + self._input.replace(b"{n}", digits) + after

    def _difference(self, number: int, call: Any, envelope: dict[str, Any]) -> str:
        if call != f"req-{number}":
            return f"the id is not 'req-{number}'"
        asked = f"{self._ulid_time}{number}"
        if envelope.get("correlation_id") != asked:
            return f"the correlation_id is not {asked!r}"
        return ""

    def _given(self, number: int) -> Any:
        if not self._counts:
            return self._fixed_input
        return from_json(self._input.replace(b"{n}", b"%d" % number))


def _cut_call(offer: Offer, ulid_time: str) -> list[bytes]:
    """Make a valid call and cut it where the id's digits, the time, the input and the digits go."""
    task = TaskRequest(conversation_id=generate_id(), skill_id=offer.skill, input=offer.input)
    envelope = Envelope(
        asap_version=ASAP_PROTOCOL_VERSION,
        sender=SENDER,
        recipient=offer.recipient,
        payload_type="task.request",
        payload=task,
    ).model_dump(mode="json")
    marks = [uuid4().hex for _ in range(4)]
    envelope["id"] = f"{ulid_time}{marks[0]}"
    envelope["timestamp"] = marks[1]
    envelope["payload"]["input"] = marks[2]
    call = {"jsonrpc": "2.0", "method": "asap.send", "params": {"envelope": envelope}}
    call["id"] = f"req-{marks[3]}"
    return _cut(to_json(call), (marks[0], marks[1], f'"{marks[2]}"', marks[3]))


def _cut(text: bytes, marks: Iterable[str]) -> list[bytes]:
    parts = []
    for mark in marks:
        part, _, text = text.partition(mark.encode())
        parts.append(part)
    return [*parts, text]


def _rpc_error(reply: dict[str, Any], body: bytes) -> Failure:
    error = reply["error"]
    code = error.get("code") if isinstance(error, dict) else None
    if type(code) is not int or code not in _CODES or "result" in reply:
        return _invalid("no JSON-RPC error", body)
    return Failure(Outcome.RPC_ERROR, code, excerpt(body))


def _envelope_of(reply: dict[str, Any]) -> dict[str, Any] | None:
    try:
        envelope: dict[str, Any] = reply["result"]["envelope"]
        return envelope if tuple(map(type, _typed(envelope))) == _TYPES else None
    except (KeyError, TypeError, IndexError):  # not there, or something else than an object
        return None


def _echoed(payload: dict[str, Any]) -> Any:
    result = payload.get("result")
    return result.get("echoed") if isinstance(result, dict) else None


@lru_cache(64)
def _is_response(payload_type: str) -> bool:
    return _normalize_payload_type(payload_type) == "taskresponse"


def _failed(envelope: dict[str, Any], body: bytes) -> Failure | None:
    payload = envelope["payload"]
    status = payload.get("status")
    if status in _FAILED:
        return _task_failed(payload)
    if status not in _STATUSES or type(payload.get("task_id")) is not str:
        return _invalid("no task response in the envelope", body)
    return None


def _task_failed(payload: dict[str, Any]) -> Failure:
    result = excerpt(to_json(payload.get("result")))
    return Failure(Outcome.TASK_FAILED, 0, f"the task's status is {payload['status']}: {result}")


def _mismatch(difference: str, body: bytes) -> Failure:
    return Failure(Outcome.MISMATCH, 0, f"{difference}: {excerpt(body)}")


def _invalid(what: str, body: bytes) -> Failure:
    return Failure(Outcome.INVALID, 200, f"{what}: {excerpt(body)}")
