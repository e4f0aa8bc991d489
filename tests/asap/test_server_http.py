"""PROTOCOL.md §2.6, §2.7, §3.2 to §3.4: HTTP around JSON-RPC."""

import gzip
import hashlib
import json
from typing import Any

import brotli
import pytest
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from asap.discovery.health import WELLKNOWN_HEALTH_PATH, HealthStatus
from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asap.models import Manifest
from asap.transport.server import create_app
from tests.asap.serving import (
    AGENT,
    calling,
    exchange,
    get,
    make_envelope,
    make_manifest,
    make_request,
    post,
    rpc,
)

APP = create_app(make_manifest())
SMALL = create_app(make_manifest(), max_request_size=2000)
GET_PATHS = [
    WELLKNOWN_MANIFEST_PATH,
    WELLKNOWN_HEALTH_PATH,
    "/health",
    "/ready",
    "/asap/metrics",
]


def compressed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode())


class TestVersions:
    @pytest.mark.parametrize(
        ("requested", "chosen"),
        [
            ("2.1", "2.1"),
            ("2.2", "2.2"),
            ("2.1, 2.2", "2.1"),
            ("2.2, 2.1", "2.2"),
            (" 9.9 ,2.1 ", "2.1"),
            ("", "2.2"),
            ("  ", "2.2"),
        ],
    )
    async def test_the_first_of_the_client_that_is_known_wins(
        self, requested: str, chosen: str
    ) -> None:
        response = await post(APP, make_request(), asap_version=requested)
        assert response.headers["asap-version"] == chosen
        assert "result" in response.json()

    async def test_without_the_header_it_is_2_2(self) -> None:
        assert (await post(APP, make_request())).headers["asap-version"] == "2.2"

    @pytest.mark.parametrize("requested", ["3.0", "2", "2.1.0", "v2.2", "1, 3", "2.1;q=1"])
    async def test_none_that_is_known_is_an_error(self, requested: str) -> None:
        response = await post(APP, make_request(), asap_version=requested)
        assert response.status_code == 200
        assert response.headers["asap-version"] == "2.2"
        assert response.json() == {
            "jsonrpc": "2.0",
            "error": {
                "code": -32000,
                "message": "ASAP protocol version incompatible",
                "data": {"requested": requested, "supported": ["2.1", "2.2"]},
            },
            "id": None,
        }

    async def test_the_version_is_checked_before_the_size_and_the_body(self) -> None:
        response = await post(SMALL, b"x" * 3000, asap_version="3")
        assert response.json()["error"]["code"] == -32000

    async def test_a_header_sent_twice_is_one_list(self) -> None:
        headers = [(b"asap-version", b"9"), (b"asap-version", b"2.1")]
        body = json.dumps(make_request()).encode()
        start, _ = await exchange(APP, [{"type": "http.request", "body": body}], headers)
        assert (b"asap-version", b"2.1") in start["headers"]

    async def test_an_rpc_error_is_told_in_the_version_chosen(self) -> None:
        response = await post(APP, b"nope", asap_version="2.1")
        assert response.headers["asap-version"] == "2.1"

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            *(("GET", path) for path in GET_PATHS),
            ("GET", "/asap"),
            ("GET", "/nowhere"),
            ("POST", "/health"),
            ("HEAD", "/nowhere"),
        ],
    )
    async def test_every_response_names_a_version(self, method: str, path: str) -> None:
        async with calling(APP) as http:
            response = await http.request(method, path, headers={"asap-version": "2.1"})
        assert response.headers["asap-version"] == "2.2"


