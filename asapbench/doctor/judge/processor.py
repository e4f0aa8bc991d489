"""What the CPUs are, and whether their speed stays the same."""

from __future__ import annotations

from asapbench.doctor.finding import Finding, State, found, grade, unseen
from asapbench.doctor.machine import Machine
from asapbench.units import show

_IDLE_EXIT = 100e-6  # s
_CLOCK_COST = (500e-9, 2e-6)  # s; a good clock takes 20–60 ns from Python
_BY_THE_HOST = "decided by the host of this virtual machine"


def shared_cores(machine: Machine) -> Finding:
    """Cores for the server, for the generator and for all else."""
    code, cores = "shared-cores", machine.processor.cores
    if cores is None:
        return unseen(code)
    states: dict[int, State] = {1: "bad", 2: "warn"}
    texts = {
        1: "1 core: the server and the generator have to share it",
        2: "2 cores: one for the server, one for the generator, none for all else",
    }
    text = texts.get(cores, f"{cores} cores")
    remedy = "use a machine with four cores or more, or measure a server elsewhere (--host)"
    return found(code, states.get(cores, "ok"), text, remedy)


def smt_neighbours(machine: Machine) -> Finding:
    """Two threads of one core take speed from each other."""
    code, processor = "smt-neighbours", machine.processor
    if not processor.allowed or processor.cores is None:
        return unseen(code)
    if processor.neighbours:
        cpus = ", ".join(map(str, processor.neighbours))
        text = f"our cores are shared with others on their second threads (CPU {cpus})"
        return found(code, "warn", text, "allow whole cores (taskset, --cpuset-cpus)")
    threads = len(processor.allowed) / max(1, processor.cores)
    text = "one thread a core" if threads == 1 else f"{threads:g} threads a core, kept together"
    return found(code, "ok", text, "")


def numa_nodes(machine: Machine) -> Finding:
    """Memory of another node is farther away."""
    code, nodes = "numa-nodes", machine.processor.nodes
    if nodes is None:
        return unseen(code)
    if nodes == 1:
        return found(code, "ok", "all CPUs are on one node", "")
    text = f"the server and the generator may run on different ones of {nodes} nodes"
    return found(code, "warn", text, "numactl --cpunodebind=0 --membind=0 asapbench …")


def cpu_governor(machine: Machine) -> Finding:
    """A governor other than performance slows a CPU down that has little to do."""
    code, governors = "cpu-governor", machine.processor.governors
    if not governors:
        return _speed_unseen(code, machine)
    state: State = "ok" if governors == ("performance",) else "warn"
    remedy = "sudo cpupower frequency-set -g performance"
    return found(code, state, f"the governor is {', '.join(governors)}", remedy)


def turbo(machine: Machine) -> Finding:
    """Turbo makes the speed depend on heat and on what the other cores do."""
    code, boost = "turbo", machine.processor.boost
    if boost is None:
        return _speed_unseen(code, machine)
    remedy = (
        "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, "
        "or echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
    )
    text = "on: speed depends on heat and on the other cores" if boost else "off"
    return found(code, "warn" if boost else "ok", text, remedy)


def idle_states(machine: Machine) -> Finding:
    """A CPU that sleeps deeply wakes late, which a light load feels most."""
    code, exit_ = "idle-states", machine.processor.idle_exit
    if exit_ is None:
        return _speed_unseen(code, machine)
    text = f"an idle CPU takes up to {show(exit_, 's')} to wake"
    state: State = "warn" if exit_ > _IDLE_EXIT else "ok"
    return found(code, state, text, "sudo cpupower idle-set -D 50 while you measure")


def overheating(machine: Machine) -> Finding:
    """A CPU that was too hot has been slowed down."""
    code, times = "overheating", machine.processor.overheated
    if times is None:
        return _speed_unseen(code, machine)
    if not times:
        return found(code, "ok", "never slowed down by heat", "")
    text = f"slowed down by heat {times:,} times since boot"
    return found(code, "warn", text, "cool the machine better, or turn turbo off")


def battery(machine: Machine) -> Finding:
    """On battery a CPU runs slower."""
    code, on_battery = "battery", machine.processor.on_battery
    if on_battery is None:
        return found(code, "ok", "none", "")
    text = "runs on its battery" if on_battery else "on mains"
    return found(code, "warn" if on_battery else "ok", text, "plug it in")


def virtual_machine(machine: Machine) -> Finding:
    """In a virtual machine others decide when it runs."""
    code, processor = "virtual-machine", machine.processor
    if processor.virtual is None:
        return unseen(code)
    if not processor.virtual:
        return found(code, "ok", "no", "")
    kind = f" ({processor.hypervisor})" if processor.hypervisor else ""
    text = f"yes{kind}: its neighbours cannot be seen from inside"
    remedy = "compare runs of this machine only; take absolute numbers on one of your own"
    return found(code, "warn", text, remedy)


def clock_source(machine: Machine) -> Finding:
    """A slow clock is read many times in every request."""
    code, processor = "clock-source", machine.processor
    if processor.clock_cost is None:
        return unseen(code)
    name = f" ({processor.clock_source})" if processor.clock_source else ""
    text = f"a reading of the clock{name} takes {show(processor.clock_cost, 's')}"
    remedy = "use the TSC, or kvm-clock in a guest (…/clocksource0/current_clocksource)"
    return found(code, grade(processor.clock_cost, *_CLOCK_COST), text, remedy)


def _speed_unseen(code: str, machine: Machine) -> Finding:
    return unseen(code, _BY_THE_HOST) if machine.processor.virtual else unseen(code)
