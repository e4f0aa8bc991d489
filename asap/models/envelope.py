"""The envelope: who sends what to whom."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from asap.models.base import ASAPBaseModel
from asap.models.ids import generate_id
from asap.models.payloads import PAYLOAD_TYPE_REGISTRY, PayloadType
from asap.models.validators import CheckedAgentURN

CORRELATION_REQUIRED_PAYLOAD_KEYS = frozenset(
    {"taskresponse", "taskstream", "mcptoolresult", "mcpresourcedata"}
)

_payload_classes = frozenset(PAYLOAD_TYPE_REGISTRY.values())


def _normalize_payload_type(payload_type: str) -> str:
    """The key of a payload type: `task.request`, `TaskRequest` and `TASK-REQUEST` are one."""
    key = payload_type.lower().replace(".", "")
    return key if key.isalnum() else "".join(filter(str.isalnum, key))


def _pass_instance(payload: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    return payload if type(payload) in _payload_classes else validate(payload)


class _PayloadByClass:
    """Spare a payload whose class is known already the walk through the union.

    The union would find the same class, by trying fourteen: on the way in and on the way out.
    """

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            _pass_instance, handler(source), serialization=core_schema.simple_ser_schema("any")
        )


def _id_or_fresh(v: str | None) -> str:
    return generate_id() if v is None else v


def _timestamp_or_now(v: datetime | None) -> datetime:
    return datetime.now(UTC) if v is None else v


class Envelope(ASAPBaseModel):
    """A payload with its sender and recipient.

    A dict payload becomes the class that `payload_type` names; its errors are located by the
    payload's field alone. Raises AttributeError if `payload_type` is neither a string nor empty.
    """

    id: Annotated[str | None, AfterValidator(_id_or_fresh)] = None
    asap_version: str
    timestamp: Annotated[datetime | None, AfterValidator(_timestamp_or_now)] = None
    sender: CheckedAgentURN
    recipient: CheckedAgentURN
    payload_type: str
    payload: Annotated[PayloadType | dict[str, Any], _PayloadByClass()]
    correlation_id: str | None = None
    trace_id: str | None = None
    requires_ack: bool = False
    extensions: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _type_payload(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        payload, payload_type = data.get("payload"), data.get("payload_type")
        if not payload_type or not isinstance(payload, dict):
            return data
        payload_class = PAYLOAD_TYPE_REGISTRY.get(_normalize_payload_type(payload_type))
        if payload_class is None:
            return data
        return {**data, "payload": payload_class.model_validate(payload)}

    @model_validator(mode="after")
    def _require_correlation(self) -> Self:
        if (
            not self.correlation_id
            and _normalize_payload_type(self.payload_type) in CORRELATION_REQUIRED_PAYLOAD_KEYS
        ):
            raise ValueError(f"{self.payload_type} must have correlation_id")
        return self

    @property
    def payload_dict(self) -> dict[str, Any]:
        """The payload as a dict of Python values, enums and datetimes kept."""
        if isinstance(self.payload, dict):
            return self.payload
        return self.payload.model_dump()
