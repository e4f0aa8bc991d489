"""locust's part: it decides when users come and go."""

from __future__ import annotations

import logging

from gevent.event import Event
from locust import User, constant, task
from locust.env import Environment
from locust.runners import LocalRunner

from asapbench.workers.generate.crowd import Crowd


def runner_of(crowd: Crowd) -> LocalRunner:
    """Make a runner whose users join and leave the crowd."""
    # "your spawn rate is high", "your CPU is busy": what a run needs to know of that it measures
    logging.disable(logging.WARNING)

    class CrowdUser(User):
        """Stands for one user; its requests are sent by the event loop, not by this greenlet."""

        wait_time = constant(0)

        def on_start(self) -> None:
            self._session = crowd.join()

        @task
        def stay(self) -> None:
            Event().wait()

        def on_stop(self) -> None:
            crowd.leave(self._session)

    return Environment(user_classes=[CrowdUser]).create_local_runner()
