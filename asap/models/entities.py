"""The things agents talk about: agents and their manifests, conversations, tasks and results."""

from datetime import datetime
from typing import Annotated, Any

from packaging.version import Version
from pydantic import AfterValidator, BeforeValidator, Field

from asap.errors import UnsupportedAuthSchemeError
from asap.models.base import ASAPBaseModel
from asap.models.constants import (
    ASAP_DEFAULT_TRANSPORT_VERSION,
    ASAP_PROTOCOL_VERSION,
    DEFAULT_MANIFEST_TTL_SECONDS,
    MAX_TASK_DEPTH,
    SUPPORTED_AUTH_SCHEMES,
)
from asap.models.enums import (
    HardwareClass,
    HardwareIoType,
    InferenceMode,
    MessageRole,
    TaskStatus,
    VerificationState,
)
from asap.models.types import (
    URI,
    AgentURN,
    ArtifactID,
    ConversationID,
    MessageID,
    PartID,
    SemanticVersion,
    SnapshotID,
    TaskID,
)
from asap.models.validators import CheckedAgentURN, validate_percentage_format


def _require_percentage(v: str | None) -> str | None:
    return None if v is None else validate_percentage_format(v)


def _require_version(v: str) -> str:
    Version(v)
    return v


class Skill(ASAPBaseModel):
    """Something an agent can do."""

    id: str
    description: str
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None


class HardwareCapability(ASAPBaseModel):
    """The machine an agent runs on."""

    class_: HardwareClass | None = Field(default=None, alias="class")
    model: str | None = Field(default=None, max_length=100)
    io: list[HardwareIoType] = Field(default_factory=list)


class LocalModelInfo(ASAPBaseModel):
    """A language model that an agent runs itself."""

    id: str
    quantization: str | None = None
    throughput_tokens_per_second: float | None = Field(default=None, ge=0)


class InferenceCapability(ASAPBaseModel):
    """How an agent runs its models."""

    modes: list[InferenceMode] = Field(default_factory=list)
    local_models: list[LocalModelInfo] = Field(default_factory=list)


class Capability(ASAPBaseModel):
    """All that an agent offers."""

    asap_version: str = ASAP_PROTOCOL_VERSION
    skills: list[Skill] = Field(default_factory=list)
    state_persistence: bool = False
    streaming: bool = False
    mcp_tools: list[str] = Field(default_factory=list)
    hardware: HardwareCapability | None = None
    inference: InferenceCapability | None = None


class Endpoint(ASAPBaseModel):
    """Where an agent listens."""

    asap: URI
    events: URI | None = None


class AuthScheme(ASAPBaseModel):
    """How an agent wants to be authenticated to."""

    schemes: list[str]
    oauth2: dict[str, Any] | None = None


class SLADefinition(ASAPBaseModel):
    """What an agent promises of its service."""

    availability: Annotated[str | None, BeforeValidator(_require_percentage)] = None
    max_latency_p95_ms: int | None = Field(default=None, ge=0)
    max_error_rate: Annotated[str | None, BeforeValidator(_require_percentage)] = None
    support_hours: str | None = None


class VerificationStatus(ASAPBaseModel):
    """Whether somebody has verified an agent."""

    status: VerificationState
    verified_at: datetime | None = None


class Agent(ASAPBaseModel):
    """An agent, and where to find its manifest."""

    id: CheckedAgentURN
    manifest_uri: URI
    capabilities: list[str] = Field(min_length=1)


def _require_supported_schemes(auth: AuthScheme | None) -> AuthScheme | None:
    for scheme in auth.schemes if auth else ():
        if scheme.lower() not in SUPPORTED_AUTH_SCHEMES:
            raise UnsupportedAuthSchemeError(scheme, SUPPORTED_AUTH_SCHEMES)
    return auth


class Manifest(ASAPBaseModel):
    """What an agent publishes about itself.

    An auth scheme other than bearer or basic raises UnsupportedAuthSchemeError.
    """

    id: CheckedAgentURN
    name: str
    version: Annotated[SemanticVersion, AfterValidator(_require_version)]
    description: str
    capabilities: Capability
    endpoints: Endpoint
    supported_versions: list[str] = Field(
        default_factory=lambda: [ASAP_DEFAULT_TRANSPORT_VERSION], min_length=1
    )
    auth: Annotated[AuthScheme | None, AfterValidator(_require_supported_schemes)] = None
    signature: str | None = None
    sla: SLADefinition | None = None
    verification: VerificationStatus | None = None
    ttl_seconds: int = Field(default=DEFAULT_MANIFEST_TTL_SECONDS, ge=1)


class CommonMetadata(ASAPBaseModel):
    """Notes on a conversation."""

    purpose: str | None = None
    source: str | None = None
    timestamp: str | None = None
    ttl_hours: int | None = Field(default=None, ge=1)
    tags: list[str] | None = None


class Conversation(ASAPBaseModel):
    """The context that tasks share."""

    id: ConversationID
    participants: list[AgentURN] = Field(min_length=1)
    created_at: datetime
    metadata: CommonMetadata | None = None


class Task(ASAPBaseModel):
    """A piece of work and where it stands."""

    id: TaskID
    conversation_id: ConversationID
    parent_task_id: TaskID | None = None
    status: TaskStatus
    depth: int = Field(default=0, ge=0, le=MAX_TASK_DEPTH)
    progress: dict[str, Any] | None = None
    created_at: datetime
    updated_at: datetime

    def is_terminal(self) -> bool:
        return self.status.is_terminal()

    def can_be_cancelled(self) -> bool:
        return self.status in {TaskStatus.SUBMITTED, TaskStatus.WORKING}


class Message(ASAPBaseModel):
    """What somebody said in a task."""

    id: MessageID
    task_id: TaskID
    sender: AgentURN
    role: MessageRole
    parts: list[PartID]
    timestamp: datetime


class Artifact(ASAPBaseModel):
    """A lasting result of a task."""

    id: ArtifactID
    task_id: TaskID
    name: str
    parts: list[PartID]
    created_at: datetime


class StateSnapshot(ASAPBaseModel):
    """The state of a task at one moment."""

    id: SnapshotID
    task_id: TaskID
    version: int = Field(ge=1)
    data: dict[str, Any]
    checkpoint: bool = False
    created_at: datetime
