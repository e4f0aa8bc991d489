"""An ASAP agent as an ASGI application.

uvicorn asap.transport.server:app
"""

import logging
import os
import time
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.routing import Route

from asap.discovery.health import WELLKNOWN_HEALTH_PATH
from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asap.models.constants import ASAP_PROTOCOL_VERSION, MAX_REQUEST_SIZE
from asap.models.entities import Capability, Endpoint, Manifest, Skill
from asap.transport.application import AgentApplication
from asap.transport.auth import Authenticator, TokenValidator
from asap.transport.dispatch import Dispatcher
from asap.transport.endpoint import AsapEndpoint
from asap.transport.handlers import HandlerRegistry, create_default_registry
from asap.transport.jsonrpc import DEFAULT_MAX_BATCH_SIZE
from asap.transport.metrics import ServerMetrics
from asap.transport.pages import Content, HealthPage, ManifestPage, MetricsPage, Page, probe
from asap.transport.rate_limit import ASAPRateLimiter, create_limiter
from asap.transport.validators import InMemoryNonceStore


def create_app(
    manifest: Manifest,
    registry: HandlerRegistry | None = None,
    token_validator: TokenValidator | None = None,
    rate_limit: str | None = None,
    max_request_size: int | None = None,
    require_nonce: bool = False,
    max_batch_size: int = DEFAULT_MAX_BATCH_SIZE,
) -> Starlette:
    """An application that serves the agent of this manifest.

    `rate_limit` is written as in "10/second;100/minute", `max_request_size` is in bytes. Where they
    are None, `ASAP_RATE_LIMIT` (else no limit) and `ASAP_MAX_REQUEST_SIZE` (else 10 MiB) hold.
    ValueError if the manifest asks for authentication and there is no `token_validator`.
    """
    size = _max_request_size() if max_request_size is None else max_request_size
    metrics = ServerMetrics()
    state: dict[str, Any] = {
        "manifest": manifest,
        "limiter": _limiter(rate_limit),
        "max_request_size": size,
        "max_batch_size": max_batch_size,
        "server_started_at": time.monotonic(),
    }
    dispatcher = Dispatcher(
        manifest=manifest,
        registry=create_default_registry() if registry is None else registry,
        metrics=metrics,
        authenticator=_authenticator(manifest, token_validator),
        nonces=InMemoryNonceStore() if require_nonce else None,
        debug=_is_true("ASAP_DEBUG"),
    )
    endpoint = AsapEndpoint(dispatcher, state, size, max_batch_size)
    app = AgentApplication([Route("/asap", endpoint), *_pages(state, metrics)], size)
    app.state = State(state)  # a view: what is set on it is seen in the dict
    return app


def _pages(state: dict[str, Any], metrics: ServerMetrics) -> list[Route]:
    contents: dict[str, Content] = {
        WELLKNOWN_MANIFEST_PATH: ManifestPage(state["manifest"]),
        WELLKNOWN_HEALTH_PATH: HealthPage(state),
        "/health": probe,
        "/ready": probe,
        "/asap/metrics": MetricsPage(metrics),
    }
    return [Route(path, Page(content), methods=["GET"]) for path, content in contents.items()]


def _authenticator(manifest: Manifest, validator: TokenValidator | None) -> Authenticator | None:
    if manifest.auth is None:
        return None
    if validator is None:
        raise ValueError("the manifest asks for authentication: create_app needs token_validator=")
    return Authenticator(validator)


def _limiter(rate_limit: str | None) -> ASAPRateLimiter | None:
    limits = rate_limit or os.environ.get("ASAP_RATE_LIMIT")
    return create_limiter([limits]) if limits else None


def _max_request_size() -> int:
    text = os.environ.get("ASAP_MAX_REQUEST_SIZE", str(MAX_REQUEST_SIZE))
    if not text.isdecimal():
        raise ValueError(f"ASAP_MAX_REQUEST_SIZE must be a number of bytes, got {text!r}")
    return int(text)


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"true", "1", "yes", "on"}


def _set_log_level() -> None:
    level = os.environ.get("ASAP_LOG_LEVEL", "WARNING").upper()
    logging.getLogger("asap").setLevel(level)


def _default_manifest() -> Manifest:
    return Manifest(
        id="urn:asap:agent:default-server",
        name="ASAP Default Server",
        version="1.0.0-dev",
        description="Echoes every task",
        capabilities=Capability(
            asap_version=ASAP_PROTOCOL_VERSION,
            skills=[Skill(id="echo", description="Returns its input")],
        ),
        endpoints=Endpoint(asap="http://localhost:8000/asap"),
    )


_set_log_level()
app = create_app(_default_manifest())
