"""The doctor's reading, from trees of files like those of the kernel."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from asapbench.doctor.read import read_machine
from asapbench.doctor.read.activity import read_cpu_times
from asapbench.doctor.read.cgroup import folders, read_quota, read_room
from asapbench.doctor.read.files import Tree, read_number, read_table, read_text
from asapbench.doctor.read.interpreter import read_preloaded, read_slowed_by
from asapbench.doctor.read.limits import read_network, read_nice, read_open_files
from asapbench.doctor.read.memory import read_memory, read_pressure
from asapbench.doctor.read.processor import read_allowed, read_processor

PRESSURE = "some avg10={} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 total=0\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(proc=tmp_path / "proc", sys=tmp_path / "sys")


@pytest.fixture
def cpu(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of CPU 0, where this process may use 0 and 1."""
    monkeypatch.setattr("asapbench.doctor.read.processor.read_allowed", lambda: (0, 1))
    return tree.sys / "devices/system/cpu/cpu0"


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def mounted(tree: Tree, *lines: str, member: str) -> None:
    put(tree.proc / "self/mountinfo", "\n".join(lines))
    put(tree.proc / "self/cgroup", member)


def version2(tree: Tree, *, root: str = "/", path: str = "/app/web") -> Path:
    mount = tree.sys / "fs/cgroup"
    mounted(
        tree,
        "22 1 0:20 / / rw - ext4 /dev/vda rw",
        f"30 22 0:26 {root} {mount} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
        member=f"0::{path}\n",
    )
    return mount


def version1(tree: Tree, *, root: str, path: str) -> Path:
    mount = tree.sys / "fs/cgroup/cpu"
    mounted(
        tree,
        f"30 22 0:26 / {tree.sys}/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
        f"31 22 0:27 {root} {mount} rw - cgroup cgroup rw,cpu,cpuacct",
        member=f"4:cpu,cpuacct:{path}\n0::/elsewhere\n",
    )
    return mount


