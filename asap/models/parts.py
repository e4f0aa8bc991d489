"""The pieces that messages and artifacts are made of."""

import base64
import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter

from asap.models.base import ASAPBaseModel
from asap.models.types import URI, MIMEType

_mime_type = re.compile(r"^[a-z0-9-]+/[a-z0-9.+\-]+$")


def _refuse_local_path(uri: str) -> str:
    if ".." in uri:
        raise ValueError("uri must not contain '..'")
    if uri.strip().lower().startswith("file://"):
        raise ValueError("uri must not be a file:// URI")
    return uri


def _require_mime_type(mime_type: str) -> str:
    if _mime_type.match(mime_type.lower()) is None:
        raise ValueError(f"mime_type must look like 'type/subtype', got {mime_type!r}")
    return mime_type


def _require_base64(data: str | None) -> str | None:
    if data is not None:
        base64.b64decode(data, validate=True)
    return data


class TextPart(ASAPBaseModel):
    """Plain text."""

    type: Literal["text"]
    content: str


class DataPart(ASAPBaseModel):
    """Structured data, with the address of its schema if it has one."""

    type: Literal["data"]
    data: dict[str, Any]
    schema_uri: URI | None = None


class FilePart(ASAPBaseModel):
    """A file by address, its bytes inline as base64 if wanted."""

    type: Literal["file"]
    uri: Annotated[URI, AfterValidator(_refuse_local_path)]
    mime_type: Annotated[MIMEType, AfterValidator(_require_mime_type)]
    inline_data: Annotated[str | None, AfterValidator(_require_base64)] = None


class ResourcePart(ASAPBaseModel):
    """A resource of an MCP server."""

    type: Literal["resource"]
    resource_uri: URI


class TemplatePart(ASAPBaseModel):
    """A template and the values to fill it with."""

    type: Literal["template"]
    template: str
    variables: dict[str, Any]


PartType: TypeAlias = Annotated[
    TextPart | DataPart | FilePart | ResourcePart | TemplatePart, Field(discriminator="type")
]

Part: TypeAdapter[PartType] = TypeAdapter(PartType)
