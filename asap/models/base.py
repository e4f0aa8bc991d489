"""The class that every model on the wire derives from."""

from pydantic import BaseModel, ConfigDict


class ASAPBaseModel(BaseModel):
    """An immutable value that refuses unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        use_enum_values=False,
        validate_default=True,
        validate_assignment=True,
        json_schema_extra={"additionalProperties": False},
    )
