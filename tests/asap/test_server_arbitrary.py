"""Whatever is sent, the answer is a documented one, and the next good request is served."""

import gzip
import json
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asap.transport.server import create_app
from tests.asap.serving import make_manifest, make_request, post

APP = create_app(make_manifest(), require_nonce=True, max_request_size=100_000)
CODES = {-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32003, -32012}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())  # lone surrogates too
    | st.sampled_from(["task.request", "asap.send", "2.0", "urn:asap:agent:a", "9999-12-31"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
encodings = st.sampled_from(["", "identity", "gzip", "br", "GZIP", "zstd", "gzip, br"])


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = list(value) if isinstance(value, dict) else []
    return [path, *(found for key in keys for found in paths(value[key], (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    return value | {path[0]: replaced(value[path[0]], path[1:], new)}


def removed(value: Any, path: tuple[Any, ...]) -> Any:
    if len(path) == 1:
        return {key: kept for key, kept in value.items() if key != path[0]}
    return value | {path[0]: removed(value[path[0]], path[1:])}


@st.composite
def mutated_requests(draw: st.DrawFn) -> Any:
    request = make_request()
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths(request)[1:]))
        if draw(st.booleans()):
            request = removed(request, path)
        else:
            request = replaced(request, path, draw(values))
    return request


def is_documented(answer: Any) -> bool:
    if isinstance(answer, list):
        return all(map(is_documented, answer))
    assert answer["jsonrpc"] == "2.0"
    if "result" in answer:
        return set(answer) == {"jsonrpc", "result", "id"}
    assert set(answer["error"]) == {"code", "message", "data"}
    assert answer["id"] is None or type(answer["id"]) in {str, int}
    return answer["error"]["code"] in CODES


async def check(body: bytes, **headers: str) -> None:
    response = await post(APP, body, **headers)
    if response.status_code == 200:
        assert is_documented(json.loads(response.content))
    else:
        assert response.status_code in {400, 413, 415}
        assert list(response.json()) == ["detail"]
    assert "asap-version" in response.headers
    assert "result" in (await post(APP, make_request())).json()


@given(st.binary(), encodings)
async def test_any_bytes(body: bytes, encoding: str) -> None:
    await check(body, content_encoding=encoding)


@given(st.binary())
async def test_any_bytes_in_gzip_and_brotli(body: bytes) -> None:
    await check(gzip.compress(body), content_encoding="gzip")
    await check(brotli.compress(body), content_encoding="br")


@given(values)
async def test_any_json(value: Any) -> None:
    await check(json.dumps(value).encode())


@settings(max_examples=300)
@given(mutated_requests())
async def test_any_request_that_was_changed(request_: Any) -> None:
    await check(json.dumps(request_).encode())


@given(st.lists(mutated_requests() | values, max_size=5))
async def test_any_batch(batch: list[Any]) -> None:
    await check(json.dumps(batch).encode())


@given(st.data())
async def test_a_request_cut_or_changed_anywhere(data: st.DataObject) -> None:
    body = json.dumps(make_request()).encode()
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, len(body)))
    await check(body[:start] + data.draw(st.binary(max_size=3)) + body[end:])


@given(st.integers(1, 3000), st.sampled_from([("[", "]"), ('{"a":', "}")]))
@settings(max_examples=30)
async def test_any_depth_anywhere(depth: int, brackets: tuple[str, str]) -> None:
    deep = brackets[0] * depth + "1" + brackets[1] * depth
    request = make_request()
    for path in (("params", "envelope", "payload", "input"), ("params",), ("id",), ()):
        body = json.dumps(replaced(request, path, "HERE")).replace('"HERE"', deep)
        await check(body.encode())


@pytest.mark.parametrize("header", ["asap-version", "content-encoding", "authorization"])
@given(value=st.binary(max_size=20))
async def test_any_header(header: str, value: bytes) -> None:
    text = value.decode("latin-1").replace("\r", "").replace("\n", "").replace("\0", "").strip()
    body = json.dumps(make_request()).encode()
    await check(body, **{header.replace("-", "_"): text.encode("latin-1")})  # type: ignore[arg-type] # httpx takes bytes, and these are not ASCII
