"""What it costs that the embedded server tells when requests came and went.

The server with and without its bench-only layer, and the generator against a responder that does
nothing, with and without the header: by turns in one run, one core each.

    python -m benchmarks.split_cost
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep

import psutil

from asapbench.offer import REQUESTS, SPLIT_HEADER, Command, Load, Outcome
from asapbench.series import rows_of
from benchmarks.generator import CLIENT_CORE, SERVER_CORE, _child, _tell, offer

USERS = 50
WARM_UP = 0.5
SECONDS = 2.0
ROUNDS = 7

_SERVER = """
import socket, uvicorn
from asap.transport.server import app
from asapbench.workers.serve import split
listener = socket.socket(fileno={fd})
options = {"interface": "asgi3", "log_level": "critical", "access_log": False, "lifespan": "off"}
uvicorn.Server(uvicorn.Config({app}, **options)).run(sockets=[listener])
"""
_RESPONDER = """
import asyncio, socket, uvloop
from asapbench.workers import respond
respond._HEAD = respond._HEAD[:-2] + {header} + b"\\r\\n"
uvloop.run(respond.respond(socket.socket(fileno={fd})))
"""
# of the length of a real one: two times of the monotonic clock after a day
_HEADER = SPLIT_HEADER + b": 86400.123456789 86400.123956789\r\n"
PROGRAMS = {
    "server, without": _SERVER.replace("{app}", "app"),
    "server, with": _SERVER.replace("{app}", "split(app)"),
    "generator, without": _RESPONDER.replace("{header}", "b''"),
    "generator, with": _RESPONDER.replace("{header}", repr(_HEADER)),
}


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Requests per second, and the CPU time that each takes of server and generator, in µs."""
    samples = [{name: _one(program) for name, program in PROGRAMS.items()} for _ in range(rounds)]
    numbers: dict[str, float] = {}
    for name in PROGRAMS:
        for index, unit in enumerate(("req/s", "server µs/request", "generator µs/request")):
            values = [sample[name][index] for sample in samples]
            numbers[f"{name}: {unit}"] = round(median(values), 1)
    for side in ("server", "generator"):
        ratios = [s[f"{side}, with"][0] / s[f"{side}, without"][0] for s in samples]
        numbers[f"{side}: rate with / without"] = round(median(ratios), 3)
    return numbers


def _one(program: str) -> tuple[float, float, float]:
    """The rate, and the CPU time a request of the server and of the generator."""
    with serving(program) as (url, server), TemporaryDirectory() as folder:
        records = Path(folder, "requests.series")
        with _child(CLIENT_CORE, "-m", "asapbench.workers.generate") as child:
            generator = psutil.Process(child.pid)
            load = Load(users=USERS, spawn_rate=USERS, rate=None)
            _tell(child, offer(url).model_copy(update={"records": str(records)}), "ready")
            _tell(child, Command(do="load", load=load), "ramped")
            sleep(WARM_UP)
            start, before = monotonic(), (_cpu(server), _cpu(generator))
            sleep(SECONDS)
            end, after = monotonic(), (_cpu(server), _cpu(generator))
            _tell(child, Command(do="stop"), "stopped")
        rows = list(REQUESTS.row.iter_unpack(rows_of(records)))
    assert all(row[6] == Outcome.OK for row in rows)
    count = sum(start <= row[2] < end for row in rows)
    used = [(late - early) / count * 1e6 for early, late in zip(before, after, strict=True)]
    return count / (end - start), used[0], used[1]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def serving(program: str) -> Iterator[tuple[str, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        os.set_inheritable(listener.fileno(), True)
        code = program.replace("{fd}", str(listener.fileno()))
        with _child(SERVER_CORE, "-c", code, pass_fds=[listener.fileno()]) as child:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", psutil.Process(child.pid)


if __name__ == "__main__":
    for name, value in measure(*map(int, sys.argv[1:])).items():
        print(f"{name:40} {value:12,.3f}")
