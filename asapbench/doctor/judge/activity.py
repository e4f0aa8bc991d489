"""What others do on this machine while it measures."""

from __future__ import annotations

from asapbench.doctor.finding import Finding, State, found, grade, unseen
from asapbench.doctor.machine import Activity, Machine
from asapbench.units import show, show_duration

_BUSY = (0.05, 0.25)  # of the CPUs
_WORTH_NAMING = 0.02  # CPUs
_LOADED = (0.5, 1.0)  # tasks a CPU
_STOLEN = (0.01, 0.05)
_LATE = (0.001, 0.005)  # s at p99; the second is the tightest latency limit of the tables
_SWITCHES = (5_000.0, 50_000.0)  # a second and CPU
_WAITING = {"CPU": (0.05, 0.25), "memory": (0.01, 0.10), "disk": (0.10, 0.50)}

_END_OTHERS = "end what else runs here, then measure again"


def busy_machine(machine: Machine) -> Finding:
    """CPU used by others; without a sample, the load average has to do."""
    code, cpus, load = "busy-machine", _cpus(machine), machine.load_average
    if load is None:
        return unseen(code)
    if machine.activity is None or machine.activity.others is None:
        text = f"the load average is {load:.2f} on {_counted(cpus)}"
        return found(code, grade(load / cpus, *_LOADED), text, _END_OTHERS)
    share = machine.activity.others / cpus
    text = f"{_usage(machine.activity, machine.activity.others, cpus)}; load average {load:.2f}"
    return found(code, grade(share, *_BUSY), text, _END_OTHERS)


def stolen_time(machine: Machine) -> Finding:
    """CPU time that the host gave to other guests."""
    code, activity = "stolen-time", machine.activity
    if activity is None or activity.stolen is None:
        return unseen(code)
    before = activity.stolen_since_boot or 0.0
    now = grade(activity.stolen, *_STOLEN)
    text = f"the host took {activity.stolen:.1%} of the CPU time, {before:.1%} since boot"
    # a host that stole before will do so again
    state: State = "warn" if now == "ok" and before > _STOLEN[0] else now
    return found(code, state, text, "use a dedicated host, or an instance that is not shared")


def late_wake_ups(machine: Machine) -> Finding:
    """How late a timer fires: it is the least that any latency here is uncertain by."""
    code, activity = "late-wake-ups", machine.activity
    if activity is None:
        return unseen(code)
    median, p99, worst = (
        show(max(0.0, late), "s")
        for late in (activity.late_median, activity.late_p99, activity.late_worst)
    )
    text = f"a 1 ms sleep ends {median} late in the median, {p99} at p99, {worst} at worst"
    remedy = "end what else runs here; on a virtual machine, ask for CPUs of its own"
    return found(code, grade(activity.late_p99, *_LATE), text, remedy)


def context_switches(machine: Machine) -> Finding:
    """How often the CPUs change from one task to another."""
    code, activity = "context-switches", machine.activity
    if activity is None or activity.switches is None:
        return unseen(code)
    cpus = _cpus(machine)
    text = f"{activity.switches:,.0f}/s on {_counted(cpus)}, our own not counted"
    remedy = "find who causes them (pidstat -w 1), and end it"
    return found(code, grade(activity.switches / cpus, *_SWITCHES), text, remedy)


def pressure(machine: Machine) -> Finding:
    """How long tasks waited for CPU, memory and disk in the last ten seconds."""
    code = "pressure"
    if machine.pressure is None:
        return unseen(code, "the kernel keeps no pressure information (boot option psi=1)")
    shares = dict(zip(_WAITING, machine.pressure.model_dump().values(), strict=True))
    states = {grade(share, *_WAITING[name]) for name, share in shares.items()}
    state: State = "bad" if "bad" in states else "warn" if "warn" in states else "ok"
    listed = ", ".join(f"for {name} {share:.1%}" for name, share in shares.items())
    text = f"of the last 10 s some task waited {listed}"
    return found(code, state, text, "wait until the machine is quiet, then measure again")


def _usage(activity: Activity, others: float, cpus: int) -> str:
    who = ", ".join(f"{busy.name} (pid {busy.pid}) {busy.cpus:.2f}" for busy in activity.busiest)
    text = f"others use {others:.2f} of {_counted(cpus)}"
    text += f" in {show_duration(activity.duration)}"
    # what is busy elsewhere is of no interest while our CPUs are free
    return f"{text}: {who}" if who and others >= _WORTH_NAMING else text


def _cpus(machine: Machine) -> int:
    return len(machine.processor.allowed) or machine.processor.cores or 1


def _counted(cpus: int) -> str:
    return f"{cpus} CPU{'s' if cpus > 1 else ''}"
