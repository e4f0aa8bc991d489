"""PROTOCOL.md §3.5 as the server counts."""

from typing import Any

import pytest

from asap.errors import TaskNotFoundError
from asap.models import Envelope, Manifest
from asap.models.entities import AuthScheme
from asap.transport.handlers import HandlerRegistry, create_default_registry, inline
from asap.transport.server import create_app
from tests.asap.serving import get, make_envelope, make_manifest, make_request, post, sample


class MyError(TaskNotFoundError):
    pass


def boom(envelope: Envelope, manifest: Manifest) -> Envelope:
    raise RuntimeError


def not_found(envelope: Envelope, manifest: Manifest) -> Envelope:
    raise MyError("t")


def make_app(**options: Any) -> Any:
    registry = create_default_registry()
    registry.register("boom", inline(boom))
    registry.register("mine", inline(not_found))
    return create_app(make_manifest(), registry, require_nonce=True, **options)


async def exposition(app: Any) -> str:
    return (await get(app, "/asap/metrics")).text


async def test_a_success_is_counted_once_everywhere() -> None:
    app = make_app()
    await post(app, make_request())
    text = await exposition(app)
    request_type = {"payload_type": "task.request"}
    assert sample(text, "asap_requests_total", status="success", **request_type) == 1
    assert sample(text, "asap_requests_success_total", **request_type) == 1
    assert sample(text, "asap_handler_executions_total", **request_type) == 1
    assert sample(text, "asap_handler_errors_total", **request_type) == 0
    assert sample(text, "asap_handler_duration_seconds_count", **request_type) == 1
    buckets = {"le": "+Inf", "status": "success", **request_type}
    assert sample(text, "asap_request_duration_seconds_bucket", **buckets) == 1


async def test_each_item_of_a_batch_is_counted() -> None:
    app = make_app()
    await post(app, [make_request()] * 3)
    labels = {"payload_type": "task.request"}
    assert sample(await exposition(app), "asap_requests_success_total", **labels) == 3


OLD = make_envelope(timestamp="2020-01-01T00:00:00Z")
BAD_NONCE = make_envelope(extensions={"nonce": 3})


@pytest.mark.parametrize(
    ("body", "error_type", "payload_type"),
    [
        (b"nope", "parse_error", "other"),
        (b"3", "invalid_request", "other"),
        (make_request(extra=1), "invalid_request", "other"),
        (make_request(method="x"), "invalid_request", "other"),
        (make_request(params=[]), "invalid_params", "other"),
        (make_request(params={}), "missing_envelope", "other"),
        (make_request(params={"envelope": 3}), "invalid_envelope", "other"),
        (make_request(make_envelope(sender="x")), "invalid_envelope", "task.request"),
        (make_request(OLD), "invalid_timestamp", "task.request"),
        (make_request(BAD_NONCE), "invalid_nonce", "task.request"),
        (make_request(make_envelope(payload_type="foo")), "handler_not_found", "other"),
        (make_request(make_envelope(payload_type="boom")), "internal_error", "boom"),
        (make_request(make_envelope(payload_type="mine")), "MyError", "mine"),
    ],
)
async def test_an_error_is_counted_by_its_type(
    body: Any, error_type: str, payload_type: str
) -> None:
    app = make_app()
    await post(app, body)
    text = await exposition(app)
    labels = {"error_type": error_type, "payload_type": payload_type}
    assert sample(text, "asap_requests_error_total", **labels) == 1
    labels = {"status": "error", "payload_type": payload_type}
    assert sample(text, "asap_requests_total", **labels) == 1
    assert sample(text, "asap_request_duration_seconds_count", **labels) == 1


@pytest.mark.parametrize(
    ("token", "error_type"), [("", "auth_failed"), ("Bearer t", "sender_mismatch")]
)
async def test_a_failed_authentication_is_counted(token: str, error_type: str) -> None:
    manifest = make_manifest(auth=AuthScheme(schemes=["bearer"]))
    app = create_app(manifest, token_validator=lambda token: "urn:asap:agent:bob")
    await post(app, make_request(), authorization=token)
    labels = {"error_type": error_type, "payload_type": "task.request"}
    assert sample(await exposition(app), "asap_requests_error_total", **labels) == 1


@pytest.mark.parametrize("payload_type", ["boom", "mine"])
async def test_an_error_of_a_handler_counts_as_a_run_and_an_error(payload_type: str) -> None:
    app = make_app()
    await post(app, make_request(make_envelope(payload_type=payload_type)))
    text = await exposition(app)
    assert sample(text, "asap_handler_executions_total", payload_type=payload_type) == 1
    assert sample(text, "asap_handler_errors_total", payload_type=payload_type) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x", {"content_encoding": "gzip"}),
        (b"x", {"content_encoding": "zstd"}),
        (b" " * 3000, {}),
        (make_request(), {"asap_version": "9"}),
        ([], {}),
        ([3], {}),
        ([make_request()] * 51, {}),
    ],
)
async def test_what_fails_before_a_request_is_known_is_not_counted(
    body: Any, headers: dict[str, str]
) -> None:
    app = make_app(max_request_size=2000 if body == b" " * 3000 else None)
    await post(app, body, **headers)
    text = await exposition(app)
    assert "asap_requests_total 0.0" in text
    assert "asap_requests_error_total 0.0" in text


async def test_made_up_types_do_not_become_labels() -> None:
    app = make_app()
    for number in range(20):
        await post(app, make_request(make_envelope(payload_type=f"made.up.{number}")))
    assert "made.up" not in await exposition(app)


async def test_a_type_registered_later_gets_its_label() -> None:
    registry = HandlerRegistry()
    app = create_app(make_manifest(), registry)
    registry.register("late", inline(lambda envelope, manifest: envelope))
    await post(app, make_request(make_envelope(payload_type="late")))
    text = await exposition(app)
    assert sample(text, "asap_requests_success_total", payload_type="late") == 1
