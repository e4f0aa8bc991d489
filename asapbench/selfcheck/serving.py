"""Starts the truth server for a run, as any server command is started."""

from __future__ import annotations

import shlex
import sys
from contextlib import AbstractContextManager

from asapbench.cores import CorePlan
from asapbench.engine import Start
from asapbench.model import Plan
from asapbench.selfcheck.behaviour import SERVED, Behaviour
from asapbench.store import Recording
from asapbench.system import Access, System, system_under_test


def serving(behaviour: Behaviour) -> Start:
    """The truth server with this behaviour; what it saw is kept in the run."""

    def start(_: Plan, recording: Recording, cores: CorePlan) -> AbstractContextManager[System]:
        # the server works in a folder of its own choice: the path must hold anywhere
        records = recording.path(SERVED.name + ".series").absolute()
        program = [sys.executable, "-m", "asapbench.workers.truth", "{port}"]
        command = shlex.join([*program, str(records), behaviour.model_dump_json()])
        log = recording.path("server.log")
        return system_under_test(None, command, Access(), log, cores.server)

    return start
