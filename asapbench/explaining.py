"""A second, instrumented run: a fresh server, and a place for its files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asapbench.headers import expand_headers
from asapbench.model import Plan, Recorder, Run, Story
from asapbench.system import Access, System, embedded
from asapbench.table import read_measurement

_APP = "asap.transport.server:app"


class Beside:
    """Keeps its files beside those of the run: they are not what is judged."""

    def __init__(self, recorder: Recorder) -> None:
        self.story: Story = recorder.story
        self._folder = recorder.path("explained")
        self._folder.mkdir(exist_ok=True)

    def path(self, name: str) -> Path:
        return self._folder / name

    def tell(self, **changes: Any) -> None:
        self.story = self.story.model_copy(update=changes)

    def run(self) -> Run:
        files = sorted(self._folder.glob("*.series"))
        return Run(self.story, tuple(read_measurement(file) for file in files))


@contextmanager
def traced_server(plan: Plan, recorder: Recorder) -> Iterator[System]:
    """The embedded server of a plan, instrumented."""
    access = Access(expand_headers(plan.header), verify_tls=not plan.insecure)
    arguments = (plan.application or _APP, "traced")
    cpus = recorder.story.environment.server_cpus
    log = recorder.path("server.log")
    with embedded("serve", access, log, cpus, arguments=arguments) as system:
        yield system
