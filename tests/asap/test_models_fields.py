"""The tables of fields in the protocol page, entity by entity, read back from the models."""

import re

import pytest
from pydantic.fields import FieldInfo

from asap.models import ASAPBaseModel, Envelope, entities, parts, payloads

TABLES = {
    entities.Skill: (
        "id: str!; description: str!; input_schema: dict|None; output_schema: dict|None"
    ),
    entities.Capability: (
        "asap_version: str='0.1'; skills: list[Skill]=[]; state_persistence: bool=False;"
        " streaming: bool=False; mcp_tools: list[str]=[]; hardware: HardwareCapability|None;"
        " inference: InferenceCapability|None"
    ),
    entities.HardwareCapability: (
        "class_: HardwareClass|None; model: str|None; io: list[HardwareIoType]=[]"
    ),
    entities.InferenceCapability: (
        "modes: list[InferenceMode]=[]; local_models: list[LocalModelInfo]=[]"
    ),
    entities.LocalModelInfo: (
        "id: str!; quantization: str|None; throughput_tokens_per_second: float|None"
    ),
    entities.Endpoint: "asap: str!; events: str|None",
    entities.AuthScheme: "schemes: list[str]!; oauth2: dict|None",
    entities.SLADefinition: (
        "availability: str|None; max_latency_p95_ms: int|None; max_error_rate: str|None;"
        " support_hours: str|None"
    ),
    entities.VerificationStatus: "status: VerificationState!; verified_at: datetime|None",
    entities.Agent: "id: str!; manifest_uri: str!; capabilities: list[str]!",
    entities.Manifest: (
        "id: str!; name: str!; version: str!; description: str!; capabilities: Capability!;"
        " endpoints: Endpoint!; supported_versions: list[str]=['2.2']; auth: AuthScheme|None;"
        " signature: str|None; sla: SLADefinition|None; verification: VerificationStatus|None;"
        " ttl_seconds: int=300"
    ),
    entities.CommonMetadata: (
        "purpose: str|None; source: str|None; timestamp: str|None; ttl_hours: int|None;"
        " tags: list[str]|None"
    ),
    entities.Conversation: (
        "id: str!; participants: list[str]!; created_at: datetime!; metadata: CommonMetadata|None"
    ),
    entities.Task: (
        "id: str!; conversation_id: str!; parent_task_id: str|None; status: TaskStatus!;"
        " depth: int=0; progress: dict|None; created_at: datetime!; updated_at: datetime!"
    ),
    entities.Message: (
        "id: str!; task_id: str!; sender: str!; role: MessageRole!; parts: list[str]!;"
        " timestamp: datetime!"
    ),
    entities.Artifact: (
        "id: str!; task_id: str!; name: str!; parts: list[str]!; created_at: datetime!"
    ),
    entities.StateSnapshot: (
        "id: str!; task_id: str!; version: int!; data: dict!; checkpoint: bool=False;"
        " created_at: datetime!"
    ),
    parts.TextPart: "type: Literal['text']!; content: str!",
    parts.DataPart: "type: Literal['data']!; data: dict!; schema_uri: str|None",
    parts.FilePart: ("type: Literal['file']!; uri: str!; mime_type: str!; inline_data: str|None"),
    parts.ResourcePart: "type: Literal['resource']!; resource_uri: str!",
    parts.TemplatePart: "type: Literal['template']!; template: str!; variables: dict!",
    payloads.TaskRequestConfig: (
        "timeout_seconds: int|None; priority: str|None; idempotency_key: str|None;"
        " streaming: bool|None; persist_state: bool|None; model: str|None; temperature: float|None"
    ),
    payloads.TaskMetrics: (
        "duration_ms: int|None; tokens_in: int|None; tokens_out: int|None; tokens_used: int|None;"
        " api_calls: int|None"
    ),
    payloads.TaskRequest: (
        "conversation_id: str!; parent_task_id: str|None; skill_id: str!; input: dict!;"
        " config: TaskRequestConfig|None"
    ),
    payloads.TaskStream: (
        "chunk: str=''; progress: float|None; final: bool=False; status: TaskStatus|None"
    ),
    payloads.TaskResponse: (
        "task_id: str!; status: TaskStatus!; result: dict|None; final_state: dict|None;"
        " metrics: TaskMetrics|None"
    ),
    payloads.TaskUpdate: (
        "task_id: str!; update_type: UpdateType!; status: TaskStatus!; progress: dict|None;"
        " input_request: dict|None"
    ),
    payloads.TaskCancel: "task_id: str!; reason: str|None",
    payloads.MessageSend: (
        "task_id: str!; message_id: str!; sender: str!; role: MessageRole!; parts: list[str]!"
    ),
    payloads.StateQuery: "task_id: str!; version: int|None",
    payloads.StateRestore: "task_id: str!; snapshot_id: str!",
    payloads.ArtifactNotify: "artifact_id: str!; task_id: str!; name: str|None",
    payloads.McpToolCall: (
        "request_id: str!; tool_name: str!; arguments: dict!; mcp_context: dict|None"
    ),
    payloads.McpToolResult: (
        "request_id: str!; success: bool!; result: dict|None; error: str|None"
    ),
    payloads.McpResourceFetch: "resource_uri: str!",
    payloads.McpResourceData: "resource_uri: str!; content: dict!",
    payloads.MessageAck: (
        "original_envelope_id: str!; status: Literal['received', 'processed', 'rejected']!;"
        " error: str|None"
    ),
    Envelope: (
        "id: str|None; asap_version: str!; timestamp: datetime|None; sender: str!; recipient: str!;"
        " payload_type: str!; payload: TaskRequest|TaskStream|TaskResponse|TaskUpdate|TaskCancel"
        "|MessageSend|StateQuery|StateRestore|ArtifactNotify|McpToolCall|McpToolResult"
        "|McpResourceFetch|McpResourceData|MessageAck|dict!; correlation_id: str|None;"
        " trace_id: str|None; requires_ack: bool=False; extensions: dict|None"
    ),
}


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "!"
    value = field.get_default(call_default_factory=True, validated_data={})
    return "" if value is None else f"={value!r}"


def annotation(field: FieldInfo) -> str:
    wanted = field.annotation
    text = wanted.__name__ if type(wanted) is type else repr(wanted)
    text = re.sub(r"<class '(.*?)'>|<enum '(.*?)'>", r"\1\2", text)
    text = re.sub(r"\b(?:[a-z_]+\.)+", "", text)
    return text.replace("dict[str, Any]", "dict").replace(" | ", "|")


def described(model: type[ASAPBaseModel]) -> list[str]:
    return [
        f"{name}: {annotation(field)}{default(field)}" for name, field in model.model_fields.items()
    ]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_the_model_has_the_fields_of_its_table(model: type[ASAPBaseModel]) -> None:
    assert described(model) == TABLES[model].split("; ")


def test_no_model_lacks_a_table() -> None:
    models = {
        model
        for module in (entities, parts, payloads)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, ASAPBaseModel)
    }
    assert models - {ASAPBaseModel} <= set(TABLES)


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_lists_the_fields(model: type[ASAPBaseModel], mode: str) -> None:
    schema = model.model_json_schema(
        mode="serialization" if mode == "serialization" else "validation"
    )
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert set(schema["properties"]) == names
    assert schema["additionalProperties"] is (model is payloads.TaskMetrics)
