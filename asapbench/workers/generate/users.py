"""locust's part: it decides when users come and go, and which of several generators gets them."""

from __future__ import annotations

import logging
import os
from typing import Any

from gevent.event import Event
from locust import User, constant, task
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from asapbench.workers.generate.crowd import Crowd

_HOST = "127.0.0.1"  # of this machine alone
_PATIENCE = (
    "600"  # seconds until a master would call incomplete users complete: more than a parent's
)


def runner_of(crowd: Crowd) -> LocalRunner:
    """Make a runner whose users join and leave the crowd."""
    runner: LocalRunner = environment_of(crowd).create_local_runner()
    return runner


def worker_of(crowd: Crowd, port: int) -> WorkerRunner:
    """Make a runner that does so when its master says; returns once the master knows it."""
    environment = environment_of(crowd)
    environment.events.spawning_complete.add_listener(lambda **_: crowd.tell_ramped())
    runner: WorkerRunner = environment.create_worker_runner(_HOST, port)
    return runner


def master() -> tuple[MasterRunner, int]:
    """Make a runner that tells workers how many users they get, and the port it has chosen."""
    os.environ["LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP"] = _PATIENCE
    runner = environment_of(None).create_master_runner(_HOST, 0)
    return runner, runner.server.port


def environment_of(crowd: Crowd | None, url: str = "") -> Any:
    """Make locust's environment, with a user class whose users join and leave the crowd."""
    # "your spawn rate is high", "your CPU is busy": what a run needs to know of that it measures
    logging.disable(logging.WARNING)

    class CrowdUser(User):
        """Stands for one user; its requests are sent by the event loop, not by this greenlet."""

        wait_time = constant(0)

        def on_start(self) -> None:
            assert crowd is not None  # noqa: S101 - a master has no users of its own
            self._session = crowd.join()

        @task
        def stay(self) -> None:
            Event().wait()

        def on_stop(self) -> None:
            assert crowd is not None  # noqa: S101 - as above
            crowd.leave(self._session)

    return Environment(user_classes=[CrowdUser], host=url or None)
