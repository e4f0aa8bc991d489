"""PROTOCOL.md §3.7, create_app and the app of the module."""

import logging
import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asap.models import Envelope, Manifest
from asap.transport import server
from asap.transport.handlers import HandlerRegistry, inline
from asap.transport.server import create_app
from tests.asap.serving import get, make_manifest, make_request, post, rpc


def test_it_is_a_starlette_application() -> None:
    assert isinstance(create_app(make_manifest()), Starlette)


def test_its_state_tells_how_it_was_made() -> None:
    manifest = make_manifest()
    state = create_app(manifest, max_request_size=7, max_batch_size=3).state
    assert state.manifest is manifest
    assert (state.max_request_size, state.max_batch_size) == (7, 3)
    assert state.limiter is None
    assert state.server_started_at > 0


def test_bodies_are_limited_to_10_mib_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASAP_MAX_REQUEST_SIZE", raising=False)
    assert create_app(make_manifest()).state.max_request_size == 10 * 1024 * 1024


def test_the_size_limit_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASAP_MAX_REQUEST_SIZE", "99")
    assert create_app(make_manifest()).state.max_request_size == 99
    assert create_app(make_manifest(), max_request_size=7).state.max_request_size == 7


@pytest.mark.parametrize("size", ["", "10M", "-1", "1.5"])
def test_a_size_limit_that_is_no_number_is_a_value_error_that_names_it(
    size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASAP_MAX_REQUEST_SIZE", size)
    with pytest.raises(ValueError, match="ASAP_MAX_REQUEST_SIZE"):
        create_app(make_manifest())


async def test_a_size_limit_of_zero_is_a_limit() -> None:
    assert (await post(create_app(make_manifest(), max_request_size=0), b"x")).status_code == 413


async def test_the_registry_given_is_used() -> None:
    def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
        return envelope.model_copy(update={"trace_id": "mine"})

    registry = HandlerRegistry()
    registry.register("task.request", inline(handler))
    answer = await rpc(create_app(make_manifest(), registry), make_request())
    assert answer["result"]["envelope"]["trace_id"] == "mine"


async def test_an_empty_registry_is_not_replaced_by_the_default() -> None:
    answer = await rpc(create_app(make_manifest(), HandlerRegistry()), make_request())
    assert answer["error"]["code"] == -32012


async def test_plain_and_coroutine_handlers_are_served() -> None:
    def plain(envelope: Envelope, manifest: Manifest) -> Envelope:
        return envelope

    async def coroutine(envelope: Envelope, manifest: Manifest) -> Envelope:
        return envelope

    handlers: list[Any] = [plain, coroutine]
    for handler in handlers:
        registry = HandlerRegistry()
        registry.register("task.request", handler)
        assert "result" in await rpc(create_app(make_manifest(), registry), make_request())


@pytest.mark.parametrize(
    ("value", "told"), [("true", True), ("1", True), ("ON", True), ("no", False)]
)
async def test_debug_is_read_when_the_app_is_made(
    value: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(envelope: Envelope, manifest: Manifest) -> Envelope:
        raise RuntimeError("secret")

    registry = HandlerRegistry()
    registry.register("task.request", inline(handler))
    monkeypatch.setenv("ASAP_DEBUG", value)
    app = create_app(make_manifest(), registry)
    monkeypatch.delenv("ASAP_DEBUG")
    assert ("secret" in (await post(app, make_request())).text) is told


async def test_middleware_may_be_added() -> None:
    class Stamp:
        def __init__(self, app: ASGIApp, stamp: bytes) -> None:
            self.app, self.stamp = app, stamp

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def stamping(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"].append((b"x-stamp", self.stamp))
                await send(message)

            await self.app(scope, receive, stamping)

    app = create_app(make_manifest())
    app.user_middleware.append(Middleware(Stamp, b"outer"))
    app.user_middleware.append(Middleware(Stamp, b"inner"))
    for response in (await post(app, make_request()), await get(app, "/nowhere")):
        assert response.headers.get_list("x-stamp") == ["inner", "outer"]


async def test_it_may_be_mounted_below_a_path() -> None:
    outer = Starlette()
    outer.mount("/agents/one", create_app(make_manifest()))
    assert (await get(outer, "/agents/one/health")).status_code == 200
    assert (await get(outer, "/agents/one/asap")).status_code == 405


async def test_the_lifespan_is_answered() -> None:
    incoming = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[str] = []

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await create_app(make_manifest())({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_closed() -> None:
    sent: list[str] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/asap", "headers": []}
    await create_app(make_manifest())(scope, receive, send)
    assert sent == ["websocket.close"]


async def test_the_app_of_the_module_is_the_default_server() -> None:
    manifest = server.app.state.manifest
    assert manifest.id == "urn:asap:agent:default-server"
    assert (manifest.name, manifest.version) == ("ASAP Default Server", "1.0.0-dev")
    assert [skill.id for skill in manifest.capabilities.skills] == ["echo"]
    assert manifest.capabilities.asap_version == "0.1"
    assert manifest.endpoints.asap == "http://localhost:8000/asap"
    assert manifest.auth is None
    assert "result" in await rpc(server.app, make_request())


def test_the_log_level_is_warning_unless_the_environment_says_else() -> None:
    code = "import logging, asap.transport.server; print(logging.getLogger('asap').level)"
    for environment, level in (({}, logging.WARNING), ({"ASAP_LOG_LEVEL": "debug"}, logging.DEBUG)):
        output = subprocess.check_output([sys.executable, "-c", code], env=environment)
        assert int(output) == level


def test_importing_the_server_loads_neither_the_client_nor_a_web_server() -> None:
    code = "import sys, asap.transport.server; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"httpx", "uvicorn", "limits", "asap.transport.client"} & set(modules)
