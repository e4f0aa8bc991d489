"""What an envelope carries: one class for each kind of payload."""

from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from asap.models.base import ASAPBaseModel
from asap.models.enums import MessageRole, TaskStatus, UpdateType
from asap.models.types import (
    URI,
    AgentURN,
    ArtifactID,
    ConversationID,
    MessageID,
    PartID,
    SnapshotID,
    TaskID,
)


def _require_percent_in_range(progress: dict[str, Any] | None) -> dict[str, Any] | None:
    if progress is None or "percent" not in progress:
        return progress
    percent = progress["percent"]
    if not isinstance(percent, int | float):
        raise ValueError(f"progress.percent must be a number, got {type(percent).__name__}")  # noqa: TRY004  # pydantic turns only a ValueError into an error of the field
    if not 0 <= percent <= 100:
        raise ValueError(f"progress.percent must be between 0 and 100, got {percent}")
    return progress


class TaskRequestConfig(ASAPBaseModel):
    """How the sender wants a task carried out."""

    timeout_seconds: int | None = Field(default=None, ge=1)
    priority: str | None = None
    idempotency_key: str | None = None
    streaming: bool | None = None
    persist_state: bool | None = None
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)


class TaskMetrics(ASAPBaseModel):
    """What a task cost. Agents may add figures of their own."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    duration_ms: int | None = Field(default=None, ge=0)
    tokens_in: int | None = Field(default=None, ge=0)
    tokens_out: int | None = Field(default=None, ge=0)
    tokens_used: int | None = Field(default=None, ge=0)
    api_calls: int | None = Field(default=None, ge=0)


class TaskRequest(ASAPBaseModel):
    """Ask an agent to apply one of its skills."""

    conversation_id: ConversationID
    parent_task_id: TaskID | None = None
    skill_id: str
    input: dict[str, Any]
    config: TaskRequestConfig | None = None


class TaskStream(ASAPBaseModel):
    """One chunk of a result that is still growing."""

    chunk: str = ""
    progress: float | None = Field(default=None, ge=0, le=1)
    final: bool = False
    status: TaskStatus | None = None


class TaskResponse(ASAPBaseModel):
    """The outcome of a task."""

    task_id: TaskID
    status: TaskStatus
    result: dict[str, Any] | None = None
    final_state: dict[str, Any] | None = None
    metrics: TaskMetrics | None = None


class TaskUpdate(ASAPBaseModel):
    """News of a running task. `progress.percent`, where given, is 0 to 100."""

    task_id: TaskID
    update_type: UpdateType
    status: TaskStatus
    progress: Annotated[dict[str, Any] | None, AfterValidator(_require_percent_in_range)] = None
    input_request: dict[str, Any] | None = None


class TaskCancel(ASAPBaseModel):
    """Ask an agent to stop a task."""

    task_id: TaskID
    reason: str | None = None


class MessageSend(ASAPBaseModel):
    """Add a message to a task."""

    task_id: TaskID
    message_id: MessageID
    sender: AgentURN
    role: MessageRole
    parts: list[PartID]


class StateQuery(ASAPBaseModel):
    """Ask for the state of a task."""

    task_id: TaskID
    version: int | None = None


class StateRestore(ASAPBaseModel):
    """Ask for a task to go back to a snapshot."""

    task_id: TaskID
    snapshot_id: SnapshotID


class ArtifactNotify(ASAPBaseModel):
    """Tell that a task has produced an artifact."""

    artifact_id: ArtifactID
    task_id: TaskID
    name: str | None = None


class McpToolCall(ASAPBaseModel):
    """Call a tool of an MCP server."""

    request_id: str
    tool_name: str
    arguments: dict[str, Any]
    mcp_context: dict[str, Any] | None = None


class McpToolResult(ASAPBaseModel):
    """The outcome of a tool call: a result if it succeeded, else an error, never both."""

    request_id: str
    success: bool
    result: dict[str, Any] | None = None
    error: str | None = None

    # Named as at the published server: pydantic puts it in `loc`, which goes out on the wire.
    @model_validator(mode="after")
    def validate_result_error_exclusivity(self) -> Self:
        wanted, other = ("result", "error") if self.success else ("error", "result")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"success={self.success} needs {wanted} and no {other}")
        return self


class McpResourceFetch(ASAPBaseModel):
    """Ask for a resource of an MCP server."""

    resource_uri: URI


class McpResourceData(ASAPBaseModel):
    """The content of a resource of an MCP server."""

    resource_uri: URI
    content: dict[str, Any]


class MessageAck(ASAPBaseModel):
    """Acknowledge an envelope that asked for it."""

    original_envelope_id: str
    status: Literal["received", "processed", "rejected"]
    error: str | None = None


PayloadType: TypeAlias = (
    TaskRequest
    | TaskStream
    | TaskResponse
    | TaskUpdate
    | TaskCancel
    | MessageSend
    | StateQuery
    | StateRestore
    | ArtifactNotify
    | McpToolCall
    | McpToolResult
    | McpResourceFetch
    | McpResourceData
    | MessageAck
)

PAYLOAD_TYPE_REGISTRY: dict[str, type[ASAPBaseModel]] = {
    payload_class.__name__.lower(): payload_class for payload_class in get_args(PayloadType)
}
