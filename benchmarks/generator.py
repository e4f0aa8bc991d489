"""How many requests a second one generator process makes: ours, locust's FastHttpUser and HttpUser.

Each drives the same server from the other core, in alternation, in a closed loop of the same users.
All send the same bytes and check each reply by the same function. The servers are a responder that
does nothing, so that the generator is the bottleneck, and the real one.

    python -m benchmarks.generator
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import psutil

from asapbench.offer import REQUESTS, Command, Endpoint, Load, Offer, Outcome
from asapbench.series import rows_of

USERS = 50
WARM_UP = 0.5
SECONDS = 2.0
ROUNDS = 5
SERVER_CORE, CLIENT_CORE = 0, 1

_UVICORN = """
import socket, uvicorn
listener = socket.socket(fileno={fd})
config = uvicorn.Config("asap.transport.server:app", log_level="critical", access_log=False)
uvicorn.Server(config).run(sockets=[listener])
"""


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Requests per second of each generator, the server's CPU share beside it, and the ratios."""
    numbers: dict[str, float] = {}
    for name, server in (("responder", responder), ("asap server", asap_server)):
        with server() as (url, pid):
            samples = [_round(url, psutil.Process(pid)) for _ in range(rounds)]
        for key in samples[0]:
            values = sorted(sample[key] for sample in samples)
            numbers[f"{name}: {key}"] = round(median(values), 2)
            if " / " in key:
                numbers[f"{name}: {key}, least"] = round(values[0], 2)
                numbers[f"{name}: {key}, most"] = round(values[-1], 2)
    return numbers


def _round(url: str, server: psutil.Process) -> dict[str, float]:
    """Each generator once."""
    sample: dict[str, float] = {}
    for client, drive in (("ours", _ours), ("fast", _locust), ("http", _locust)):
        before, began = _cpu(server), monotonic()
        sample[f"{client} req/s"] = drive(client, url)
        sample[f"{client} server CPU"] = (_cpu(server) - before) / (monotonic() - began)
    sample["ours / FastHttpUser"] = sample["ours req/s"] / sample["fast req/s"]
    sample["ours / HttpUser"] = sample["ours req/s"] / sample["http req/s"]
    return sample


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def responder() -> Iterator[tuple[str, int]]:
    """URL and pid of the server that does nothing."""
    with _child(SERVER_CORE, "-m", "benchmarks.responder") as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid


@contextmanager
def asap_server() -> Iterator[tuple[str, int]]:
    """URL and pid of the real server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        program = _UVICORN.format(fd=listener.fileno())
        with _child(SERVER_CORE, "-c", program, pass_fds=[listener.fileno()]) as process:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid


@contextmanager
def _child(core: int, *argv: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A Python process on one core, killed at the end."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})  # a child inherits it
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, *argv], stdin=pipe, stdout=pipe, text=True, **options
    )
    os.sched_setaffinity(0, cores)
    with process:
        try:
            yield process
        finally:
            process.kill()


def offer(url: str) -> Offer:
    """The load of all generators: echo requests."""
    return Offer(url=url, records="", endpoints=(Endpoint(name="asap", weight=1),))


def _ours(_client: str, url: str) -> float:
    """Requests per second of our generator that were answered right."""
    with (
        TemporaryDirectory() as directory,
        _child(CLIENT_CORE, "-m", "asapbench.workers.generate") as process,
    ):
        records = Path(directory, "requests.series")
        load = Load(users=USERS, spawn_rate=USERS, rate=None)
        files = {"records": str(records), "pulse": str(Path(directory, "pulse.series"))}
        _tell(process, offer(url).model_copy(update=files), "ready")
        _tell(process, Command(do="load", load=load), "ramped")
        start = monotonic() + WARM_UP
        sleep(WARM_UP + SECONDS)
        _tell(process, Command(do="stop"), "stopped")
        rows = list(REQUESTS.row.iter_unpack(rows_of(records)))
    assert all(outcome == Outcome.OK for *_, outcome, _, _, _ in rows)
    return float(sum(start <= done < start + SECONDS for _, _, done, *_ in rows) / SECONDS)


def _tell(process: subprocess.Popen[str], message: Offer | Command, answer: str) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    print(message.model_dump_json(), file=process.stdin, flush=True)
    event = json.loads(process.stdout.readline())
    assert event["event"] == answer, event


def _locust(client: str, url: str) -> float:
    """Requests per second of one of locust's users that were answered right."""
    with _child(CLIENT_CORE, "-m", "benchmarks.generator", client, url) as process:
        assert process.stdout is not None
        right, wrong = json.loads(process.stdout.readline())
    assert wrong == 0
    return float(right / SECONDS)


def _drive_locust(client: str, url: str) -> None:
    """The process of `_locust`: prints how many replies were right and wrong."""
    import logging

    import gevent
    from locust import FastHttpUser, HttpUser, constant, task
    from locust.env import Environment

    from asapbench.workers.generate.clock import Clock
    from asapbench.workers.generate.send import SendExchange

    logging.disable()
    headers = {"Content-Type": "application/json", "ASAP-Version": "2.2"}
    exchange = SendExchange(offer(url), "/asap", {}, Clock())
    numbers = count(10**15)
    seen = {True: 0, False: 0}

    class Asker(FastHttpUser if client == "fast" else HttpUser):  # type: ignore[misc] # by choice
        host = url
        wait_time = constant(0)

        @task
        def ask(self) -> None:
            number = next(numbers)
            body = exchange.request(number).partition(b"\r\n\r\n")[2]
            reply = self.client.post("/asap", data=body, headers=headers)
            right = reply.status_code == 200 and not exchange.check(number, reply.content)
            seen[right] += 1

    runner = Environment(user_classes=[Asker]).create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    gevent.sleep(WARM_UP)
    before = seen.copy()
    gevent.sleep(SECONDS)
    print(json.dumps([seen[True] - before[True], seen[False]]), flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        _drive_locust(*sys.argv[1:])
    else:
        for name, value in measure().items():
            print(f"{name:45} {value:12,.2f}")
