"""The machine and the versions that a measurement was taken with."""

from __future__ import annotations

import os
import platform
import socket
from importlib import metadata
from pathlib import Path

import psutil

from asapbench.cores import CorePlan
from asapbench.doctor.judge import concerns
from asapbench.doctor.read import read_machine
from asapbench.model import Environment, Note

_PACKAGES: tuple[str, ...] = (
    "asapbench",
    "locust",
    "gevent",
    "httptools",
    "uvicorn",
    "uvloop",
    "starlette",
)
_PACKAGES += ("pydantic", "prometheus_client")


_SAMPLE = 0.3  # s; enough ticks to tell a busy machine from a quiet one


def read_environment(cores: CorePlan) -> Environment:
    """Look at this machine, watching it for a moment; nothing is changed."""
    return Environment(
        hostname=socket.gethostname(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=_cpu_model(),
        cores=len(psutil.Process().cpu_affinity() or [])
        if hasattr(psutil.Process, "cpu_affinity")
        else psutil.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions={name: _version(name) for name in _PACKAGES},
        commit=_commit(Path.cwd()),
        load_average=os.getloadavg()[0],
        server_cpus=cores.server,
        generator_cpus=cores.generator,
        machine=read_machine(_SAMPLE),
    )


def machine_notes(environment: Environment) -> tuple[Note, ...]:
    """What of this machine a reader of the result has to know."""
    notes = tuple(
        Note(code=finding.code, text=finding.text, hint=finding.hint)
        for finding in concerns(environment.machine)
    )
    return notes if environment.generator_cpus else (_SHARED, *notes)


_SHARED = Note(
    code="shared-cores",
    text="the server and the generator had to share the same CPUs",
    hint="give this machine two or more cores, or measure a server elsewhere (--host)",
)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _commit(folder: Path) -> str | None:
    """The commit checked out here, read from git's files so that no process is started."""
    for place in (folder, *folder.parents):
        if (place / ".git").is_dir():
            return _resolve(place / ".git")
    return None


def _resolve(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        loose = git / head.removeprefix("ref: ")
        if loose.exists():
            return loose.read_text().strip()
        packed = (git / "packed-refs").read_text().splitlines()
    except OSError:
        return None
    ref = head.removeprefix("ref: ")
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), None)
