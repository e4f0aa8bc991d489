"""How it was measured, as names and values: the plan, the server, the machine."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.model import Report
from asapbench.units import show


def plan_of(report: Report) -> Iterator[tuple[str, str]]:
    """Each field of the plan, named as its option; what was not given is left out."""
    for name, value in report.story.plan.items():
        if value not in (None, [], ""):
            yield name.replace("_", "-"), _written(value)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def environment_of(report: Report) -> Iterator[tuple[str, str]]:
    """The server, the machine and the versions."""
    environment, server = report.story.environment, report.story.server
    if server:
        yield "Server", f"{server.agent} {server.version}".strip()
        yield "Reached at", f"{server.url} ({server.how})"
        yield "Its process", str(server.pid) if server.pid else "not seen"
    yield "Machine", environment.hostname
    yield "System", environment.system
    yield "CPU", f"{environment.cpu}, {environment.cores} CPUs"
    yield "Memory", show(environment.memory, "B")
    yield "Load before", f"{environment.load_average:.2f}"
    yield "CPUs of the server", _cpus(environment.server_cpus)
    yield "CPUs of the generator", _cpus(environment.generator_cpus)
    yield "Python", environment.python
    if environment.commit:
        yield "Commit", environment.commit
    yield "Versions", ", ".join(f"{name} {number}" for name, number in environment.versions.items())


def _cpus(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "shared"