def test_a_missing_file_has_no_text_no_number_and_no_table(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert (read_text(missing), read_number(missing), read_table(missing)) == (None, None, {})


def test_a_file_that_holds_no_number_has_none(tmp_path: Path) -> None:
    put(tmp_path / "file", "max\n")
    assert read_number(tmp_path / "file") is None


def test_the_tightest_quota_above_this_process_holds(tree: Tree) -> None:
    mount = version2(tree)
    put(mount / "app/web/cpu.max", "max 100000\n")
    put(mount / "app/cpu.max", "150000 100000\n")
    quota = read_quota(tree)
    assert quota is not None
    assert (quota.cpus, quota.period) == (1.5, 0.1)


def test_a_cgroup_without_a_quota_has_none(tree: Tree) -> None:
    put(version2(tree) / "app/web/cpu.max", "max 100000\n")
    quota = read_quota(tree)
    assert quota is not None
    assert quota.cpus is None


def test_throttling_is_counted_over_the_cgroup_and_those_above(tree: Tree) -> None:
    mount = version2(tree)
    put(mount / "app/web/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_usec 250000\n")
    put(mount / "app/cpu.stat", "nr_throttled 1\nthrottled_usec 750000\n")
    quota = read_quota(tree)
    assert quota is not None
    assert (quota.stops, quota.stopped) == (4, 1.0)


def test_version_1_has_its_quota_in_two_files_and_its_time_in_nanoseconds(tree: Tree) -> None:
    own = version1(tree, root="/", path="/job") / "job"
    put(own / "cpu.cfs_quota_us", "50000\n")
    put(own / "cpu.cfs_period_us", "100000\n")
    put(own / "cpu.stat", "nr_throttled 2\nthrottled_time 3000000000\n")
    quota = read_quota(tree)
    assert quota is not None
    assert (quota.cpus, quota.stops, quota.stopped) == (0.5, 2, 3.0)


def test_minus_one_is_no_quota_in_version_1(tree: Tree) -> None:
    mount = version1(tree, root="/", path="/")
    put(mount / "cpu.cfs_quota_us", "-1\n")
    put(mount / "cpu.cfs_period_us", "100000\n")
    quota = read_quota(tree)
    assert quota is not None
    assert quota.cpus is None


def test_version_1_wins_where_a_machine_has_both(tree: Tree) -> None:
    mount = version1(tree, root="/", path="/")
    mount.mkdir(parents=True)
    assert folders("cpu", tree) == (mount,)


@pytest.mark.parametrize("root", ["/docker/abc", "/docker/other"])
def test_in_a_container_the_own_cgroup_is_the_mount(tree: Tree, root: str) -> None:
    mount = version1(tree, root=root, path="/docker/abc")
    put(mount / "cpu.cfs_quota_us", "200000\n")
    assert folders("cpu", tree) == (mount,)


def test_without_cgroups_there_is_no_quota_to_know(tree: Tree) -> None:
    assert read_quota(tree) is None


def test_room_below_a_memory_limit_counts_the_file_cache_that_can_go(tree: Tree) -> None:
    own = version2(tree) / "app/web"
    put(own / "memory.max", "1000\n")
    put(own / "memory.current", "900\n")
    put(own / "memory.stat", "anon 100\ninactive_file 300\n")
    assert read_room(tree) == (1000, 400)


def test_the_memory_limit_with_the_least_room_holds(tree: Tree) -> None:
    mount = version2(tree)
    for folder, limit, used in ((mount / "app", "900", "850"), (mount / "app/web", "500", "100")):
        put(folder / "memory.max", limit)
        put(folder / "memory.current", used)
    assert read_room(tree) == (900, 50)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712"])
def test_no_memory_limit_is_no_limit(tree: Tree, limit: str) -> None:
    own = version2(tree) / "app/web"
    put(own / "memory.max", limit)
    put(own / "memory.current", "100")
    assert read_room(tree) is None


def test_memory_is_what_the_container_may_use(tree: Tree) -> None:
    own = version2(tree) / "app/web"
    put(own / "memory.max", "5000")
    put(own / "memory.current", "2000")
    memory = read_memory(tree)
    assert (memory.limit, memory.available) == (5000, 3000)


def test_huge_pages_are_the_choice_in_brackets(tree: Tree) -> None:
    put(tree.sys / "kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
    assert read_memory(tree).huge_pages == "madvise"


def test_pressure_is_that_of_the_last_ten_seconds(tree: Tree) -> None:
    for name, percent in (("cpu", "8.64"), ("memory", "0.50"), ("io", "0.00")):
        put(tree.proc / "pressure" / name, PRESSURE.format(percent))
    pressure = read_pressure(tree)
    assert pressure is not None
    assert pressure.model_dump() == pytest.approx({"cpu": 0.0864, "memory": 0.005, "io": 0.0})


def test_a_kernel_without_pressure_has_none(tree: Tree) -> None:
    assert read_pressure(tree) is None


def test_ports_and_those_in_time_wait_are_counted(tree: Tree) -> None:
    put(tree.proc / "sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
    put(tree.proc / "sys/net/core/somaxconn", "4096\n")
    put(
        tree.proc / "net/sockstat",
        "sockets: used 9\nTCP: inuse 259 orphan 0 tw 322 alloc 259 mem 4\nUDP: inuse 0\n",
    )
    network = read_network(tree)
    assert (network.ports, network.time_wait, network.backlog) == (28_232, 322, 4096)


def test_nothing_is_known_of_a_network_that_cannot_be_seen(tree: Tree) -> None:
    assert set(read_network(tree).model_dump().values()) == {None}


def test_siblings_that_are_not_ours_are_neighbours(tree: Tree, cpu: Path) -> None:
    put(cpu / "topology/thread_siblings_list", "0,4\n")
    put(cpu.with_name("cpu1") / "topology/thread_siblings_list", "1,5\n")
    processor = read_processor(tree)
    assert (processor.cores, processor.neighbours) == (2, (4, 5))


def test_siblings_that_are_both_ours_are_one_core(tree: Tree, cpu: Path) -> None:
    for folder in (cpu, cpu.with_name("cpu1")):
        put(folder / "topology/thread_siblings_list", "0-1\n")
    processor = read_processor(tree)
    assert (processor.cores, processor.neighbours) == (1, ())


def test_only_nodes_whose_cpus_are_ours_count(tree: Tree, cpu: Path) -> None:
    for node, cpus in enumerate(("0-1", "2-3", "")):
        put(tree.sys / f"devices/system/node/node{node}/cpulist", f"{cpus}\n")
    assert read_processor(tree).nodes == 1


def test_each_governor_is_named_once(tree: Tree, cpu: Path) -> None:
    for folder in (cpu, cpu.with_name("cpu1")):
        put(folder / "cpufreq/scaling_governor", "powersave\n")
    assert read_processor(tree).governors == ("powersave",)


@pytest.mark.parametrize(
    ("file", "number", "boost"),
    [
        ("intel_pstate/no_turbo", "0", True),
        ("intel_pstate/no_turbo", "1", False),
        ("cpufreq/boost", "1", True),
        ("cpufreq/boost", "0", False),
    ],
)
def test_turbo_has_a_switch_that_depends_on_the_driver(
    tree: Tree, cpu: Path, file: str, number: str, boost: bool
) -> None:
    put(cpu.parent / file, number)
    assert read_processor(tree).boost is boost


def test_an_idle_state_that_is_switched_off_does_not_count(tree: Tree, cpu: Path) -> None:
    for state, latency, disable in ((0, 1, 0), (1, 33, 0), (2, 890, 1)):
        put(cpu / f"cpuidle/state{state}/latency", str(latency))
        put(cpu / f"cpuidle/state{state}/disable", str(disable))
    assert read_processor(tree).idle_exit == pytest.approx(33e-6)


def test_overheating_is_added_over_the_cpus(tree: Tree, cpu: Path) -> None:
    for folder in (cpu, cpu.with_name("cpu1")):
        put(folder / "thermal_throttle/core_throttle_count", "2")
    assert read_processor(tree).overheated == 4


@pytest.mark.parametrize(("flags", "virtual"), [("fpu hypervisor", True), ("fpu tsc", False)])
def test_the_cpu_itself_says_that_it_is_virtual(tree: Tree, flags: str, virtual: bool) -> None:
    put(tree.proc / "cpuinfo", f"model name : x\nflags\t\t: {flags}\n")
    assert read_processor(tree).virtual is virtual


def test_xen_says_so_in_a_file(tree: Tree) -> None:
    put(tree.sys / "hypervisor/type", "xen\n")
    assert read_processor(tree).virtual is True


def test_the_hypervisor_is_known_by_the_clock_it_offers(tree: Tree) -> None:
    clock = tree.sys / "devices/system/clocksource/clocksource0"
    put(clock / "available_clocksource", "tsc kvm-clock\n")
    put(clock / "current_clocksource", "tsc\n")
    processor = read_processor(tree)
    assert (processor.hypervisor, processor.clock_source) == ("KVM", "tsc")


def test_the_product_name_is_the_better_name(tree: Tree) -> None:
    put(tree.sys / "class/dmi/id/product_name", "Standard PC (Q35)\n")
    assert read_processor(tree).hypervisor == "Standard PC (Q35)"


def test_without_sys_nothing_is_known_but_the_clock_and_the_battery(tree: Tree) -> None:
    known = {name for name, value in read_processor(tree).model_dump().items() if value}
    assert known <= {"allowed", "cores", "clock_cost", "on_battery"}


def test_a_platform_without_affinity_names_no_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert read_allowed() == ()


def test_cpu_times_are_those_of_the_allowed_cpus(tree: Tree) -> None:
    tick = os.sysconf("SC_CLK_TCK")
    row = "{name} 10 20 30 400 50 6 7 8 9 0\n"
    text = "".join(row.format(name=name) for name in ("cpu", "cpu0", "cpu1", "cpu10"))
    put(tree.proc / "stat", text.replace(" 10 ", f" {10 + tick} ", 1))
    times = read_cpu_times((1, 10), tree)
    assert times is not None
    ticks = (times.busy * tick, times.total * tick, (times.stolen or 0) * tick)
    assert ticks == pytest.approx((2 * 73, 2 * 531, 2 * 8))


def test_without_the_kernel_s_table_cpu_times_are_not_known(tree: Tree) -> None:
    assert read_cpu_times((0,), tree) is None


def test_the_limits_are_those_of_this_process() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert read_open_files() == soft or soft == resource.RLIM_INFINITY
    assert read_nice() == os.getpriority(os.PRIO_PROCESS, 0)


def test_an_unlimited_number_of_files_is_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: unlimited)
    assert read_open_files() > 2**32


def test_variables_that_slow_python_down_are_named() -> None:
    variables = {"PYTHONDEVMODE": "1", "PYTHONTRACEMALLOC": "", "PATH": "/bin"}
    assert "PYTHONDEVMODE" in read_slowed_by(variables)
    assert "PYTHONTRACEMALLOC" not in read_slowed_by(variables)


def test_a_preloaded_library_is_seen() -> None:
    assert read_preloaded({"LD_PRELOAD": "libjemalloc.so"}) == "LD_PRELOAD"
    assert read_preloaded({}) is None


def test_a_machine_without_proc_and_sys_is_read_all_the_same(tree: Tree) -> None:
    machine = read_machine(0.01, tree)
    assert machine.quota is None
    assert machine.pressure is None
    assert machine.activity is not None
    assert machine.activity.switches is None


def test_what_was_read_can_be_written_and_read_back(tree: Tree) -> None:
    machine = read_machine(0.01, tree)
    assert type(machine).model_validate_json(machine.model_dump_json()) == machine
