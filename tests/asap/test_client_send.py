"""PROTOCOL.md §4.2 and `send_batch`: what is sent, and what each answer means."""

import asyncio
import contextlib
import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from asap.errors import ASAPConnectionError, ASAPError, ASAPRemoteError, ASAPTimeoutError
from asap.models import Envelope
from asap.transport import ASAPClient, RetryConfig, limited, metrics, retry
from asap.transport.compression import decompress_payload
from asap.transport.errors import ProtocolCorrelationError
from asap.transport.reply import read_reply
from asap.transport.retry import Retryable

URL = "http://localhost:8000"
TWO_ATTEMPTS = RetryConfig(max_retries=2, jitter=False)

Answer = httpx.Response | Exception


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []

    async def sleep(delay: float) -> None:
        delays.append(delay)

    monkeypatch.setattr(retry, "sleep", sleep)
    return delays


class Agent(httpx.MockTransport):
    """Answers with each of `answers` in turn, then with the last one again."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self._answers: Iterator[Answer] = iter(answers)
        self._last: Answer | None = None

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self._last = answer = next(self._answers, self._last) or httpx.Response(500)
        if isinstance(answer, Exception):
            raise answer
        return answer


def envelope(**fields: Any) -> Envelope:
    task = {"conversation_id": "c", "skill_id": "echo", "input": {}}
    return Envelope.model_validate(
        {
            "id": "e1",
            "asap_version": "0.1",
            "sender": "urn:asap:agent:alice",
            "recipient": "urn:asap:agent:bob",
            "payload_type": "task.request",
            "payload": task,
        }
        | fields
    )


def reply(**fields: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "asap_version": "0.1",
        "timestamp": "2030-05-06T07:08:09Z",
        "sender": "urn:asap:agent:bob",
        "recipient": "urn:asap:agent:alice",
        "payload_type": "task.response",
        "payload": {"task_id": "t1", "status": "completed"},
        "correlation_id": "e1",
    } | fields


def success(**fields: Any) -> httpx.Response:
    body = {"jsonrpc": "2.0", "result": {"envelope": reply(**fields)}, "id": "req-1"}
    return httpx.Response(200, json=body, headers={"ASAP-Version": "2.2"})


def rpc_error(code: object = -32603, message: str = "no", data: Any = None) -> httpx.Response:
    error = {"code": code, "message": message, "data": data}
    return httpx.Response(200, json={"jsonrpc": "2.0", "error": error, "id": "req-1"})


async def send(agent: Agent, request: Envelope | None = None, **options: Any) -> Envelope:
    options = {"retry_config": TWO_ATTEMPTS} | options
    async with ASAPClient(URL, transport=agent, **options) as client:
        return await client.send(request or envelope())


async def failed_send(agent: Agent, **options: Any) -> ASAPError:
    with pytest.raises(ASAPError) as caught:
        await send(agent, **options)
    return caught.value


async def sent(request: Envelope | None = None, **options: Any) -> httpx.Request:
    agent = Agent(success())
    await send(agent, request, **options)
    return agent.requests[0]


def body_of(request: httpx.Request) -> dict[str, Any]:
    coding = request.headers.get("Content-Encoding", "identity")
    body: dict[str, Any] = json.loads(decompress_payload(request.content, coding))
    return body


def sample(name: str, **labels: str) -> float:
    return metrics.PROCESS.get_sample_value(name, labels) or 0.0


async def test_an_envelope_is_posted_to_asap_as_a_json_rpc_call() -> None:
    request = await sent(envelope(id="e1"))
    assert (request.method, str(request.url)) == ("POST", f"{URL}/asap")
    body = body_of(request)
    assert list(body) == ["jsonrpc", "method", "params", "id"]
    assert (body["jsonrpc"], body["method"], body["id"]) == ("2.0", "asap.send", "req-1")


async def test_the_envelope_travels_as_its_json_dump_with_nulls() -> None:
    request = envelope()
    assert body_of(await sent(request))["params"]["envelope"] == request.model_dump(mode="json")


async def test_request_ids_count_from_1_for_each_client() -> None:
    for _ in range(2):
        agent = Agent(success())
        async with ASAPClient(URL, transport=agent) as client:
            for _ in range(3):
                await client.send(envelope())
        assert [body_of(r)["id"] for r in agent.requests] == ["req-1", "req-2", "req-3"]


async def test_the_headers_are_those_of_the_protocol() -> None:
    headers = (await sent()).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["Accept"] == "application/json"
    assert headers["Accept-Encoding"] == "br, gzip, identity"
    assert headers["ASAP-Version"] == "2.2, 2.1"
    assert "Authorization" not in headers
    assert "Content-Encoding" not in headers


async def test_the_idempotency_key_is_a_ulid_in_header_and_params() -> None:
    request = await sent()
    key = request.headers["X-Idempotency-Key"]
    assert ULID.from_str(key)
    assert body_of(request)["params"]["idempotency_key"] == key


async def test_all_attempts_carry_the_same_key_and_id_and_the_next_send_a_fresh_one() -> None:
    agent = Agent(httpx.Response(503), success())
    async with ASAPClient(URL, transport=agent, retry_config=TWO_ATTEMPTS) as client:
        await client.send(envelope())
        await client.send(envelope())
    first, again, second = (r.headers["X-Idempotency-Key"] for r in agent.requests)
    assert first == again != second
    assert [body_of(r)["id"] for r in agent.requests] == ["req-1", "req-1", "req-2"]


async def test_the_token_is_sent_as_bearer() -> None:
    assert (await sent(auth_token="secret")).headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("versions", [["2.1"], ["2.1", "2.2"]])
async def test_the_versions_given_are_offered_in_their_order(versions: list[str]) -> None:
    request = await sent(supported_transport_versions=versions)
    assert request.headers["ASAP-Version"] == ", ".join(versions)


LARGE = {"conversation_id": "c", "skill_id": "echo", "input": {"text": "a" * 5000}}


async def test_a_large_body_is_compressed() -> None:
    request = await sent(envelope(payload=LARGE))
    assert request.headers["Content-Encoding"] == "br"
    assert len(request.content) < 1000
    assert body_of(request)["params"]["envelope"]["payload"]["input"] == LARGE["input"]


async def test_compression_can_be_turned_off() -> None:
    request = await sent(envelope(payload=LARGE), compression=False)
    assert "Content-Encoding" not in request.headers


async def test_the_threshold_of_compression_can_be_moved() -> None:
    assert "Content-Encoding" in (await sent(compression_threshold=1)).headers
    request = await sent(envelope(payload=LARGE), compression_threshold=100_000)
    assert "Content-Encoding" not in request.headers


async def test_a_success_is_the_envelope_of_the_result() -> None:
    answer = await send(Agent(success()))
    assert answer == Envelope.model_validate(reply())


async def test_the_json_rpc_id_of_the_answer_is_not_compared() -> None:
    body = {"jsonrpc": "2.0", "result": {"envelope": reply()}, "id": "another"}
    assert (await send(Agent(httpx.Response(200, json=body)))).id == "r1"


async def test_an_error_of_null_beside_a_result_is_no_error() -> None:
    body = {"result": {"envelope": reply()}, "error": None}
    assert (await send(Agent(httpx.Response(200, json=body)))).id == "r1"


async def test_the_version_that_the_agent_chose_is_known_after_an_answer() -> None:
    async with ASAPClient(URL, transport=Agent(success())) as client:
        before = client.last_response_asap_version
        await client.send(envelope())
        assert (before, client.last_response_asap_version) == (None, "2.2")


CORRELATED = [
    ("task.response", {"task_id": "t", "status": "completed"}),
    ("TaskResponse", {"task_id": "t", "status": "completed"}),
    ("mcp_tool_result", {"request_id": "r", "success": True, "result": {}}),
    ("mcp.resource.data", {"resource_uri": "r", "content": {}}),
]


@pytest.mark.parametrize(("payload_type", "payload"), CORRELATED)
async def test_an_answer_to_another_request_is_a_correlation_error_without_retry(
    payload_type: str, payload: dict[str, Any]
) -> None:
    agent = Agent(success(payload_type=payload_type, payload=payload, correlation_id="e2"))
    error = await failed_send(agent)
    assert isinstance(error, ProtocolCorrelationError)
    assert (error.request_id, error.correlation_id, error.rpc_code) == ("e1", "e2", -32001)
    assert len(agent.requests) == 1


@pytest.mark.parametrize(("payload_type", "payload"), [("task.stream", {}), ("note", {})])
async def test_other_payloads_may_name_another_request(
    payload_type: str, payload: dict[str, Any]
) -> None:
    agent = Agent(success(payload_type=payload_type, payload=payload, correlation_id="e2"))
    assert (await send(agent)).correlation_id == "e2"


RETRIED = [
    (httpx.ConnectError("refused"), ASAPConnectionError),
    (httpx.ConnectTimeout("slow"), ASAPTimeoutError),
    (httpx.ReadTimeout("slow"), ASAPTimeoutError),
    (httpx.PoolTimeout("busy"), ASAPTimeoutError),
    (httpx.Response(500), ASAPConnectionError),
    (httpx.Response(503, json={"retry_after": 99}), ASAPConnectionError),
    (httpx.Response(429), ASAPConnectionError),
    (httpx.Response(429, headers={"Retry-After": "soon"}), ASAPConnectionError),
]


@pytest.mark.parametrize(("answer", "error"), RETRIED)
async def test_a_passing_failure_is_tried_again_after_the_backoff(
    answer: Answer, error: type[ASAPError], slept: list[float]
) -> None:
    assert (await send(Agent(answer, success()))).id == "r1"
    assert slept == [1.0]


@pytest.mark.parametrize(("answer", "error"), RETRIED)
async def test_a_lasting_failure_is_raised_after_the_last_attempt(
    answer: Answer, error: type[ASAPError], slept: list[float]
) -> None:
    agent = Agent(answer)
    assert type(await failed_send(agent)) is error
    assert (len(agent.requests), slept) == (2, [1.0])


async def test_429_waits_as_long_as_retry_after_says(slept: list[float]) -> None:
    await send(Agent(httpx.Response(429, headers={"Retry-After": "7"}), success()))
    assert slept == [7.0]


async def test_retry_after_is_capped_at_the_maximum_delay(slept: list[float]) -> None:
    await send(Agent(httpx.Response(429, headers={"Retry-After": "86400"}), success()))
    assert slept == [60.0]


FINAL = [
    httpx.Response(400),
    httpx.Response(404),
    httpx.Response(413),
    httpx.Response(415),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("gone"),
    httpx.InvalidURL("odd"),
    success(payload_type=5),
    success(sender="nobody"),
]


@pytest.mark.parametrize("answer", FINAL)
async def test_a_lasting_refusal_is_a_connection_error_at_once(answer: Answer) -> None:
    agent = Agent(answer)
    error = await failed_send(agent)
    assert type(error) is ASAPConnectionError
    assert error.url == f"{URL}/asap"
    assert len(agent.requests) == 1


async def test_no_attempts_is_a_connection_error_without_a_request() -> None:
    agent = Agent(success())
    error = await failed_send(agent, retry_config=RetryConfig(max_retries=0))
    assert type(error) is ASAPConnectionError
    assert agent.requests == []


@pytest.mark.parametrize("attempts", [1, 4])
async def test_max_retries_is_the_total_number_of_attempts(attempts: int) -> None:
    agent = Agent(httpx.Response(500))
    await failed_send(agent, retry_config=None, max_retries=attempts, jitter=False)
    assert len(agent.requests) == attempts


async def test_keyword_delays_make_the_policy(slept: list[float]) -> None:
    options = {"retry_config": None, "base_delay": 2.0, "max_delay": 3.0, "jitter": False}
    await failed_send(Agent(httpx.Response(500)), **options)
    assert slept == [2.0, 3.0]


async def test_the_retry_config_wins_over_keyword_delays() -> None:
    agent = Agent(httpx.Response(500))
    await failed_send(agent, retry_config=TWO_ATTEMPTS, max_retries=9)
    assert len(agent.requests) == 2


async def test_a_json_rpc_error_is_a_remote_error_with_its_code_and_data() -> None:
    agent = Agent(rpc_error(-32602, "Invalid params", {"error": "why"}))
    error = await failed_send(agent)
    assert isinstance(error, ASAPRemoteError)
    assert str(error) == "Remote error -32602: Invalid params"
    assert (error.json_rpc_code, error.data) == (-32602, {"error": "why"})
    assert len(agent.requests) == 1


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_an_answer_without_an_end_is_given_up(
    coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited, "MAX_RESPONSE_SIZE", 1 << 20)
    body = b" " * (2 << 20)
    sent = gzip.compress(body) if coding == "gzip" else body
    answer = httpx.Response(200, content=sent, headers={"Content-Encoding": coding})
    error = await failed_send(Agent(answer))
    assert isinstance(error, ASAPConnectionError)
    assert "larger than 1 MiB" in str(error)


@pytest.mark.parametrize("milliseconds", [2500, 2500.0])
async def test_a_recoverable_error_waits_as_long_as_it_says(
    milliseconds: float, slept: list[float]
) -> None:
    hint = {"recoverable": True, "retry_after_ms": milliseconds}
    assert (await send(Agent(rpc_error(-32002, data=hint), success()))).id == "r1"
    assert slept == [2.5]


@pytest.mark.parametrize("milliseconds", [60_001, 10**9, 10**400])
async def test_the_wait_of_a_recoverable_error_is_capped(
    milliseconds: int, slept: list[float]
) -> None:
    hint = {"recoverable": True, "retry_after_ms": milliseconds}
    await send(Agent(rpc_error(-32002, data=hint), success()))
    assert slept == [60.0]


async def test_a_lasting_recoverable_error_is_raised_in_the_end() -> None:
    agent = Agent(rpc_error(-32002, data={"recoverable": True, "retry_after_ms": 1}))
    assert isinstance(await failed_send(agent), ASAPRemoteError)
    assert len(agent.requests) == 2


@pytest.mark.parametrize(
    "data",
    [
        None,
        [1],
        {"recoverable": True},
        {"recoverable": True, "retry_after_ms": None},
        {"recoverable": True, "retry_after_ms": "soon"},
        {"recoverable": False, "retry_after_ms": 1},
        {"recoverable": "yes", "retry_after_ms": 1},
        {"retry_after_ms": 1},
    ],
)
async def test_an_error_is_retried_only_if_recoverable_and_with_a_time(data: object) -> None:
    agent = Agent(rpc_error(-32002, data=data))
    assert isinstance(await failed_send(agent), ASAPRemoteError)
    assert len(agent.requests) == 1


NESTED = "[" * 200_000
NO_JSON = [
    httpx.Response(200, text="hello"),
    httpx.Response(204),
    httpx.Response(302, headers={"Location": "/"}),
    httpx.Response(200, content=b"\xff\xfe\x00"),
    httpx.Response(200, text=NESTED),
]
NO_ENVELOPE: list[Any] = [
    [],
    "text",
    {},
    {"result": None},
    {"result": []},
    {"result": {}},
    {"result": {"envelope": []}},
    {"result": {"envelope": None}},
    {"error": "text"},
    {"error": {"code": "x", "message": "m"}},
    {"error": {}},
]


@pytest.mark.parametrize("answer", NO_JSON)
async def test_an_answer_that_is_not_json_is_32700(answer: Answer) -> None:
    error = await failed_send(Agent(answer))
    assert isinstance(error, ASAPRemoteError)
    assert error.json_rpc_code == -32700


@pytest.mark.parametrize("body", NO_ENVELOPE)
async def test_an_answer_without_an_envelope_is_32603(body: object) -> None:
    error = await failed_send(Agent(httpx.Response(200, json=body)))
    assert isinstance(error, ASAPRemoteError)
    assert error.json_rpc_code == -32603


RPC_WORDS = ["jsonrpc", "result", "error", "envelope", "code", "data", "message", "details", "id"]
DATA_WORDS = ["recoverable", "retry_after_ms", "payload_type", "payload", "timestamp", "sender"]
WORDS = st.sampled_from([*RPC_WORDS, *DATA_WORDS])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
DOCUMENTS = st.recursive(
    VALUES | WORDS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=20
)


@given(document=DOCUMENTS, status=st.sampled_from([200, 200, 404, 429, 500]))
def test_any_answer_is_an_envelope_or_an_error_of_the_protocol(document: Any, status: int) -> None:
    response = httpx.Response(
        status, content=json.dumps(document), request=httpx.Request("POST", URL)
    )
    with contextlib.suppress(ASAPError, Retryable):
        assert isinstance(read_reply(response, envelope()), Envelope)


@given(envelope_=st.dictionaries(st.sampled_from(sorted(reply())), VALUES))
def test_any_envelope_in_an_answer_is_read_or_refused(envelope_: dict[str, Any]) -> None:
    body = json.dumps({"result": {"envelope": reply() | envelope_}})
    response = httpx.Response(200, content=body, request=httpx.Request("POST", URL))
    with contextlib.suppress(ASAPError):
        assert isinstance(read_reply(response, envelope()), Envelope)


async def test_no_envelope_is_a_value_error() -> None:
    agent = Agent(success())
    async with ASAPClient(URL, transport=agent) as client:
        with pytest.raises(ValueError, match="envelope"):
            await client.send(None)  # type: ignore[arg-type]  # the mistake under test


async def test_a_batch_is_one_request_each_with_the_answers_in_order() -> None:
    second_came = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        sent_id = body_of(request)["params"]["envelope"]["id"]
        if sent_id == "b":
            second_came.set()
        await second_came.wait()  # so that the first is answered last, and both are on their way
        return success(correlation_id=sent_id)

    transport = httpx.MockTransport(answer)
    async with ASAPClient(URL, transport=transport) as client:
        answers = await client.send_batch([envelope(id="a"), envelope(id="b")])
    assert [a.correlation_id for a in answers] == ["a", "b"]


async def test_an_empty_batch_is_a_value_error() -> None:
    async with ASAPClient(URL, transport=Agent(success())) as client:
        with pytest.raises(ValueError, match="empty"):
            await client.send_batch([])


async def test_the_first_failure_of_a_batch_is_raised() -> None:
    async with ASAPClient(URL, transport=Agent(success(), httpx.Response(404))) as client:
        with pytest.raises(ASAPConnectionError):
            await client.send_batch([envelope(), envelope()])


async def test_failures_of_a_batch_can_be_returned_in_their_places() -> None:
    async with ASAPClient(URL, transport=Agent(success(), httpx.Response(404))) as client:
        answers = await client.send_batch([envelope(), envelope()], return_exceptions=True)
    assert [type(a) for a in answers] == [Envelope, ASAPConnectionError]


async def test_a_success_is_counted_once_with_its_time() -> None:
    names = ["asap_transport_send_total", "asap_transport_send_duration_seconds_count"]
    before = [sample(name, status="success") for name in names]
    await send(Agent(httpx.Response(500), success()))
    assert [sample(name, status="success") for name in names] == [n + 1 for n in before]


async def test_a_failure_is_counted_once_by_the_class_of_its_error() -> None:
    series = [
        ("asap_transport_send_total", {"status": "error"}),
        ("asap_transport_send_errors_total", {"reason": "ASAPTimeoutError"}),
        ("asap_transport_retries_total", {}),
    ]
    before = [sample(name, **labels) for name, labels in series]
    await failed_send(Agent(httpx.ReadTimeout("slow")))
    assert [sample(name, **labels) for name, labels in series] == [n + 1 for n in before]
