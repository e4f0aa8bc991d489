"""Faster ways to the same models: one call of pydantic's core, which need not call Python back.

An `Envelope` validates itself with eight small Python functions; they take half of the time.
What they decide for the usual envelope, a schema can say.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from asap.models.base import ASAPBaseModel
from asap.models.constants import AGENT_URN_PATTERN, MAX_URN_LENGTH
from asap.models.envelope import CORRELATION_REQUIRED_PAYLOAD_KEYS, Envelope
from asap.models.payloads import PAYLOAD_TYPE_REGISTRY

_Model = TypeVar("_Model", bound=BaseModel)

_AgentURN = Annotated[str, Field(pattern=AGENT_URN_PATTERN, max_length=MAX_URN_LENGTH)]
_REQUIRED: dict[str, Any] = {
    "id": str,
    "asap_version": str,
    "timestamp": datetime,
    "sender": _AgentURN,
    "recipient": _AgentURN,
}
_OPTIONAL: dict[str, Any] = {
    "correlation_id": str | None,
    "trace_id": str | None,
    "requires_ack": bool,
    "extensions": dict[str, Any] | None,
}
_Correlation = Annotated[str, Field(min_length=1)]


class _Usual:
    """Annotates Envelope: only one with an id, a timestamp and a dotted `payload_type` is valid.

    What is valid here is valid everywhere, and the same. What is not may be valid nevertheless.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        choices = {
            _dotted(payload_class.__name__): _envelope_schema(payload_class, handler)
            for payload_class in PAYLOAD_TYPE_REGISTRY.values()
        }
        return core_schema.tagged_union_schema(choices, "payload_type")


UsualEnvelope = Annotated[Envelope, _Usual()]


def unchecked(model: type[_Model]) -> Callable[[dict[str, Any]], _Model]:
    """A constructor that believes what it is told, four times as fast as `model_construct`.

    It takes the values of all fields by name.
    """
    fields = dict.fromkeys(model.model_fields, core_schema.model_field(core_schema.any_schema()))
    schema = core_schema.model_schema(model, core_schema.model_fields_schema(fields))
    return SchemaValidator(schema).validate_python


def _envelope_schema(
    payload_class: type[ASAPBaseModel], handler: GetCoreSchemaHandler
) -> CoreSchema:
    name = payload_class.__name__
    required = {**_REQUIRED, "payload": payload_class}
    optional = dict(_OPTIONAL)
    if name.lower() in CORRELATION_REQUIRED_PAYLOAD_KEYS:
        del optional["correlation_id"]
        required["correlation_id"] = _Correlation
    fields = {field: handler.generate_schema(hint) for field, hint in required.items()}
    fields["payload_type"] = core_schema.literal_schema([_dotted(name)])
    for field, hint in optional.items():
        fields[field] = core_schema.with_default_schema(
            handler.generate_schema(hint), default=Envelope.model_fields[field].default
        )
    in_order = {field: core_schema.model_field(fields[field]) for field in Envelope.model_fields}
    return core_schema.model_schema(
        Envelope, core_schema.model_fields_schema(in_order, extra_behavior="forbid"), frozen=True
    )


def _dotted(name: str) -> str:
    return re.sub(r"\B(?=[A-Z])", ".", name).lower()
