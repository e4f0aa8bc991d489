"""Judge the facts about a machine: pure functions from Machine to Finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from asapbench.doctor.finding import Finding
from asapbench.doctor.judge import activity, limits, memory, processor, quota
from asapbench.doctor.machine import Machine


@dataclass(frozen=True)
class Check:
    """A question to the machine, and how ill the answer must be for a run to repeat it."""

    judge: Callable[[Machine], Finding]
    noted: Literal["warn", "bad", "never"] = "never"

    def concerns(self, finding: Finding) -> bool:
        """Whether a run made here has to say so."""
        return finding.state == self.noted or (self.noted == "warn" and finding.state == "bad")


CHECKS: tuple[Check, ...] = (
    Check(activity.busy_machine, noted="warn"),
    Check(activity.stolen_time, noted="warn"),
    Check(activity.late_wake_ups, noted="bad"),
    Check(activity.context_switches),
    Check(activity.pressure),
    Check(quota.cpu_quota, noted="warn"),
    Check(quota.cpu_throttling, noted="bad"),
    Check(processor.shared_cores),
    Check(processor.smt_neighbours),
    Check(processor.numa_nodes),
    Check(processor.cpu_governor, noted="warn"),
    Check(processor.turbo),
    Check(processor.idle_states),
    Check(processor.overheating),
    Check(processor.battery, noted="warn"),
    Check(processor.virtual_machine),
    Check(processor.clock_source, noted="bad"),
    Check(memory.free_memory, noted="bad"),
    Check(memory.swapping, noted="bad"),
    Check(memory.huge_pages),
    Check(limits.open_files, noted="bad"),
    Check(limits.ephemeral_ports, noted="bad"),
    Check(limits.accept_queue),
    Check(limits.disk_space, noted="bad"),
    Check(limits.priority, noted="warn"),
    Check(limits.python, noted="warn"),
)


def examine(machine: Machine) -> tuple[Finding, ...]:
    """Every finding, in the order of the checks."""
    return tuple(check.judge(machine) for check in CHECKS)


def concerns(machine: Machine) -> tuple[Finding, ...]:
    """The findings that a reader of a result from this machine has to know."""
    findings = ((check, check.judge(machine)) for check in CHECKS)
    return tuple(finding for check, finding in findings if check.concerns(finding))
