"""Parts, and the rules of a file part."""

from typing import Any

import pytest
from pydantic import ValidationError

from asap.models.parts import DataPart, FilePart, Part, ResourcePart, TemplatePart, TextPart

PARTS: list[tuple[type, dict[str, Any]]] = [
    (TextPart, {"type": "text", "content": "hello"}),
    (DataPart, {"type": "data", "data": {"a": 1}}),
    (FilePart, {"type": "file", "uri": "https://x/y", "mime_type": "text/plain"}),
    (ResourcePart, {"type": "resource", "resource_uri": "mcp://x"}),
    (TemplatePart, {"type": "template", "template": "{a}", "variables": {"a": 1}}),
]


def file_part(**values: Any) -> FilePart:
    return FilePart.model_validate(
        {"type": "file", "uri": "https://x/y", "mime_type": "text/plain"} | values
    )


@pytest.mark.parametrize(("part_class", "value"), PARTS)
def test_the_type_decides_the_class_of_a_part(part_class: type, value: dict[str, Any]) -> None:
    assert type(Part.validate_python(value)) is part_class


@pytest.mark.parametrize(("part_class", "value"), PARTS)
def test_a_part_without_its_type_is_refused(part_class: Any, value: dict[str, Any]) -> None:
    untyped = {name: field for name, field in value.items() if name != "type"}
    with pytest.raises(ValidationError, match="Unable to extract tag"):
        Part.validate_python(untyped)
    with pytest.raises(ValidationError, match="Field required"):
        part_class.model_validate(untyped)


def test_an_unknown_type_of_part_is_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        Part.validate_python({"type": "video"})
    assert caught.value.errors()[0]["type"] == "union_tag_invalid"


@pytest.mark.parametrize(
    "uri", ["../secret", "https://x/a..b", "file:///etc", " FILE://x", "File://x"]
)
def test_a_uri_that_may_reach_local_files_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError) as caught:
        file_part(uri=uri)
    assert caught.value.errors()[0]["loc"] == ("uri",)


@pytest.mark.parametrize("uri", ["", "https://x", "profile://x", "file:x"])
def test_any_other_uri_is_accepted(uri: str) -> None:
    assert file_part(uri=uri).uri == uri


@pytest.mark.parametrize("mime_type", ["text/plain", "Text/HTML", "a-1/x.y+z-0"])
def test_a_mime_type_keeps_its_case(mime_type: str) -> None:
    assert file_part(mime_type=mime_type).mime_type == mime_type


@pytest.mark.parametrize(
    "mime_type", ["", "text", "text/", "/plain", "a.b/c", "text/plain; charset=x", "text /plain"]
)
def test_a_malformed_mime_type_is_refused(mime_type: str) -> None:
    with pytest.raises(ValidationError) as caught:
        file_part(mime_type=mime_type)
    assert caught.value.errors()[0]["loc"] == ("mime_type",)


@pytest.mark.parametrize("inline_data", [None, "", "aGVsbG8="])
def test_inline_data_is_base64_or_absent(inline_data: str | None) -> None:
    assert file_part(inline_data=inline_data).inline_data == inline_data


@pytest.mark.parametrize("inline_data", ["aGVsbG8", "aGVs\nbG8=", "a*==", "é"])
def test_inline_data_that_is_not_strict_base64_is_refused(inline_data: str) -> None:
    with pytest.raises(ValidationError) as caught:
        file_part(inline_data=inline_data)
    assert caught.value.errors()[0]["loc"] == ("inline_data",)
