"""Models to JSON and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asap.models import Envelope, Manifest, TaskRequest
from asapbench.suite import benchmark
from asapbench.suite.protocol.samples import (
    CONVERSATION,
    REQUEST,
    complex_input,
    envelope,
    manifest,
)

_Run = Callable[[], Any]

_TO = "json_serialization"
_FROM = "json_deserialization"


@benchmark(group=_TO)
def envelope_to_dict() -> _Run:
    """An envelope as values that JSON has."""
    one = envelope()
    return lambda: one.model_dump(mode="json")


@benchmark(group=_TO)
def envelope_to_json() -> _Run:
    """An envelope as text."""
    return envelope().model_dump_json


@benchmark(group=_TO)
def manifest_to_json() -> _Run:
    """A manifest with ten skills as text."""
    return manifest().model_dump_json


@benchmark(group=_TO)
def complex_payload_to_json() -> _Run:
    """An envelope whose payload has some kilobytes of nested data, as text."""
    payload = TaskRequest(conversation_id=CONVERSATION, skill_id="echo", input=complex_input())
    return envelope(payload=payload).model_dump_json


@benchmark(group=_FROM)
def envelope_from_dict() -> _Run:
    """An envelope from values that JSON has."""
    values = envelope().model_dump(mode="json")
    return lambda: Envelope.model_validate(values)


@benchmark(group=_FROM)
def envelope_from_json() -> _Run:
    """An envelope from bytes."""
    data = envelope().model_dump_json().encode()
    return lambda: Envelope.model_validate_json(data)


@benchmark(group=_FROM)
def manifest_from_dict() -> _Run:
    """A manifest with ten skills from values that JSON has."""
    values = manifest().model_dump(mode="json")
    return lambda: Manifest.model_validate(values)


@benchmark(group=_FROM)
def manifest_from_json() -> _Run:
    """A manifest with ten skills from bytes."""
    data = manifest().model_dump_json().encode()
    return lambda: Manifest.model_validate_json(data)


@benchmark(group=_FROM)
def task_request_from_dict() -> _Run:
    """A task request from values that JSON has."""
    return lambda: TaskRequest.model_validate(REQUEST)


@benchmark(group=_FROM)
def task_request_from_json() -> _Run:
    """A task request from bytes."""
    data = TaskRequest(**REQUEST).model_dump_json().encode()
    return lambda: TaskRequest.model_validate_json(data)
