"""Whether there is memory enough, and memory that stays where it is."""

from __future__ import annotations

from asapbench.doctor.finding import Finding, State, found, grade, unseen
from asapbench.doctor.machine import Machine
from asapbench.units import show

_USED = (0.80, 0.95)
_SWAPPED_OUT = 0.01  # of the memory


def free_memory(machine: Machine) -> Finding:
    """What is available, within the limit of the container if it has one."""
    code, memory = "free-memory", machine.memory
    if memory.total is None or memory.available is None:
        return unseen(code)
    size = memory.total if memory.limit is None else min(memory.total, memory.limit)
    text = f"{show(memory.available, 'B')} are free of {show(size, 'B')}"
    text += " that this container may use" if size < memory.total else ""
    state = grade(1 - memory.available / size, *_USED)
    return found(code, state, text, "end what fills it, or raise the limit of the container")


def swapping(machine: Machine) -> Finding:
    """A page that has to come back from disk is a latency of milliseconds."""
    code, memory, activity = "swapping", machine.memory, machine.activity
    if memory.swap is None or memory.swap_used is None or memory.total is None:
        return unseen(code)
    if activity and activity.swapped:
        text = f"{show(activity.swapped, 'B')}/s go to and from swap"
        return found(code, "bad", text, "end what fills the memory; then sudo swapoff -a")
    if not memory.swap:
        return found(code, "ok", "no swap", "")
    state: State = "warn" if memory.swap_used > _SWAPPED_OUT * memory.total else "ok"
    text = f"{show(memory.swap_used, 'B')} of {show(memory.swap, 'B')} in use"
    remedy = "free memory, then bring it back: sudo swapoff -a && sudo swapon -a"
    return found(code, state, text, remedy)


def huge_pages(machine: Machine) -> Finding:
    """Given to all, huge pages make memory grow in steps of 2 MB and stall while it is moved."""
    code, chosen = "huge-pages", machine.memory.huge_pages
    if chosen is None:
        return unseen(code)
    remedy = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"
    if chosen == "always":
        text = "always: memory grows in steps of 2 MB, and pauses while it is moved"
        return found(code, "warn", text, remedy)
    return found(code, "ok", chosen, remedy)
