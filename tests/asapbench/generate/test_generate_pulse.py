"""The generator's sleeper: how late it wakes, and how many requests are open then."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.event import Event as Signal

from asapbench.offer import PULSE, Endpoint, Load, Offer
from asapbench.workers.generate import pulse
from asapbench.workers.generate.crowd import Crowd
from asapbench.workers.generate.scene import Scene, scene_of

PATIENCE = 10.0
METRICS = b"asap_requests_total 0\n"


class Simulated:
    """A clock and an agenda that a test drives."""

    def __init__(self) -> None:
        self.now = 100.0
        self.entries: list[tuple[float, Callable[[], None]]] = []

    def at(self, time: float, call: Callable[[], None]) -> None:
        self.entries.append((time, call))

    def wake(self, late: float) -> None:
        time, call = self.entries.pop()
        self.now = time + late
        call()


def test_each_beat_tells_when_it_came_how_late_and_what_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulated, rows = Simulated(), list[tuple[float, ...]]()
    monkeypatch.setattr(pulse, "monotonic", lambda: simulated.now)
    scene: Any = SimpleNamespace(agenda=simulated, open=0)
    pulse.Pulse(scene, lambda *row: rows.append(row))
    for late, scene.open in ((0.0, 3), (0.5, 0), (0.001, 7)):
        simulated.wake(late)
    assert [name.name for name in PULSE.columns] == ["at", "late", "open"]
    assert [value for row in rows for value in row] == pytest.approx(
        [100.02, 0.0, 3, 100.54, 0.5, 0, 100.561, 0.001, 7]
    )
    assert len(simulated.entries) == 1


@pytest.fixture(autouse=True)
def _own_loop() -> Iterator[None]:
    yield
    gevent.get_hub().destroy(destroy_loop=True)


def crowd_on(url: str, timeout: float = PATIENCE) -> tuple[Crowd, Scene]:
    asked = Offer(url=url, endpoints=(Endpoint(name="metrics", weight=1),), timeout=timeout)
    scene = scene_of(asked, gevent.get_hub().loop, lambda *_: None, lambda _: None)
    return Crowd(scene, lambda _: None), scene


def stop(crowd: Crowd) -> None:
    stopped = Signal()
    crowd.stop(0.0, stopped.set)
    assert stopped.wait(PATIENCE)


def until(happened: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE):
        while not happened():
            gevent.sleep(0.001)


def test_requests_without_an_answer_are_open_until_they_time_out_or_the_load_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        crowd, scene = crowd_on(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05)
        for _ in range(3):
            crowd.join()
        crowd.offer(Load(users=3, spawn_rate=1, rate=3000))
        until(lambda: scene.open == 3)
        gevent.sleep(0.2)  # some time out, and the next are sent
        assert scene.open <= 3
        stop(crowd)
    assert scene.open == 0


def test_answered_requests_are_not_open_any_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        go_on = threading.Event()
        thread = threading.Thread(target=answer_one, args=(listener, go_on))
        thread.start()
        crowd, scene = crowd_on(f"http://127.0.0.1:{listener.getsockname()[1]}")
        crowd.join()
        crowd.offer(Load(users=1, spawn_rate=1, rate=0.01))
        until(lambda: scene.open == 1)
        go_on.set()
        until(lambda: scene.open == 0)
        stop(crowd)
        thread.join()


def answer_one(listener: socket.socket, go_on: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1 << 16)
        go_on.wait(PATIENCE)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n" + METRICS)
