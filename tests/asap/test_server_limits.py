"""PROTOCOL.md §2.8 and §2.9 as the server applies them: nonces and rate limits."""

import gzip
import json
from typing import Any

import pytest

from asap.transport.rate_limit import create_test_limiter
from asap.transport.server import create_app
from tests.asap.serving import (
    calling,
    error_of,
    get,
    make_envelope,
    make_manifest,
    make_request,
    post,
    rpc,
)


def limited(rate: str = "2/minute", **options: Any) -> Any:
    return create_app(make_manifest(), rate_limit=rate, **options)


class TestRateLimit:
    async def test_there_is_none_unless_it_is_asked_for(self) -> None:
        app = create_app(make_manifest())
        assert app.state.limiter is None
        async with calling(app) as http:
            responses = [await http.post("/asap", json=make_request()) for _ in range(120)]
        assert {response.status_code for response in responses} == {200}

    async def test_one_request_too_many_is_429(self) -> None:
        app = limited()
        for _ in range(2):
            assert "result" in await rpc(app, make_request())
        response = await post(app, make_request())
        assert response.status_code == 429
        wait = response.json()["error"]["data"]["retry_after"]
        assert response.json() == {
            "jsonrpc": "2.0",
            "id": None,
            "error": {
                "code": 429,
                "message": "Rate limit exceeded",
                "data": {"retry_after": wait, "limit": "2 per 1 minute"},
            },
        }
        assert 0 < wait <= 60
        assert response.headers["retry-after"] == str(wait)
        assert response.headers["asap-version"] == "2.2"
        assert not [name for name in response.headers if name.startswith("x-ratelimit")]

    async def test_it_may_come_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ASAP_RATE_LIMIT", "1/minute")
        app = create_app(make_manifest())
        await rpc(app, make_request())
        assert (await post(app, make_request())).status_code == 429

    async def test_the_parameter_wins_over_the_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ASAP_RATE_LIMIT", "1/minute")
        app = limited("100/minute")
        for _ in range(3):
            await rpc(app, make_request())

    async def test_several_limits_hold_at_once(self) -> None:
        app = limited("100/second;1/minute")
        await rpc(app, make_request())
        response = await post(app, make_request())
        assert response.json()["error"]["data"]["limit"] == "1 per 1 minute"

    async def test_a_limiter_that_is_replaced_takes_effect(self) -> None:
        app = limited("1/minute")
        await rpc(app, make_request())
        app.state.limiter = create_test_limiter()
        await rpc(app, make_request())
        app.state.limiter = create_test_limiter(["1/minute"])
        await rpc(app, make_request())
        assert (await post(app, make_request())).status_code == 429
        app.state.limiter = None
        await rpc(app, make_request())

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"nope", {}),
            (b"", {}),
            (make_request(method="x"), {}),
            ([], {}),
            ([make_request()] * 51, {}),
            (b"x", {"content_encoding": "gzip"}),
            (b"x", {"content_encoding": "zstd"}),
        ],
    )
    async def test_bad_requests_count(self, body: Any, headers: dict[str, str]) -> None:
        app = limited("1/minute")
        assert (await post(app, body, **headers)).status_code != 429
        assert (await post(app, make_request())).status_code == 429

    @pytest.mark.parametrize(
        "headers", [{"content_encoding": "zstd"}, {"content_encoding": "gzip"}]
    )
    async def test_too_many_is_told_before_a_bad_encoding(self, headers: dict[str, str]) -> None:
        app = limited("1/minute")
        await rpc(app, make_request())
        assert (await post(app, b"x", **headers)).status_code == 429

    async def test_other_versions_and_announced_sizes_do_not_count(self) -> None:
        app = limited("1/minute", max_request_size=2000)
        await rpc(app, make_request(), asap_version="9")
        assert (await post(app, b" " * 3000)).status_code == 413
        assert "result" in await rpc(app, make_request())

    async def test_the_other_routes_do_not_count(self) -> None:
        app = limited("1/minute")
        for path in ("/health", "/asap/metrics", "/.well-known/asap/manifest.json"):
            assert (await get(app, path)).status_code == 200
        assert "result" in await rpc(app, make_request())

    @pytest.mark.parametrize("compress", [False, True])
    async def test_a_batch_of_n_counts_n_times(self, compress: bool) -> None:
        app = limited("3/minute")
        body = json.dumps([make_request()] * 2).encode()
        headers = {"content_encoding": "gzip"} if compress else {}
        await rpc(app, gzip.compress(body) if compress else body, **headers)
        await rpc(app, make_request())
        assert (await post(app, make_request())).status_code == 429

    async def test_a_batch_that_does_not_fit_is_refused_whole_and_costs_nothing(self) -> None:
        app = limited("3/minute")
        assert (await post(app, [make_request()] * 4)).status_code == 429
        assert len(await rpc(app, [make_request()] * 3)) == 3


class TestNonce:
    def with_nonce(self, nonce: Any, **changes: Any) -> Any:
        return make_request(make_envelope(extensions={"nonce": nonce}, **changes))

    async def test_a_nonce_passes_once(self) -> None:
        app = create_app(make_manifest(), require_nonce=True)
        assert "result" in await rpc(app, self.with_nonce("n1"))
        assert "result" in await rpc(app, self.with_nonce("n2"))
        answer = await rpc(app, self.with_nonce("n1"))
        assert answer["error"]["code"] == -32003
        assert answer["error"]["data"]["recoverable"] is False

    @pytest.mark.parametrize("nonce", ["", 3, None, []])
    async def test_a_malformed_nonce_is_refused(self, nonce: Any) -> None:
        app = create_app(make_manifest(), require_nonce=True)
        assert (await error_of(app, self.with_nonce(nonce)))["code"] == -32003

    async def test_even_then_a_nonce_is_optional(self) -> None:
        app = create_app(make_manifest(), require_nonce=True)
        assert "result" in await rpc(app, make_request())

    async def test_nobody_looks_at_nonces_by_default(self) -> None:
        app = create_app(make_manifest())
        for _ in range(2):
            assert "result" in await rpc(app, self.with_nonce("n"))

    async def test_the_timestamp_is_checked_first_and_leaves_the_nonce_unused(self) -> None:
        app = create_app(make_manifest(), require_nonce=True)
        old = self.with_nonce("n", timestamp="2020-01-01T00:00:00Z")
        assert (await error_of(app, old))["code"] == -32002
        assert "result" in await rpc(app, self.with_nonce("n"))
