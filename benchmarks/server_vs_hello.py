"""How much of a bare ASGI server's speed is left when it serves ASAP.

Two uvicorns of the same configuration, one behind `hello` and one behind
`asap.transport.server:app`, are driven in alternation by the same client with the same request.
They share one core and the client has another; only one of the two is under load at any time.

The client never sleeps, it polls. To wake a sleeping process on another core costs the sender, on
a virtual machine, as much as several system calls; the slower server pays it for every answer and
the faster one for few, and the ratio would tell more of the machine than of the servers. So it is
its idle time, in which a poll found nothing, that shows that the client is not the bottleneck.

    python -m benchmarks.server_vs_hello [--rounds 5] [--seconds 2]
"""

import argparse
import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import psutil
import uvicorn

from asap.models.envelope import Envelope
from asap.models.payloads import TaskRequest
from asap.transport.jsonrpc import JsonRpcRequest

CONNECTIONS = 32
WARM_UP_SECONDS = 0.5
APPS = {
    "hello": "benchmarks.server_vs_hello:hello",
    "asap": "asap.transport.server:app",
}


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI names all three
    """The least an ASGI application can do."""
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def request_bytes() -> bytes:
    """A request as a client sends it, fresh enough for the next five minutes."""
    envelope = Envelope(
        asap_version="0.1",
        sender="urn:asap:agent:bench-client",
        recipient="urn:asap:agent:default-server",
        payload_type="task.request",
        payload=TaskRequest(
            conversation_id="01J00000000000000000000000",
            skill_id="echo",
            input={"message": "hello", "numbers": [1, 2, 3]},
        ),
    )
    params = {"envelope": envelope.model_dump(mode="json"), "idempotency_key": envelope.id}
    request = JsonRpcRequest(method="asap.send", params=params, id="req-1")
    return _http(request.model_dump_json().encode())


def _http(body: bytes) -> bytes:
    head = (
        "POST /asap HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"accept: application/json\r\nasap-version: 2.2, 2.1\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(frozen=True)
class Load:
    """One round of load.

    `rate` is in requests per second, `cpu` the server's CPU seconds per request, `client_idle` the
    share of the time in which the client had nothing to do.
    """

    rate: float
    cpu: float
    client_idle: float


class Connection:
    """Sends the same request again as soon as it has been answered."""

    def __init__(self, port: int, request: bytes) -> None:
        self._request = request
        self._received = b""
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        self.fileno = self._socket.fileno
        self.close = self._socket.close

    def turn(self) -> int:
        """Read what has come; 1 if that completed a response, else 0."""
        self._received += self._socket.recv(65536)
        if not _is_complete(self._received):
            return 0
        if not _is_success(self._received):
            raise RuntimeError(f"the server refused: {self._received!r}")
        self._received = b""
        self._socket.sendall(self._request)
        return 1


def _is_complete(received: bytes) -> bool:
    end = received.find(b"\r\n\r\n")
    start = received.find(b"content-length: ", 0, end) + len(b"content-length: ")
    return end > 0 and len(received) == end + 4 + int(received[start : received.find(b"\r", start)])


def _is_success(response: bytes) -> bool:
    return response.startswith(b"HTTP/1.1 200") and b'"error"' not in response


@dataclass(frozen=True)
class Server:
    """A uvicorn under load."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def drive(server: Server, seconds: float) -> Load:
    """Keep every connection busy for a while."""
    request = request_bytes()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(closing(Connection(server.port, request)))
            selector.register(connection, selectors.EVENT_READ, data=connection)
        cpu = server.cpu_seconds()
        answered, elapsed, idle = _exchange(selector, seconds)
        cpu = server.cpu_seconds() - cpu
    if not answered:
        raise RuntimeError(f"no answer in {seconds} s: other programs have taken the cores")
    return Load(rate=answered / elapsed, cpu=cpu / answered, client_idle=idle / elapsed)


def _exchange(selector: selectors.BaseSelector, seconds: float) -> tuple[int, float, float]:
    answered, idle = 0, 0.0
    now = started = time.perf_counter()
    while now - started < seconds:
        ready = selector.select(0)
        for key, _ in ready:
            answered += key.data.turn()
        before, now = now, time.perf_counter()
        idle += 0 if ready else now - before
    return answered, now - started, idle


def serve(app: str, fd: int) -> None:
    """Run one uvicorn on a listening socket that the parent has bound."""
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", access_log=False, log_level="warning", lifespan="off"
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd)])


@contextmanager
def serving(app: str, core: int) -> Iterator[Server]:
    """A uvicorn of its own, pinned to a core."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        fd = listener.fileno()
        command = [
            sys.executable,
            "-m",
            "benchmarks.server_vs_hello",
            "--serve",
            APPS[app],
            "--fd",
            str(fd),
        ]
        with subprocess.Popen(command, pass_fds=[fd]) as process:
            os.sched_setaffinity(process.pid, {core})
            try:
                port = listener.getsockname()[1]
                _wait_until_it_answers(port)
                yield Server(port, psutil.Process(process.pid))
            finally:
                process.terminate()


def _wait_until_it_answers(port: int) -> None:
    with closing(Connection(port, request_bytes())) as connection:
        while not connection.turn():
            pass


def measure(rounds: int = 5, seconds: float = 2.0) -> dict[str, float]:
    """What `asap` serves of what `hello` serves, as medians of the rounds.

    `ratio` compares requests per second, `cpu_ratio` requests per CPU second of the server: on a
    machine that others use too, the second is the steadier one.
    """
    server_core, client_core = _cores()
    own_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {client_core})
    try:
        with ExitStack() as stack:
            servers = {app: stack.enter_context(serving(app, server_core)) for app in APPS}
            for server in servers.values():
                drive(server, WARM_UP_SECONDS)
            found = [
                {app: drive(server, seconds) for app, server in servers.items()}
                for _ in range(rounds)
            ]
    finally:
        os.sched_setaffinity(0, own_cores)
    return _summary(found)


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise RuntimeError("two cores are needed: one for the server, one for the client")
    return cores[0], cores[1]


def _summary(found: list[dict[str, Load]]) -> dict[str, float]:
    hello, asap = ([loads[app] for loads in found] for app in ("hello", "asap"))
    ratios = [a.rate / h.rate for a, h in zip(asap, hello, strict=True)]
    cpu_ratios = [h.cpu / a.cpu for a, h in zip(asap, hello, strict=True)]
    return {
        "ratio": median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "cpu_ratio": median(cpu_ratios),
        "hello_rate": median(load.rate for load in hello),
        "asap_rate": median(load.rate for load in asap),
        "hello_cpu_microseconds": 1e6 * median(load.cpu for load in hello),
        "asap_cpu_microseconds": 1e6 * median(load.cpu for load in asap),
        "client_idle_low": min(load.client_idle for load in hello + asap),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--fd", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.fd)
    else:
        print(json.dumps(measure(options.rounds, options.seconds), indent=2))


if __name__ == "__main__":
    main()
