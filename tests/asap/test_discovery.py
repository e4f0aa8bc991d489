"""The manifest as a document, and the health status."""

import hashlib
import json
from typing import Any

import pytest
from pydantic import ValidationError

from asap.discovery.health import WELLKNOWN_HEALTH_PATH, HealthStatus
from asap.discovery.wellknown import (
    MANIFEST_CACHE_CONTROL,
    WELLKNOWN_MANIFEST_PATH,
    etag_matches,
    manifest_body,
    manifest_etag,
)
from asap.models import Manifest

# Body and tag as the published server (asap-protocol 2.5.10) sent them.
PEER_BODY = (
    b'{"id":"urn:asap:agent:default-server","name":"ASAP Default Server","version":"1.0.0-dev",'
    b'"description":"Default ASAP protocol server with echo capabilities","capabilities":'
    b'{"asap_version":"0.1","skills":[{"id":"echo","description":"Echo back the input",'
    b'"input_schema":null,"output_schema":null}],"state_persistence":false,"streaming":false,'
    b'"mcp_tools":[],"hardware":null,"inference":null},"endpoints":'
    b'{"asap":"http://localhost:8000/asap","events":null},"supported_versions":["2.2"],'
    b'"auth":null,"signature":null,"sla":null,"verification":null,"ttl_seconds":300}'
)
PEER_ETAG = '"274e1236db95f4de2b90f79617ede8f45b2127711fda977a5c23455ac92a60f3"'

MANIFEST = Manifest.model_validate_json(PEER_BODY)
HEALTHY: dict[str, Any] = {
    "status": "healthy",
    "agent_id": "urn:asap:agent:a",
    "version": "1.0",
    "asap_version": "0.1",
    "uptime_seconds": 6.67,
    "load": None,
}


def test_the_documents_are_at_their_well_known_paths() -> None:
    assert WELLKNOWN_MANIFEST_PATH == "/.well-known/asap/manifest.json"
    assert WELLKNOWN_HEALTH_PATH == "/.well-known/asap/health"


def test_the_manifest_may_be_cached_for_300_seconds() -> None:
    assert MANIFEST_CACHE_CONTROL == "public, max-age=300"


def test_the_manifest_has_the_bytes_the_published_server_sends() -> None:
    assert manifest_body(MANIFEST) == PEER_BODY


def test_the_manifest_has_the_tag_the_published_server_sends() -> None:
    assert manifest_etag(MANIFEST) == PEER_ETAG


def test_the_tag_is_the_hash_of_the_dump_with_sorted_keys() -> None:
    manifest = Manifest.model_validate(
        json.loads(PEER_BODY) | {"name": "Ägent", "capabilities": {"hardware": {"class": "sbc"}}}
    )
    dump = json.dumps(json.loads(manifest_body(manifest)), sort_keys=True)
    assert manifest_etag(manifest) == f'"{hashlib.sha256(dump.encode()).hexdigest()}"'


def test_the_manifest_is_sent_by_alias() -> None:
    manifest = Manifest.model_validate(
        json.loads(PEER_BODY) | {"capabilities": {"hardware": {"class": "sbc"}}}
    )
    assert b'"hardware":{"class":"sbc"' in manifest_body(manifest)


@pytest.mark.parametrize("header", ['"abc"', '"x", "abc"', '"abc","x"', '  "abc"  ', ', "abc" ,'])
def test_a_header_that_lists_the_tag_matches(header: str) -> None:
    assert etag_matches(header, '"abc"')


@pytest.mark.parametrize("header", ["", "*", 'W/"abc"', "abc", '"ABC"', '"abcd"', '"x", W/"abc"'])
def test_any_other_header_does_not_match(header: str) -> None:
    assert not etag_matches(header, '"abc"')


@pytest.mark.parametrize("load", [None, {"active_tasks": 2, "queue_depth": 0}])
def test_a_health_status_round_trips(load: dict[str, int] | None) -> None:
    health = HEALTHY | {"load": load}
    assert json.loads(HealthStatus.model_validate(health).model_dump_json()) == health


def test_the_uptime_keeps_two_decimals() -> None:
    assert HealthStatus.model_validate(HEALTHY | {"uptime_seconds": 6.6789}).uptime_seconds == 6.68


def test_the_load_may_be_left_out() -> None:
    health = {name: value for name, value in HEALTHY.items() if name != "load"}
    assert HealthStatus.model_validate(health).load is None


def test_a_server_is_healthy_or_unhealthy() -> None:
    with pytest.raises(ValidationError, match="status"):
        HealthStatus.model_validate(HEALTHY | {"status": "tired"})
