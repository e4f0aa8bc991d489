"""The generator as its parent meets it: a process, its lines and its rows."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from asapbench.offer import REQUESTS, Command, Endpoint, Event, Load, Offer, Outcome
from asapbench.series import Follower, layout_of, rows_of

PATIENCE = 20.0
ALL = ("asap", "manifest", "metrics")


class Generator:
    """A generator process and its parent's side of the talk."""

    def __init__(self, records: Path, **environment: str) -> None:
        self.records = records
        self.process = subprocess.Popen(
            [sys.executable, "-m", "asapbench.workers.generate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )

    def say(self, message: BaseModel) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(message.model_dump_json().encode() + b"\n")
        self.process.stdin.flush()

    def offer(self, url: str, weights: tuple[int, ...] = (1, 1, 1), **offer: Any) -> None:
        endpoints = [
            Endpoint.model_validate({"name": name, "weight": weight})
            for name, weight in zip(ALL, weights, strict=False)
        ]
        self.say(Offer(url=url, records=str(self.records), endpoints=tuple(endpoints), **offer))

    def load(self, users: int, rate: float | None, spawn_rate: float = 1000.0) -> Event:
        self.say(Command(do="load", load=Load(users=users, spawn_rate=spawn_rate, rate=rate)))
        return self.await_event("ramped")

    def await_event(self, name: str) -> Event:
        assert self.process.stdout is not None
        event = Event.model_validate_json(self.process.stdout.readline())
        assert event.event == name, event
        return event

    def await_rows(self, least: int) -> None:
        follower = Follower(self.records)
        while least > 0:
            assert self.process.poll() is None
            least -= len(list(follower.new_rows()))

    def stop(self) -> None:
        self.say(Command(do="stop"))
        self.await_event("stopped")
        assert self.process.wait() == 0

    def rows(self) -> list[tuple[Any, ...]]:
        return list(REQUESTS.row.iter_unpack(rows_of(self.records)))


@contextmanager
def started(records: Path, **environment: str) -> Iterator[Generator]:
    generator = Generator(records, **environment)
    # a test that waits in vain then reads the end of its output
    watchdog = threading.Timer(PATIENCE, generator.process.kill)
    watchdog.start()
    with generator.process as process:
        try:
            yield generator
        finally:
            watchdog.cancel()
            process.kill()


@pytest.fixture
def generator(tmp_path: Path) -> Iterator[Generator]:
    with started(tmp_path / "requests.series") as generator:
        yield generator


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The real server, on a socket that it inherits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = (
            "import socket, uvicorn\n"
            f"listener = socket.socket(fileno={listener.fileno()})\n"
            "config = uvicorn.Config('asap.transport.server:app', log_level='critical')\n"
            "uvicorn.Server(config).run(sockets=[listener])\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], pass_fds=[listener.fileno()]
        ) as process:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            process.kill()


def test_a_mixed_load_on_the_real_server_is_all_success_at_exact_weights(
    generator: Generator, server: str
) -> None:
    generator.offer(server, weights=(6, 2, 2), seed=7)
    generator.await_event("ready")
    assert generator.load(users=4, rate=400).users == 4
    generator.await_rows(100)
    generator.stop()
    rows = generator.rows()
    assert layout_of(generator.records) == REQUESTS
    assert {Outcome(row[6]) for row in rows} == {Outcome.OK}
    for user in range(4):
        deck = [endpoint for _, _, _, _, who, endpoint, *_ in rows if who == user][:20]
        assert Counter(deck) == {0: 12, 1: 4, 2: 4}


def test_users_come_at_the_spawn_rate_and_each_load_is_told_when_it_is_there(
    generator: Generator, server: str
) -> None:
    generator.offer(server)
    generator.await_event("ready")
    first = generator.load(users=3, rate=None, spawn_rate=100)
    more = generator.load(users=6, rate=None, spawn_rate=10)
    fewer = generator.load(users=2, rate=100)
    assert (first.users, more.users, fewer.users) == (3, 6, 2)
    generator.await_rows(len(generator.rows()) + 20)
    generator.stop()
    last = [row[4] for row in sorted(generator.rows())[-10:]]
    assert len(set(last)) == 2


def test_the_end_of_its_input_ends_it_at_once_and_keeps_the_rows(
    generator: Generator, server: str
) -> None:
    generator.offer(server)
    generator.await_event("ready")
    generator.load(users=20, rate=None)
    generator.await_rows(50)
    assert generator.process.stdin is not None
    generator.process.stdin.close()
    assert generator.process.wait() == 1
    assert len(generator.rows()) >= 50


def test_the_end_of_its_input_ends_it_also_before_an_offer(generator: Generator) -> None:
    _, errors = generator.process.communicate()
    assert generator.process.returncode == 1
    assert errors == b""


def test_it_is_deaf_to_ctrl_c(generator: Generator, server: str) -> None:
    generator.offer(server)
    generator.await_event("ready")
    generator.process.send_signal(signal.SIGINT)
    generator.load(users=1, rate=None)
    generator.process.send_signal(signal.SIGINT)
    generator.await_rows(5)
    generator.stop()


def first_call_of(generator: Generator) -> str:
    """The id of the first call that a generator makes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        generator.offer(f"http://127.0.0.1:{listener.getsockname()[1]}", weights=(1,))
        generator.await_event("ready")
        generator.load(users=1, rate=None)
        connection, _ = listener.accept()
        with connection:
            body = connection.recv(1 << 16).partition(b"\r\n\r\n")[2]
    call: str = json.loads(body)["id"]
    return call


def test_numbers_are_not_those_of_another_generator(tmp_path: Path) -> None:
    with started(tmp_path / "one") as one, started(tmp_path / "two") as two:
        assert first_call_of(one) != first_call_of(two)


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        ({"headers": ["Authorization: Bearer $NO_SUCH_TOKEN"]}, ("Authorization", "NO_SUCH_TOKEN")),
        ({"url": "ftp://127.0.0.1"}, ("http://HOST",)),
        ({"url": "http://127.0.0.1:99999"}, ("Port", "65535")),
        ({"recipient": "nobody"}, ("recipient", "URN")),
        ({"endpoints": [{"name": "nothing", "weight": 1}]}, ("endpoints.0.name",)),
    ],
)
def test_what_cannot_be_offered_is_refused_in_one_line(
    tmp_path: Path, offer: dict[str, Any], told: tuple[str, ...]
) -> None:
    asked = {
        "url": "http://127.0.0.1:9",
        "records": str(tmp_path / "requests.series"),
        "endpoints": [{"name": "asap", "weight": 1}],
    }
    with started(tmp_path / "unused") as generator:
        line = Offer.model_construct(**(asked | offer)).model_dump_json(warnings=False)
        out, errors = generator.process.communicate(line.encode() + b"\n")
    assert generator.process.returncode == 2
    assert out == b""
    assert errors.count(b"\n") == 1
    assert all(word in errors.decode() for word in told)
