"""Envelopes: created, and a hundred of them at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asap.models import Envelope, TaskRequest, generate_id
from asap.models.constants import ASAP_PROTOCOL_VERSION
from asapbench.suite import benchmark
from asapbench.suite.protocol.samples import (
    RECIPIENT,
    REQUEST,
    SENDER,
    envelope,
    full_envelope_fields,
)

_BATCH = 100

_Run = Callable[[], Any]


@benchmark(group="envelope_creation")
def minimal() -> _Run:
    """Only what is required: id and timestamp are generated."""
    payload = TaskRequest(**REQUEST)

    def create() -> Envelope:
        return Envelope(
            asap_version=ASAP_PROTOCOL_VERSION,
            sender=SENDER,
            recipient=RECIPIENT,
            payload_type="task.request",
            payload=payload,
        )

    return create


@benchmark(group="envelope_creation")
def full() -> _Run:
    """All fields given."""
    fields = full_envelope_fields()
    return lambda: Envelope(**fields)


@benchmark(group="batch_operations", items=_BATCH)
def create_100() -> _Run:
    """A hundred envelopes with their payloads, from Python values."""

    def create() -> list[Envelope]:
        return [_one() for _ in range(_BATCH)]

    return create


@benchmark(group="batch_operations", items=_BATCH)
def serialize_100() -> _Run:
    """A hundred envelopes to JSON."""
    envelopes = [envelope() for _ in range(_BATCH)]
    return lambda: [one.model_dump_json() for one in envelopes]


@benchmark(group="batch_operations", items=_BATCH)
def parse_100() -> _Run:
    """A hundred envelopes from JSON."""
    texts = [envelope().model_dump_json().encode() for _ in range(_BATCH)]
    return lambda: [Envelope.model_validate_json(one) for one in texts]


def _one() -> Envelope:
    return Envelope(
        id=generate_id(),
        asap_version=ASAP_PROTOCOL_VERSION,
        timestamp=datetime.now(UTC),
        sender=SENDER,
        recipient=RECIPIENT,
        payload_type="task.request",
        payload=TaskRequest(**REQUEST),
    )
