"""What an agent shows of itself to a GET: its manifest, its health, its metrics."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from asap.discovery.health import HealthStatus
from asap.discovery.wellknown import (
    MANIFEST_CACHE_CONTROL,
    etag_matches,
    manifest_body,
    manifest_etag,
)
from asap.models.entities import Manifest
from asap.transport.body import headers_of
from asap.transport.metrics import ServerMetrics
from asap.transport.responses import RawHeaders, Response

OK = Response(b'{"status": "ok"}')


class Content(Protocol):
    """Makes a page from the headers of the request."""

    def __call__(self, headers: dict[bytes, bytes]) -> Response: ...


@dataclass(frozen=True)
class Page:
    """An ASGI application that answers with what `content` makes of the request's headers."""

    content: Content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI has three
        await self.content(headers_of(scope)).send(scope, send)


class ManifestPage:
    """The manifest, whose bytes and entity tag are made once."""

    def __init__(self, manifest: Manifest) -> None:
        self._etag = manifest_etag(manifest)
        headers: RawHeaders = (
            (b"cache-control", MANIFEST_CACHE_CONTROL.encode()),
            (b"etag", self._etag.encode()),
        )
        self._full = Response(manifest_body(manifest), headers=headers)
        self._not_modified = Response(b"", status=304, headers=headers)

    def __call__(self, headers: dict[bytes, bytes]) -> Response:
        candidates = headers.get(b"if-none-match", b"").decode("latin-1")
        return self._not_modified if etag_matches(candidates, self._etag) else self._full


@dataclass(frozen=True)
class HealthPage:
    """The health of an agent that can answer at all. `state` holds what is in the app's state."""

    state: Mapping[str, Any]

    def __call__(self, headers: dict[bytes, bytes]) -> Response:  # noqa: ARG002 - every page gets them
        manifest: Manifest = self.state["manifest"]
        health = HealthStatus(
            status="healthy",
            agent_id=manifest.id,
            version=manifest.version,
            asap_version=manifest.capabilities.asap_version,
            uptime_seconds=time.monotonic() - self.state["server_started_at"],
        )
        return Response(health.model_dump_json().encode())


@dataclass(frozen=True)
class MetricsPage:
    metrics: ServerMetrics

    def __call__(self, headers: dict[bytes, bytes]) -> Response:
        body, content_type = self.metrics.exposition(headers.get(b"accept", b"").decode("latin-1"))
        return Response(body, content_type=content_type.encode())


def probe(headers: dict[bytes, bytes]) -> Response:  # noqa: ARG001 - every page gets them
    """Answers every probe alike: the process runs."""
    return OK
