"""What connections, results and Python itself are bounded by."""

from __future__ import annotations

from asapbench.doctor.finding import Finding, State, found, grade, unseen
from asapbench.doctor.machine import Machine
from asapbench.units import show

_FILES = (1024, 256)
_OWN_FILES = 100  # of a process beside its connections
_PORTS = 10_000
_PORTS_USED = (0.50, 0.80)
_BACKLOG = 1024
_DISK = (1e9, 100e6)  # B
_UNBOUNDED = 2**31


def open_files(machine: Machine) -> Finding:
    """Each user is one open file in the server and one in the generator."""
    code, limit = "open-files", machine.open_files
    if limit is None:
        return unseen(code)
    if limit >= _UNBOUNDED:
        return found(code, "ok", "no limit", "")
    text = f"{limit:,} may be open, enough for about {max(0, limit - _OWN_FILES):,} users"
    return found(code, _below(limit, *_FILES), text, "ulimit -n 20000 in this shell")


def ephemeral_ports(machine: Machine) -> Finding:
    """A closed connection keeps its port for a minute."""
    code, network = "ephemeral-ports", machine.network
    if not network.ports:
        return unseen(code)
    waiting = network.time_wait or 0
    text = f"{network.ports:,} ports, of which {waiting:,} are still blocked (TIME_WAIT)"
    state = grade(waiting / network.ports, *_PORTS_USED)
    if state == "ok" and network.ports < _PORTS:
        state = "warn"
    remedy = 'wait a minute; sudo sysctl -w net.ipv4.ip_local_port_range="1024 65535"'
    return found(code, state, text, remedy)


def accept_queue(machine: Machine) -> Finding:
    """A connection that finds the queue full comes a second later."""
    code, backlog = "accept-queue", machine.network.backlog
    if backlog is None:
        return unseen(code)
    state: State = "warn" if backlog < _BACKLOG else "ok"
    text = f"at most {backlog:,} connections wait to be accepted"
    return found(code, state, text, "sudo sysctl -w net.core.somaxconn=4096")


def disk_space(machine: Machine) -> Finding:
    """Raw numbers are written while they are measured."""
    code, free = "disk-space", machine.disk_free
    if free is None:
        return unseen(code)
    text = f"{show(free, 'B')} are free in this folder"
    return found(code, _below(free, *_DISK), text, "delete old runs in .asapbench/runs")


def priority(machine: Machine) -> Finding:
    """A nice process lets others go first."""
    code, nice = "priority", machine.nice
    if nice is None:
        return unseen(code)
    state: State = "warn" if nice > 0 else "ok"
    text = f"nice {nice}: others go first" if nice > 0 else f"nice {nice}"
    return found(code, state, text, "start it from a shell without nice")


def python(machine: Machine) -> Finding:
    """Debugging aids are inherited by the server and the generator."""
    slowed, preloaded = machine.slowed_by, machine.preloaded
    if slowed:
        remedy = "unset it, or use a release build of Python"
        return found("python", "bad", f"Python is slowed down by {', '.join(slowed)}", remedy)
    if preloaded:
        text = f"{preloaded} puts a library into every process"
        return found("python", "warn", text, f"unset {preloaded}, unless it is what you measure")
    return found("python", "ok", "nothing that slows it down", "")


def _below(value: float, warn: float, bad: float) -> State:
    if value < bad:
        return "bad"
    return "warn" if value < warn else "ok"
