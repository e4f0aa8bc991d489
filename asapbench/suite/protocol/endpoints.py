"""Requests over a kept connection, each answer checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import Any

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asap.models import generate_id
from asap.transport.jsonrpc import ASAP_METHOD, INVALID_PARAMS
from asapbench.suite import Agent, Operation, benchmark
from asapbench.suite.connection import Connection, WrongReplyError
from asapbench.suite.protocol.samples import REQUEST, SENDER, text

_Run = Callable[[], Any]

_METRICS_PATH = "/asap/metrics"
_FETCHES = 50
_BATCH = 10
_SIZES = (100, 1_000, 10_000, 100_000)

_VARIABLE = ("?id?", "?time?", "?call?")


class Requests:
    """Requests that differ in id and time alone, and the check of their answers."""

    def __init__(self, agent: Agent, **input_: Any) -> None:
        self._numbers = count()
        self._prefix = generate_id()[:14]
        envelope = {
            "id": _VARIABLE[0],
            "asap_version": "0.1",
            "timestamp": _VARIABLE[1],
            "sender": SENDER,
            "recipient": agent.id,
            "payload_type": "task.request",
            "payload": {**REQUEST, "input": input_ or REQUEST["input"]},
        }
        call = {
            "jsonrpc": "2.0",
            "method": ASAP_METHOD,
            "params": {"envelope": envelope},
            "id": _VARIABLE[2],
        }
        template = json.dumps(call, separators=(",", ":")).replace("%", "%%")
        for variable in _VARIABLE:
            template = template.replace(variable, "%s")
        self._template = template

    def make(self) -> tuple[str, str]:
        """A request and its number, in the id of which it ends."""
        number = f"{next(self._numbers):012d}"
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        return self._template % (self._prefix + number, now, number), number

    @property
    def size(self) -> int:
        """The bytes of the body of each of them."""
        return len(self.make()[0].encode())

    def check(self, answer: Any, number: str) -> None:
        """Raise WrongReplyError unless this answers the request of that number."""
        envelope = answer.get("result", {}).get("envelope", {})
        right = (
            answer.get("id") == number
            and envelope.get("correlation_id") == self._prefix + number
            and envelope.get("payload", {}).get("status") == "completed"
        )
        if not right:
            raise WrongReplyError(f"a valid request was answered {str(answer)[:300]}")


@benchmark(group="manifest_endpoint")
def get_manifest(agent: Agent) -> Iterator[_Run]:
    """The manifest of the agent under test."""
    with closing(Connection(agent)) as connection:
        request = connection.get(WELLKNOWN_MANIFEST_PATH)

        def get() -> None:
            _same_agent(json.loads(connection.exchange(request)), agent)

        yield get


@benchmark(group="metrics_endpoint")
def get_metrics(agent: Agent) -> Iterator[_Run]:
    """Its metrics as Prometheus reads them."""
    with closing(Connection(agent)) as connection:
        request = connection.get(_METRICS_PATH)

        def get() -> None:
            if b"asap_requests_total" not in connection.exchange(request):
                raise WrongReplyError(f"{_METRICS_PATH} does not tell asap_requests_total")

        yield get


@benchmark(group="asap_endpoint")
def valid_request(agent: Agent) -> Iterator[_Run]:
    """A task request, which the agent carries out."""
    with closing(Connection(agent)) as connection:
        yield _asking(connection, Requests(agent))


@benchmark(group="asap_endpoint")
def invalid_request(agent: Agent) -> Iterator[_Run]:
    """A request whose envelope names no recipient: the error path."""
    with closing(Connection(agent)) as connection:
        requests, head = Requests(agent), connection.post("/asap")

        def ask() -> None:
            body, number = requests.make()
            body = body.replace('"recipient"', '"extensions"', 1)
            data = body.encode()
            answer = json.loads(connection.exchange(head % len(data) + data))
            if answer.get("id") != number or answer.get("error", {}).get("code") != INVALID_PARAMS:
                raise WrongReplyError(f"an invalid request was answered {str(answer)[:300]}")

        yield ask


@benchmark(group="asap_endpoint", items=_BATCH)
def batch_of_10(agent: Agent) -> Iterator[_Run]:
    """Ten task requests in one JSON-RPC batch."""
    with closing(Connection(agent)) as connection:
        requests, head = Requests(agent), connection.post("/asap")

        def ask() -> None:
            made = [requests.make() for _ in range(_BATCH)]
            data = f"[{','.join(body for body, _ in made)}]".encode()
            answers = json.loads(connection.exchange(head % len(data) + data))
            if not isinstance(answers, list) or len(answers) != _BATCH:
                raise WrongReplyError(f"a batch of {_BATCH} was answered {str(answers)[:300]}")
            for answer, (_, number) in zip(answers, made, strict=True):
                requests.check(answer, number)

        yield ask


@benchmark(group="throughput", rate=True)
def requests(agent: Agent) -> Iterator[_Run]:
    """Task requests one after the other."""
    with closing(Connection(agent)) as connection:
        yield _asking(connection, Requests(agent))


@benchmark(group="throughput", items=_FETCHES, rate=True)
def manifest_fetches_50(agent: Agent) -> Iterator[_Run]:
    """Fifty manifests one after the other."""
    with closing(Connection(agent)) as connection:
        request = connection.get(WELLKNOWN_MANIFEST_PATH)

        def fetch() -> None:
            for _ in range(_FETCHES):
                _same_agent(json.loads(connection.exchange(request)), agent)

        yield fetch


@benchmark(group="payload_scaling", sizes=_SIZES, exponent=True)
def request(agent: Agent, size: int) -> Iterator[Operation]:
    """A task request of so many bytes in all; the smallest has no text and is what it must be."""
    with closing(Connection(agent)) as connection:
        requests = of_size(agent, size)
        yield Operation(_asking(connection, requests), size=requests.size)


def of_size(agent: Agent, size: int) -> Requests:
    """Requests of so many bytes, or of as few as there can be."""
    room = size - Requests(agent, text="").size
    return Requests(agent, text=text(room))


def _asking(connection: Connection, requests: Requests) -> _Run:
    head = connection.post("/asap")

    def ask() -> None:
        body, number = requests.make()
        data = body.encode()
        requests.check(json.loads(connection.exchange(head % len(data) + data)), number)

    return ask


def _same_agent(manifest: Any, agent: Agent) -> None:
    if manifest.get("id") != agent.id:
        raise WrongReplyError(f"the manifest is that of {manifest.get('id')!r}, not {agent.id!r}")
