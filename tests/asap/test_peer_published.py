"""Our client and server beside the published package, each run as a peer on the wire.

The package is only run, in an interpreter of its own; see `peer_python` for where that is found.
"""

import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest

ROOT = Path(__file__).parents[2]
TALK = Path(__file__).parent / "peers" / "talk.py"
MAX_REQUEST_SIZE = 1_000_000
PATIENCE = 60.0  # seconds; the published package takes some to import


@pytest.fixture(scope="module")
def peer_python() -> Path:
    named = os.environ.get("ASAPBENCH_PEER_PYTHON")
    python = Path(named) if named else ROOT / ".venv-peer" / "bin" / "python"
    if not python.exists():
        if named:
            pytest.fail(f"ASAPBENCH_PEER_PYTHON names {named}, and there is no such file")
        pytest.skip("the published package is not installed as a peer: `make peer` installs it")
    return python


def environment(python: Path, rate_limit: str = "100000/second") -> dict[str, str]:
    settings = {
        "ASAP_RATE_LIMIT": rate_limit,
        "ASAP_MAX_REQUEST_SIZE": str(MAX_REQUEST_SIZE),
        "ASAP_LOG_LEVEL": "CRITICAL",
        # Otherwise the published server writes the ids of its trace spans into every reply.
        "OTEL_SDK_DISABLED": "true",
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ASAP_", "PYTHON"))}
    ours = {"PYTHONPATH": str(ROOT)} if python == Path(sys.executable) else {}
    return inherited | settings | ours


@contextlib.contextmanager
def serving(python: Path, directory: Path, **limits: str) -> Iterator[str]:
    # The socket listens before the server starts: a first request waits, and nothing polls.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        command = [str(python), "-m", "uvicorn", "asap.transport.server:app", "--fd", str(fd)]
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment(python, **limits),
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE).raise_for_status()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def published_server(peer_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(peer_python, tmp_path_factory.mktemp("published-server")) as url:
        yield url


@pytest.fixture(scope="module")
def our_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(Path(sys.executable), tmp_path_factory.mktemp("our-server")) as url:
        yield url


# Clients: the same conversation, by our client and by theirs, with our server and with theirs.


def talk(python: Path, url: str, directory: Path) -> dict[str, Any]:
    results = directory / "results.json"
    subprocess.run(
        [str(python), str(TALK), url, str(results)],
        cwd=directory,
        env=environment(python),
        check=True,
        timeout=PATIENCE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    conversation: dict[str, Any] = json.loads(results.read_text())
    return conversation


@pytest.fixture(scope="module")
def ours_to_published(
    published_server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    return talk(Path(sys.executable), published_server, tmp_path_factory.mktemp("our-client"))


@pytest.fixture(scope="module")
def published_to_ours(
    peer_python: Path, our_server: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    return talk(peer_python, our_server, tmp_path_factory.mktemp("published-client"))


@pytest.fixture(scope="module")
def ours_to_ours(our_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return talk(Path(sys.executable), our_server, tmp_path_factory.mktemp("client-of-our-own"))


@pytest.fixture(params=["ours_to_ours", "ours_to_published", "published_to_ours"])
def conversation(request: pytest.FixtureRequest) -> dict[str, Any]:
    spoken: dict[str, Any] = request.getfixturevalue(request.param)
    return spoken


def test_the_client_of_a_conversation_is_the_one_that_was_meant(
    ours_to_published: dict[str, Any], published_to_ours: dict[str, Any]
) -> None:
    assert ours_to_published["package"] == str(ROOT / "asap")
    assert published_to_ours["package"] != str(ROOT / "asap")


def test_a_task_request_is_echoed(conversation: dict[str, Any]) -> None:
    answer = conversation["answer"]
    assert answer["payload"]["result"] == {"echoed": {"n": 7}}
    assert (answer["correlation_id"], answer["trace_id"]) == ("request-7", "trace-7")


def test_a_batch_is_answered_in_order(conversation: dict[str, Any]) -> None:
    ids = [answer["correlation_id"] for answer in conversation["batch"]]
    assert ids == [f"request-{n}" for n in range(5)]


def test_a_compressed_request_is_understood(conversation: dict[str, Any]) -> None:
    assert conversation["large"]


def test_the_newest_version_is_agreed_on(conversation: dict[str, Any]) -> None:
    assert conversation["version"] == "2.2"


def test_the_manifest_is_understood(conversation: dict[str, Any]) -> None:
    assert conversation["manifest"]["id"] == "urn:asap:agent:default-server"


def test_the_health_is_understood(conversation: dict[str, Any]) -> None:
    assert conversation["health"]["status"] == "healthy"


def test_an_unknown_payload_type_is_refused_with_its_taxonomy_code(
    conversation: dict[str, Any],
) -> None:
    expected = {"code": -32012, "taxonomy": "asap:transport/handler_not_found"}
    assert conversation["unknown type"] == expected


def test_a_stale_request_is_refused_with_its_taxonomy_code(conversation: dict[str, Any]) -> None:
    expected = {"code": -32002, "taxonomy": "asap:protocol/invalid_timestamp"}
    assert conversation["stale"] == expected


# Servers: the same bytes to both, and answers that a client could not tell apart.


@dataclass(frozen=True)
class Row:
    """A request, and why our answer differs where it does so on purpose (PROTOCOL.md §0)."""

    name: str
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/asap"
    differs: str = ""


def envelope(**fields: Any) -> dict[str, Any]:
    return {
        "id": "e1",
        "asap_version": "0.1",
        "sender": "urn:asap:agent:alice",
        "recipient": "urn:asap:agent:default-server",
        "payload_type": "task.request",
        "payload": {"conversation_id": "c", "skill_id": "echo", "input": {"n": 1}},
    } | fields


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def call(**fields: Any) -> dict[str, Any]:
    params = {"envelope": envelope()}
    return {"jsonrpc": "2.0", "method": "asap.send", "params": params, "id": "q1"} | fields


def sending(**fields: Any) -> dict[str, Any]:
    return call(params={"envelope": envelope(**fields)})


def row(name: str, body: Any, differs: str = "", **headers: str) -> Row:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Row(name, content, named, differs=differs)


def get(name: str, path: str, method: str = "GET", differs: str = "", **headers: str) -> Row:
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return Row(name, headers=named, method=method, path=path, differs=differs)


def nested(depth: int) -> bytes:
    task = {"conversation_id": "c", "skill_id": "echo", "input": {"deep": "HERE"}}
    body = json.dumps(sending(payload=task))
    return body.replace('"HERE"', "[" * depth + "]" * depth).encode()


CALL = json.dumps(call()).encode()
RESPONSE = {"task_id": "t", "status": "completed"}
MANIFEST = "/.well-known/asap/manifest.json"

ROWS = [
    # §2.3, not JSON and not an object
    row("empty body", b""),
    row("not JSON", b"{"),
    row("bad UTF-8", b'{"id": "\xff"}'),
    row("a number", 5),
    row("a string", "text"),
    row("null", None),
    # §2.3, the shape of a call
    row("a call", call()),
    row("integer id", call(id=7)),
    row("true as id", call(id=True)),
    row("jsonrpc left out", without(call(), "jsonrpc")),
    row("wrong jsonrpc", call(jsonrpc="1.0")),
    row("no id", without(call(), "id")),
    row("null id", call(id=None)),
    row("extra key", call(extra=1)),
    row("no method", without(call(), "method")),
    row("another method", call(method="asap.receive")),
    row("no params", without(call(), "params")),
    row("params a list", call(params=[1])),
    row("params null", call(params=None)),
    row("more params", call(params={"envelope": envelope(), "idempotency_key": "k", "x": 1})),
    row("float id", call(id=1.5), differs="§0: -32600, not an internal error"),
    # §2.3, the envelope
    row("no envelope", call(params={})),
    row("null envelope", call(params={"envelope": None})),
    row("envelope a list", call(params={"envelope": []})),
    row("empty envelope", call(params={"envelope": {}})),
    row("unknown envelope field", sending(extra=1)),
    row("sender no URN", sending(sender="alice")),
    row("payload of another type", sending(payload=RESPONSE)),
    row("payload a list", sending(payload=[])),
    row("response without correlation", sending(payload_type="task.response", payload=RESPONSE)),
    row("payload_type a number", sending(payload_type=5), differs="§0: -32602 with the id"),
    # §2.4 and §3.6, dispatch
    row("unknown payload type", sending(payload_type="foo.bar", payload={})),
    row("payload type spelled otherwise", sending(payload_type="TaskRequest")),
    row("recipient someone else", sending(recipient="urn:asap:agent:carol")),
    row("another asap_version", sending(asap_version="9")),
    row("correlation, trace, extensions", sending(trace_id="t", extensions={"nonce": ""})),
    # §2.5
    row("empty batch", []),
    row("batch of one", [call()]),
    row("batch of good and bad", [call(id=1), call(method="no"), without(call(), "id"), 5, []]),
    row("batch of 50", [call(id=n) for n in range(50)]),
    row("batch of 51", [call(id=n) for n in range(51)]),
    # §2.6
    row("version 2.1", CALL, ASAP_Version="2.1"),
    row("versions in the order of the client", CALL, ASAP_Version="9.9 ,  2.1, 2.2"),
    row("version unknown", CALL, ASAP_Version="9.9"),
    row("version blank", CALL, ASAP_Version=""),
    # §2.7
    row("content type text", CALL, Content_Type="text/plain"),
    row("gzip", gzip.compress(CALL), Content_Encoding="gzip"),
    row("brotli", brotli.compress(CALL), Content_Encoding="br"),
    row("identity", CALL, Content_Encoding="identity"),
    row("unknown encoding", CALL, Content_Encoding="zstd"),
    row("corrupt gzip", CALL, Content_Encoding="gzip"),
    row("corrupt brotli", CALL, Content_Encoding="br"),
    row("too large", b" " * (MAX_REQUEST_SIZE + 1)),
    row("too large inflated", gzip.compress(b" " * 10**7), Content_Encoding="gzip"),
    row("input nested 200 deep", nested(200)),
    row("input nested 400 deep", nested(400)),
    row("100000 nested arrays", b"[" * 100_000, differs="§0: a JSON-RPC error, never a 500"),
    row(
        "gzip batch",
        gzip.compress(b"[" + CALL + b"]"),
        differs="§0: a compressed batch is recognised",
        Content_Encoding="gzip",
    ),
    # §2.8
    row("stale timestamp", sending(timestamp="2020-01-01T00:00:00Z")),
    row("timestamp ahead", sending(timestamp="2999-01-01T00:00:00+02:00")),
    row("naive timestamp", sending(timestamp="2020-01-01T00:00:00")),
    # §3
    get("GET /asap", "/asap"),
    get("DELETE /asap", "/asap", "DELETE"),
    get("unknown path", "/nothing"),
    get("manifest", MANIFEST),
    get("manifest with another tag", MANIFEST, If_None_Match='"no"'),
    get("manifest with any tag", MANIFEST, If_None_Match="*"),
    get("POST manifest", MANIFEST, "POST", differs="§0: HEAD is allowed too"),
    get("HEAD manifest", MANIFEST, "HEAD", differs="§0: HEAD answers like GET"),
    get("health of the agent", "/.well-known/asap/health"),
    get("health", "/health"),
    get("ready", "/ready"),
]


def ask(url: str, request: Row) -> httpx.Response:
    return httpx.request(
        request.method,
        url + request.path,
        content=request.content,
        headers=request.headers,
        timeout=PATIENCE,
        verify=False,  # nothing here is TLS, and loading certificates takes longer than asking
    )


def summary(response: httpx.Response) -> dict[str, Any]:
    """What a client can act on; wording and what changes from call to call are left out."""
    headers = {name: response.headers.get(name) for name in ("ASAP-Version", "Allow")}
    try:
        body = response.json()
    except ValueError:
        return {"status": response.status_code, "headers": headers, "body": "not JSON"}
    answers = [rpc(answer) for answer in body] if isinstance(body, list) else rpc(body)
    return {"status": response.status_code, "headers": headers, "body": answers}


def rpc(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        data = answer["error"]["data"]
        return {
            "keys": list(answer),
            "id": answer["id"],
            "code": answer["error"]["code"],
            "data": data and sorted(data),
        }
    if "result" in answer:
        return {"id": answer["id"], "envelope": echo(answer["result"]["envelope"])}
    return {"keys": sorted(answer)}


def echo(reply: dict[str, Any]) -> dict[str, Any]:
    fresh = {"id": None, "timestamp": None, "payload": without(reply["payload"], "task_id")}
    return reply | fresh


SAME = [request for request in ROWS if not request.differs]
DIFFERENT = [request for request in ROWS if request.differs]


@pytest.mark.parametrize("request_", SAME, ids=lambda request: request.name)
def test_both_servers_answer_alike(published_server: str, our_server: str, request_: Row) -> None:
    ours, theirs = ask(our_server, request_), ask(published_server, request_)
    assert summary(ours) == summary(theirs)


@pytest.mark.parametrize("request_", DIFFERENT, ids=lambda request: request.name)
def test_a_difference_on_purpose_is_still_one(
    published_server: str, our_server: str, request_: Row
) -> None:
    ours, theirs = ask(our_server, request_), ask(published_server, request_)
    assert summary(ours) != summary(theirs), request_.differs


@pytest.mark.parametrize("server", ["published_server", "our_server"])
def test_a_manifest_is_not_sent_again_under_its_own_tag(
    server: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(server)
    tag = ask(url, get("manifest", MANIFEST)).headers["ETag"]
    again = ask(url, get("manifest", MANIFEST, If_None_Match=tag))
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)


def test_both_servers_count_and_refuse_alike(peer_python: Path, tmp_path: Path) -> None:
    bodies = [call(), [call()] * 3, 5, [call()] * 2, call(), call(), call()]
    requests = [row("counted", body) for body in bodies]
    answers = []
    for python in (Path(sys.executable), peer_python):
        with serving(python, tmp_path, rate_limit="5/hour") as url:
            responses = [ask(url, request) for request in requests]
        waits = ["Retry-After" in response.headers for response in responses]
        answers.append((waits, [summary(response) for response in responses]))
    assert answers[0] == answers[1]


def test_every_metric_of_ours_has_the_name_and_type_of_theirs(
    published_server: str, our_server: str
) -> None:
    texts = [
        ask(url, get("metrics", "/asap/metrics")).text for url in (our_server, published_server)
    ]
    ours, theirs = ({line for line in t.splitlines() if line[:6] == "# TYPE"} for t in texts)
    assert ours
    assert ours <= theirs
