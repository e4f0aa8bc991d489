"""What ran out when a step of the ladder broke, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from asapbench.ladder.exhausted import exhausted
from asapbench.ladder.rung import Rung
from asapbench.model import Measurement, Run, Server, Window
from asapbench.offer import Outcome
from asapbench.resources import PROCESS
from asapbench.samples import requests_in

WINDOW = Window(name="step-1", start=100.0, end=110.0)
BROKEN: dict[str, Any] = {"state": "broken", "server_cpu": 1.0, "server_rss": 1e8}

Find = Callable[..., str]


@pytest.fixture
def found(make_run: Callable[..., Run], row: Callable[..., dict[str, float]]) -> Find:
    """What is said of a step whose requests all failed in this way."""

    def find(
        outcome: Outcome = Outcome.TIMEOUT,
        code: int = 0,
        cores: float = 0.2,
        thread: float = 0.2,
        cpus: tuple[int, ...] = (2, 3),
        **rung: Any,
    ) -> str:
        server = Server(url="http://a", pid=1, how="command", agent="a", version="1", cpus=cpus)
        rows = [row(101 + k / 100, outcome=outcome, code=code) for k in range(100)]
        run = make_run(rows, server=server)
        seconds = np.arange(11.0)
        columns = {column.name: np.zeros(11) for column in PROCESS}
        columns |= {"at": 100 + seconds, "cpu": cores * seconds, "busiest": thread * seconds}
        used = Measurement("resources", columns, {}, {"process": "server"})
        step = Rung(step=1, role="ladder", level=10, users=1, achieved=0.0, **BROKEN | rung)
        run = Run(run.story, (*run.measurements, used))
        return exhausted(run, step, requests_in(run, WINDOW))

    return find


def test_a_step_that_holds_has_exhausted_nothing(found: Find) -> None:
    assert found(state="healthy") == ""


def test_a_step_in_doubt_says_so(found: Find) -> None:
    assert found(doubt="the generator was late") == "not the server: the generator was late"


def test_a_server_that_fills_the_memory_is_told(found: Find) -> None:
    assert found(server_rss=15e9) == "memory: the server holds 15.0 GB"


@pytest.mark.parametrize("outcome", [Outcome.CONNECT, Outcome.CLOSED])
def test_connections_that_fail_are_told(found: Find, outcome: Outcome) -> None:
    assert found(outcome).startswith("connections:")


def test_a_server_that_refuses_is_short_of_nothing(found: Find) -> None:
    said = "nothing of the machine: most failures are answers of the server (http_4xx 429)"
    assert found(Outcome.HTTP_4XX, 429) == said
    assert "http" not in found(Outcome.HTTP_5XX, 503)


def test_all_cores_in_use_are_told(found: Find) -> None:
    assert found(cores=1.9, server_cpu=1.9) == "the server's cores: it used 1.9 cores"
    assert found(cores=0.95, cpus=(3,)) == "the server's core: it used 1.0 cores"


def test_one_thread_in_use_is_told_however_many_cores_there_are(found: Find) -> None:
    said = "one thread of the server, such as its event loop: it used 1.0 cores of 2"
    assert found(cores=1.0, thread=0.95) == said


def test_a_server_with_cores_to_spare_waits_for_something(found: Find) -> None:
    assert found().startswith("something the server waits for")


def test_a_server_that_cannot_be_seen_is_not_blamed(found: Find) -> None:
    assert found(server_cpu=None).startswith("not known")
