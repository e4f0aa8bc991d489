"""The values that the benchmarks work on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from asap.models import Envelope, Manifest, TaskRequest, generate_id
from asap.models.constants import ASAP_PROTOCOL_VERSION
from asap.models.entities import (
    AuthScheme,
    Capability,
    Endpoint,
    Skill,
    SLADefinition,
)

SENDER = "urn:asap:agent:asapbench"
RECIPIENT = "urn:asap:agent:default-server"
CONVERSATION = "01J00000000000000000000000"

REQUEST: dict[str, Any] = {
    "conversation_id": CONVERSATION,
    "skill_id": "echo",
    "input": {"message": "hello", "numbers": [1, 2, 3]},
}


def envelope(**changes: Any) -> Envelope:
    """A task request, complete."""
    given: dict[str, Any] = {
        "id": generate_id(),
        "asap_version": ASAP_PROTOCOL_VERSION,
        "timestamp": datetime.now(UTC),
        "sender": SENDER,
        "recipient": RECIPIENT,
        "payload_type": "task.request",
        "payload": TaskRequest(**REQUEST),
    }
    return Envelope(**{**given, **changes})


def full_envelope_fields() -> dict[str, Any]:
    """All fields of an envelope, the payload ready made."""
    config = {"timeout_seconds": 60, "priority": "high", "model": "m", "temperature": 0.5}
    return {
        "id": generate_id(),
        "asap_version": ASAP_PROTOCOL_VERSION,
        "timestamp": datetime.now(UTC),
        "sender": SENDER,
        "recipient": RECIPIENT,
        "payload_type": "task.request",
        "payload": TaskRequest(**REQUEST, parent_task_id="task-0", config=config),
        "correlation_id": generate_id(),
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "requires_ack": True,
        "extensions": {"tenant": "a", "attempt": 1},
    }


def manifest() -> Manifest:
    """A manifest with ten skills, and every optional field but a signature."""
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    skills = [
        Skill(id=f"skill-{number}", description=f"Does thing {number}", input_schema=schema)
        for number in range(10)
    ]
    return Manifest(
        id=RECIPIENT,
        name="Benchmark agent",
        version="1.2.3",
        description="An agent with ten skills",
        capabilities=Capability(skills=skills, streaming=True, mcp_tools=["search", "fetch"]),
        endpoints=Endpoint(asap="https://agent.example/asap", events="wss://agent.example/events"),
        auth=AuthScheme(schemes=["bearer"]),
        sla=SLADefinition(availability="99.9%", max_latency_p95_ms=200, max_error_rate="0.1%"),
    )


def complex_input() -> dict[str, Any]:
    """Nested data of some kilobytes: records with texts, numbers, lists and mappings."""
    record = {
        "name": "A record with a name of usual length",
        "values": [1, 2.5, None, True, "text"],
        "address": {"street": "Main street 1", "city": "Springfield", "tags": ["home", "post"]},
    }
    return {"records": [{**record, "number": number} for number in range(20)], "page": {"of": 3}}


def text(size: int) -> str:
    """Text of `size` bytes that compresses about as well as JSON, which need not escape it."""
    lines: list[str] = []
    length = 0
    while length < size:
        line = f"{{'id': {len(lines) * 7919 % 10007}, 'name': 'item {len(lines)}'}}"
        lines.append(line)
        length += len(line)
    return "".join(lines)[:size]