class TestSize:
    async def test_a_body_at_the_limit_passes(self) -> None:
        body = json.dumps(make_request()).encode()
        app = create_app(make_manifest(), max_request_size=len(body))
        assert "result" in await rpc(app, body)
        assert (await post(app, body + b" ")).status_code == 413

    async def test_an_announced_size_above_the_limit_is_413(self) -> None:
        response = await post(SMALL, b" " * 2001)
        assert response.status_code == 413
        assert "exceeds maximum" in response.json()["detail"]

    async def test_an_announced_size_is_refused_before_anything_is_read(self) -> None:
        start, _ = await exchange(SMALL, [], [(b"content-length", b"2001")])
        assert start["status"] == 413

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "/nowhere"), ("GET", "/health"), ("PUT", "/asap"), ("POST", "/asap/metrics")],
    )
    async def test_an_announced_size_is_refused_on_any_path(self, method: str, path: str) -> None:
        async with calling(SMALL) as http:
            response = await http.request(method, path, content=b" " * 2001)
        assert response.status_code == 413
        assert response.headers["asap-version"] == "2.2"

    async def test_a_chunked_body_is_read_no_further_than_the_limit(self) -> None:
        chunk: Message = {"type": "http.request", "body": b" " * 1500, "more_body": True}
        # exchange() has no third message to give: asking for it would raise
        start, body = await exchange(SMALL, [chunk, chunk])
        assert start["status"] == 413
        assert "exceeds maximum" in json.loads(body["body"])["detail"]

    async def test_one_chunk_above_the_limit_is_413(self) -> None:
        start, _ = await exchange(SMALL, [{"type": "http.request", "body": b" " * 2001}])
        assert start["status"] == 413

    async def test_a_body_in_many_chunks_is_put_together(self) -> None:
        body = json.dumps(make_request()).encode()
        messages: list[Message] = [
            {"type": "http.request", "body": body[:100], "more_body": True},
            {"type": "http.request", "body": body[100:], "more_body": True},
            {"type": "http.request"},
        ]
        _, answer = await exchange(APP, messages)
        assert "result" in json.loads(answer["body"])

    async def test_an_inflated_body_above_the_limit_is_413(self) -> None:
        response = await post(SMALL, gzip.compress(b" " * 2001), content_encoding="gzip")
        assert response.status_code == 413
        assert response.json()["detail"].startswith("Decompressed request size")
        assert "exceeds maximum" in response.json()["detail"]

    @pytest.mark.parametrize("length", [b"x", b"-1", b"", b"\xb2"])
    async def test_a_length_that_is_no_number_is_not_believed(self, length: bytes) -> None:
        body = json.dumps(make_request()).encode()
        messages = [{"type": "http.request", "body": body}]
        start, _ = await exchange(APP, messages, [(b"content-length", length)])
        assert start["status"] == 200

    @pytest.mark.parametrize(
        "messages",
        [
            [{"type": "http.disconnect"}],
            [
                {"type": "http.request", "body": b"{", "more_body": True},
                {"type": "http.disconnect"},
            ],
        ],
    )
    async def test_a_client_that_hangs_up_gets_no_answer(self, messages: Any) -> None:
        assert await exchange(APP, messages) == []


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", " gzip "])
    async def test_gzip_is_inflated(self, encoding: str) -> None:
        answer = await rpc(APP, compressed(make_request()), content_encoding=encoding)
        assert "result" in answer

    async def test_brotli_is_inflated(self) -> None:
        body = brotli.compress(json.dumps(make_request()).encode())
        assert "result" in await rpc(APP, body, content_encoding="br")

    @pytest.mark.parametrize("encoding", ["identity", ""])
    async def test_identity_is_taken_as_it_is(self, encoding: str) -> None:
        body = json.dumps(make_request()).encode()
        assert "result" in await rpc(APP, body, content_encoding=encoding)

    @pytest.mark.parametrize("encoding", ["deflate", "zstd", "gzip, br", "x"])
    async def test_any_other_is_415(self, encoding: str) -> None:
        response = await post(APP, compressed(make_request()), content_encoding=encoding)
        assert response.status_code == 415
        assert "Unsupported Content-Encoding" in response.json()["detail"]

    @pytest.mark.parametrize("encoding", ["gzip", "br"])
    async def test_a_body_that_cannot_be_inflated_is_400(self, encoding: str) -> None:
        response = await post(APP, b"not compressed", content_encoding=encoding)
        assert response.status_code == 400
        assert "Invalid compressed data" in response.json()["detail"]

    async def test_a_truncated_body_is_400(self) -> None:
        body = compressed(make_request())[:-9]
        assert (await post(APP, body, content_encoding="gzip")).status_code == 400

    async def test_responses_are_never_compressed(self) -> None:
        big = make_envelope(
            payload={"conversation_id": "c", "skill_id": "s", "input": {"x": "y" * 5000}}
        )
        response = await post(APP, make_request(big), accept_encoding="br, gzip")
        assert "content-encoding" not in response.headers


