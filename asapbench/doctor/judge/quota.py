"""The CPU limit of a container."""

from __future__ import annotations

from asapbench.doctor.finding import Finding, State, found, unseen
from asapbench.doctor.machine import Machine
from asapbench.units import show, show_duration

_NEEDED = 2.0  # CPUs: one for the server, one for the generator
_LIFT = "start the container without a CPU limit (no --cpus, no limits.cpu)"


def cpu_quota(machine: Machine) -> Finding:
    """A quota stops all threads for the rest of its period once it is used up."""
    code, quota, cpus = "cpu-quota", machine.quota, len(machine.processor.allowed)
    if quota is None:
        return unseen(code)
    if quota.cpus is None or quota.period is None:
        return found(code, "ok", "no CPU limit", _LIFT)
    text = f"limited to {quota.cpus:.3g} of {cpus} CPUs in every {show(quota.period, 's')}"
    if quota.cpus >= cpus:
        return found(code, "ok", f"{text}, more than there are", _LIFT)
    state: State = "bad" if quota.cpus < _NEEDED else "warn"
    return found(code, state, f"{text}; then all stands still until the next", _LIFT)


def cpu_throttling(machine: Machine) -> Finding:
    """Whether the quota has stopped this container, before and while we watched."""
    code, quota, activity = "cpu-throttling", machine.quota, machine.activity
    if quota is None:
        return unseen(code)
    if activity and activity.stops:
        text = f"stopped by its CPU limit {_times(activity.stops)} while we watched"
        return found(code, "bad", text, _LIFT)
    if quota.stops:
        text = f"stopped by its CPU limit {_times(quota.stops)}, {show_duration(quota.stopped)}"
        return found(code, "warn", f"{text} in all so far", _LIFT)
    return found(code, "ok", "never stopped by a CPU limit", _LIFT)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
