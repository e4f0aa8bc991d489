"""The raw facts about a machine, in SI units. None is what could not be read here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """A frozen value that can be written as JSON and read back."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Processor(Facts):
    """The logical CPUs that this process may use (`allowed`), and what drives them.

    `neighbours` are SMT siblings of theirs that are left to others. `idle_exit` is the time it
    takes to leave the deepest idle state, `clock_cost` that of one reading of the clock.
    """

    allowed: tuple[int, ...] = ()
    cores: int | None = None
    neighbours: tuple[int, ...] = ()
    nodes: int | None = None
    governors: tuple[str, ...] = ()
    boost: bool | None = None
    idle_exit: float | None = None
    overheated: int | None = None
    on_battery: bool | None = None
    virtual: bool | None = None
    hypervisor: str | None = None
    clock_source: str | None = None
    clock_cost: float | None = None


class Quota(Facts):
    """The CPU limit of this cgroup in CPUs (None where there is none), and its stops so far."""

    cpus: float | None = None
    period: float | None = None
    stops: int = 0
    stopped: float = 0.0


class Busy(Facts):
    """A process that was at work during the sample."""

    name: str
    pid: int
    cpus: float


class Activity(Facts):
    """What happened while asapbench only watched.

    CPUs used by others of those allowed, the share of CPU time stolen by the host, context
    switches per second, swap traffic in B/s, stops by the quota, and how late a sleeper woke.
    """

    duration: float
    others: float | None = None
    stolen: float | None = None
    stolen_since_boot: float | None = None
    switches: float | None = None
    swapped: float | None = None
    stops: int | None = None
    late_median: float
    late_p99: float
    late_worst: float
    busiest: tuple[Busy, ...] = ()


class Pressure(Facts):
    """The share of the last 10 s in which some task waited for it."""

    cpu: float
    memory: float
    io: float


class Memory(Facts):
    """`available` without swapping, and within the limit of the cgroup if there is one."""

    total: int | None = None
    available: int | None = None
    limit: int | None = None
    swap: int | None = None
    swap_used: int | None = None
    huge_pages: str | None = None


class Network(Facts):
    """Ephemeral ports of TCP, those of them in TIME_WAIT, and the longest accept queue."""

    ports: int | None = None
    time_wait: int | None = None
    backlog: int | None = None


class Machine(Facts):
    """All that the doctor knows; with nothing read, nothing is known."""

    system: str = ""
    processor: Processor = Processor()
    quota: Quota | None = None
    load_average: float | None = None
    activity: Activity | None = None
    pressure: Pressure | None = None
    memory: Memory = Memory()
    network: Network = Network()
    open_files: int | None = None
    nice: int | None = None
    disk_free: int | None = None
    slowed_by: tuple[str, ...] = ()
    preloaded: str | None = None
