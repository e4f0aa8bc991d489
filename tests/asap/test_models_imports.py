"""The names that programs written for the published models import."""

import importlib

import pytest

import asap
import asap.models

MODULES = {
    "asap.models.base": "ASAPBaseModel",
    "asap.models.types": (
        "AgentURN ConversationID TaskID MessageID ArtifactID SnapshotID PartID URI MIMEType"
        " SemanticVersion"
    ),
    "asap.models.ids": "generate_id extract_timestamp",
    "asap.models.validators": "validate_agent_urn validate_percentage_format",
    "asap.models.enums": (
        "TaskStatus MessageRole UpdateType VerificationState HardwareClass HardwareIoType"
        " InferenceMode"
    ),
    "asap.models.entities": (
        "Agent Artifact AuthScheme Capability CommonMetadata Conversation Endpoint Manifest"
        " Message Skill StateSnapshot Task HardwareCapability InferenceCapability LocalModelInfo"
        " SLADefinition VerificationStatus"
    ),
    "asap.models.parts": ("TextPart DataPart FilePart ResourcePart TemplatePart PartType Part"),
    "asap.models.payloads": (
        "TaskRequest TaskStream TaskResponse TaskUpdate TaskCancel MessageSend StateQuery"
        " StateRestore ArtifactNotify McpToolCall McpToolResult McpResourceFetch McpResourceData"
        " MessageAck TaskRequestConfig TaskMetrics PayloadType PAYLOAD_TYPE_REGISTRY"
    ),
    "asap.models.envelope": ("Envelope CORRELATION_REQUIRED_PAYLOAD_KEYS _normalize_payload_type"),
    "asap.errors": (
        "ASAPError RecoverableError FatalError InvalidTransitionError MalformedEnvelopeError"
        " InvalidTimestampError InvalidNonceError TaskNotFoundError UnsupportedAuthSchemeError"
        " TaskAlreadyCompletedError ASAPConnectionError ASAPTimeoutError RemoteRPCError"
        " ASAPRemoteError"
    ),
    "asap.state.machine": "VALID_TRANSITIONS can_transition transition TaskStatus",
    "asap.discovery.wellknown": "WELLKNOWN_MANIFEST_PATH",
    "asap.discovery.health": "WELLKNOWN_HEALTH_PATH HealthStatus",
}

RE_EXPORTED = """
ASAPBaseModel Envelope generate_id extract_timestamp
AGENT_URN_PATTERN ASAP_PROTOCOL_VERSION DEFAULT_TIMEOUT_SECONDS MAX_ENVELOPE_AGE_SECONDS
MAX_FUTURE_TOLERANCE_SECONDS MAX_TASK_DEPTH
MessageRole TaskStatus UpdateType VerificationState
Agent Artifact AuthScheme Capability CommonMetadata Conversation Endpoint Manifest Message
Skill StateSnapshot Task
TextPart DataPart FilePart ResourcePart TemplatePart PartType Part
TaskRequest TaskResponse TaskUpdate TaskCancel MessageSend StateQuery StateRestore
ArtifactNotify McpToolCall McpToolResult McpResourceFetch McpResourceData MessageAck
TaskRequestConfig TaskMetrics PayloadType
AgentURN ConversationID TaskID MessageID ArtifactID SnapshotID PartID URI MIMEType
SemanticVersion
"""


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module in MODULES for name in MODULES[module].split()]
)
def test_the_module_has_the_name(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)


def test_the_models_package_re_exports_these_names_and_no_others() -> None:
    assert set(asap.models.__all__) == set(RE_EXPORTED.split())


@pytest.mark.parametrize("name", RE_EXPORTED.split())
def test_the_models_package_has_what_it_exports(name: str) -> None:
    assert hasattr(asap.models, name)


@pytest.mark.parametrize("name", MODULES["asap.models.types"].split())
def test_a_type_alias_is_plain_str(name: str) -> None:
    assert getattr(asap.models, name) is str


def test_the_package_tells_its_version() -> None:
    assert asap.__version__ == "0.1.0"
