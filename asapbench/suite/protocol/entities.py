"""Entities, created with typical values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asap.models import (
    Agent,
    Artifact,
    Conversation,
    Message,
    MessageRole,
    Task,
    TaskStatus,
    generate_id,
)
from asapbench.suite import benchmark
from asapbench.suite.protocol.samples import RECIPIENT, SENDER

_Run = Callable[[], Any]
_GROUP = "entity_creation"


@benchmark(group=_GROUP)
def agent() -> _Run:
    """An agent with three capabilities."""
    uri = "https://agent.example/.well-known/asap/manifest.json"
    return lambda: Agent(id=RECIPIENT, manifest_uri=uri, capabilities=["a", "b", "c"])


@benchmark(group=_GROUP)
def task() -> _Run:
    """A task that was just submitted."""
    own, conversation, now = generate_id(), generate_id(), datetime.now(UTC)
    return lambda: Task(
        id=own,
        conversation_id=conversation,
        status=TaskStatus.SUBMITTED,
        created_at=now,
        updated_at=now,
    )


@benchmark(group=_GROUP)
def message() -> _Run:
    """A message of two parts."""
    own, task_id, parts = generate_id(), generate_id(), [generate_id(), generate_id()]
    now = datetime.now(UTC)
    return lambda: Message(
        id=own,
        task_id=task_id,
        sender=SENDER,
        role=MessageRole.USER,
        parts=parts,
        timestamp=now,
    )


@benchmark(group=_GROUP)
def conversation() -> _Run:
    """A conversation of two."""
    own, now = generate_id(), datetime.now(UTC)
    return lambda: Conversation(id=own, participants=[SENDER, RECIPIENT], created_at=now)


@benchmark(group=_GROUP)
def artifact() -> _Run:
    """An artifact of two parts."""
    own, task_id, parts = generate_id(), generate_id(), [generate_id(), generate_id()]
    now = datetime.now(UTC)
    return lambda: Artifact(id=own, task_id=task_id, name="report", parts=parts, created_at=now)
