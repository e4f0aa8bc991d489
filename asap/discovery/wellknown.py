"""The manifest as a document of HTTP: its path, its bytes and its entity tag."""

import hashlib
import json
from typing import Final

from asap.models.entities import Manifest

WELLKNOWN_MANIFEST_PATH: Final = "/.well-known/asap/manifest.json"
MANIFEST_CACHE_CONTROL: Final = "public, max-age=300"


def manifest_body(manifest: Manifest) -> bytes:
    """The manifest as JSON by alias, nulls included."""
    return manifest.model_dump_json(by_alias=True).encode()


def manifest_etag(manifest: Manifest) -> str:
    """The entity tag, in its quotes: SHA-256 over the JSON with sorted keys."""
    dump = manifest.model_dump(mode="json", by_alias=True)
    return f'"{hashlib.sha256(json.dumps(dump, sort_keys=True).encode()).hexdigest()}"'


def etag_matches(if_none_match: str, etag: str) -> bool:
    """Whether the header lists exactly this tag. `*` and weak tags match nothing."""
    return etag in (candidate.strip() for candidate in if_none_match.split(","))