class TestRoutes:
    @pytest.mark.parametrize("path", ["/", "/asap/", "/asap/x", "/manifest.json", "/health/"])
    async def test_everything_else_is_404(self, path: str) -> None:
        response = await get(APP, path)
        assert response.status_code == 404
        assert response.json() == {"detail": "Not Found"}

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
    async def test_asap_takes_post_alone(self, method: str) -> None:
        async with calling(APP) as http:
            response = await http.request(method, "/asap")
        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        if method != "HEAD":
            assert response.json() == {"detail": "Method Not Allowed"}

    @pytest.mark.parametrize("path", GET_PATHS)
    async def test_a_page_takes_get_and_head_alone(self, path: str) -> None:
        async with calling(APP) as http:
            response = await http.post(path)
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
        assert "detail" in response.json()

    @pytest.mark.parametrize("path", GET_PATHS)
    async def test_head_answers_like_get_without_a_body(self, path: str) -> None:
        async with calling(APP) as http:
            full, head = await http.get(path), await http.head(path)
        assert head.status_code == full.status_code == 200
        assert head.content == b""
        assert head.headers.keys() == full.headers.keys()
        assert head.headers["content-type"] == full.headers["content-type"]

    async def test_no_bytes_are_sent_for_a_head(self) -> None:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError

        scope = {"type": "http", "method": "HEAD", "path": "/health", "headers": []}
        await APP(scope, receive, send)
        assert sent[1].get("body") == b""

    @pytest.mark.parametrize("path", ["/health", "/ready"])
    async def test_probes_are_always_ok(self, path: str) -> None:
        response = await get(APP, path)
        assert response.json() == {"status": "ok"}
        assert response.headers["content-type"] == "application/json"

    async def test_the_health_tells_who_and_since_when(self) -> None:
        response = await get(APP, WELLKNOWN_HEALTH_PATH)
        health = HealthStatus.model_validate_json(response.content)
        assert response.status_code == 200
        assert (health.status, health.agent_id, health.version) == ("healthy", AGENT, "1.2.3")
        assert (health.asap_version, health.load) == ("0.1", None)
        assert health.uptime_seconds == round(health.uptime_seconds, 2) >= 0

    async def test_the_metrics_come_in_the_format_asked_for(self) -> None:
        plain = await get(APP, "/asap/metrics")
        assert plain.headers["content-type"].startswith("text/plain")
        asked = await get(APP, "/asap/metrics", accept="application/openmetrics-text")
        assert asked.headers["content-type"].startswith("application/openmetrics-text")

    async def test_an_unforeseen_error_of_a_route_is_a_json_500_and_goes_on_to_the_server(
        self,
    ) -> None:
        class Broken:
            async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
                raise RuntimeError("broken")

        app = create_app(make_manifest())
        app.router.routes.append(Route("/broken", Broken()))
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError

        scope = {"type": "http", "method": "GET", "path": "/broken", "headers": []}
        with pytest.raises(RuntimeError, match="broken"):
            await app(scope, receive, send)
        assert sent[0]["status"] == 500
        assert (b"asap-version", b"2.2") in sent[0]["headers"]
        assert json.loads(sent[1]["body"]) == {"detail": "Internal Server Error"}


class TestManifest:
    async def test_it_is_the_json_of_the_manifest_with_its_nulls(self) -> None:
        response = await get(APP, WELLKNOWN_MANIFEST_PATH)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "public, max-age=300"
        assert Manifest.model_validate_json(response.content) == make_manifest()
        assert response.json()["signature"] is None

    async def test_the_tag_is_the_sha_256_of_the_sorted_dump(self) -> None:
        response = await get(APP, WELLKNOWN_MANIFEST_PATH)
        dump = make_manifest().model_dump(mode="json", by_alias=True)
        digest = hashlib.sha256(json.dumps(dump, sort_keys=True).encode()).hexdigest()
        assert response.headers["etag"] == f'"{digest}"'

    async def test_the_same_tag_is_304_without_a_body(self) -> None:
        etag = (await get(APP, WELLKNOWN_MANIFEST_PATH)).headers["etag"]
        for tags in (etag, f'"x", {etag}', f"{etag},x"):
            response = await get(APP, WELLKNOWN_MANIFEST_PATH, if_none_match=tags)
            assert response.status_code == 304
            assert response.content == b""
            assert response.headers["etag"] == etag
            assert response.headers["cache-control"] == "public, max-age=300"
            assert not {"content-length", "content-type"} & set(response.headers)

    async def test_a_star_a_weak_tag_and_a_bare_digest_do_not_match(self) -> None:
        etag = (await get(APP, WELLKNOWN_MANIFEST_PATH)).headers["etag"]
        for tags in ("*", f"W/{etag}", etag.strip('"'), ""):
            response = await get(APP, WELLKNOWN_MANIFEST_PATH, if_none_match=tags)
            assert response.status_code == 200
