"""Whether the instrument can be believed, on tables whose numbers are known by hand."""

import errno
import json
import math
import re
from collections.abc import Callable, Iterable
from inspect import getsource
from math import inf, nan
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asapbench import health, samples
from asapbench.commands.load import BENCH, LoadPlan
from asapbench.conclusion import conclude
from asapbench.errors import Exit
from asapbench.ladder.doubt import doubt
from asapbench.model import Gate, Measurement, Run, Server, Target, Window
from asapbench.offer import Flag, Outcome
from asapbench.report.document import render_json
from asapbench.resources import PROCESS
from asapbench.samples import requests_in
from asapbench.workers.generate.pulse import PERIOD

Row = dict[str, float]
MakeRow = Callable[..., Row]
MakeRun = Callable[..., Run]
Find = Callable[..., dict[str, Gate]]

WINDOW = Window(name="measured", start=100.0, end=110.0)
P95 = Target(metric="latency.p95", limit="<= 5 ms")
NEVER_SENT = Flag.CENSORED | Flag.WAITED
PAGE = Path(__file__).parents[3] / "docs" / "explanation-health.md"
SCHEMA = Path(health.__file__).parent / "report" / "schema.json"


def table(name: str, process: str = "", **columns: Iterable[float]) -> Measurement:
    arrays = {column: np.array(list(values), float) for column, values in columns.items()}
    return Measurement(name, arrays, {}, {"process": process} if process else {})


def process(name: str = "generator", **columns: Iterable[float]) -> Measurement:
    """One that used nothing and waited for nothing, read each second, if nothing else is said."""
    at = list(columns.pop("at", np.arange(100.0, 111.0)))
    idle = dict.fromkeys((column.name for column in PROCESS), np.zeros(len(at)))
    return table("resources", name, **idle | {"at": at} | columns)


def growing(rate: float) -> list[float]:
    """A sum that grows by `rate` a second, one reading a second."""
    return [7.0 + rate * second for second in range(11)]


def pulse(late: Iterable[float] = (), open: float = 0) -> Measurement:  # noqa: A002 - its column
    """500 beats, of which the first were as late as said, and so many open requests at each."""
    first = list(late)
    beats = [*first, *[0.0] * (500 - len(first))]
    at = np.linspace(100.0, 110.0, 500)
    return table("pulse", at=at, late=beats, open=np.full(500, open))


def machine(share: float) -> Measurement:
    """Four CPUs, of which the hypervisor gave this share to others."""
    return table("machine", at=np.arange(100.0, 111.0), steal=growing(share * 4))


@pytest.fixture
def gates(make_run: MakeRun) -> Find:
    """The gates of a run with these tables and requests, by name."""

    def find(
        *tables: Measurement,
        rows: Iterable[Row] = (),
        rate: float | None = None,
        window: Window = WINDOW,
        **story: Any,
    ) -> dict[str, Gate]:
        run = make_run(rows, **{"targets": (P95,)} | story)
        run = Run(run.story, (*run.measurements, *tables))
        requests = samples.requests_in(run, window)
        return {gate.name: gate for gate in health.gates(run, requests, rate)}

    return find


@pytest.fixture
def steady(row: MakeRow) -> Callable[..., list[Row]]:
    """An even grid of requests over the window, at a rate, each 1 ms long."""

    def make(rate: float, **more: Any) -> list[Row]:
        return [row(100.0 + (k + 0.5) / rate, **more) for k in range(int(rate * 10))]

    return make


def sides(gate: str, *cases: tuple[float, bool]) -> pytest.MarkDecorator:
    """Amounts below, at and beyond the limit of a gate, and whether it lets them pass."""
    ids = [f"{gate} {amount:g}" for amount, _ in cases]
    return pytest.mark.parametrize(("amount", "ok"), cases, ids=ids)


# plan-not-sent


@sides("lost", (0, True), (10, True), (11, False), (1000, False))
def test_a_plan_of_which_over_1_percent_was_not_sent_is_in_doubt(
    gates: Find, steady: Callable[..., list[Row]], amount: int, ok: bool
) -> None:
    gate = gates(rows=steady(100)[amount:], rate=100.0)["plan-not-sent"]
    assert gate.value == pytest.approx(amount / 1000)
    assert (gate.limit, gate.ok) == (0.01, ok)


def test_a_window_between_two_slots_has_lost_none(gates: Find, row: MakeRow) -> None:
    # slots every 4 s from t = 1: of the 2.5 that 10 s hold on average there are two, or three
    found = gates(rows=[row(101.0), row(105.0)], rate=0.25, window=WINDOW)
    assert found["plan-not-sent"].value == 0


def test_a_window_too_short_for_a_slot_cannot_tell_whether_one_was_lost(gates: Find) -> None:
    window = Window(name="measured", start=100.0, end=100.0009)
    assert "plan-not-sent" not in gates(rate=1000.0, window=window)


def test_more_than_was_planned_is_not_less_than_nothing_lost(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    assert gates(rows=steady(100), rate=50.0)["plan-not-sent"].value == 0


def test_without_a_planned_rate_nothing_can_be_missing_or_late(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    assert {"plan-not-sent", "lag"}.isdisjoint(gates(rows=steady(10), rate=None))


# lag


@sides("lag", (0.0, True), (0.004, True), (0.006, False), (1.0, False))
def test_a_generator_that_is_late_by_more_than_the_limit_is_in_doubt(
    gates: Find, steady: Callable[..., list[Row]], amount: float, ok: bool
) -> None:
    rows = steady(20)
    late = [one | {"sent": one["planned"] + amount} for one in rows[:10]] + rows[10:]  # 5 %
    gate = gates(rows=late, rate=20.0)["lag"]
    assert gate.value == pytest.approx(amount, abs=1e-9)
    assert (gate.limit, gate.ok) == (0.005, ok)


def test_a_lag_of_exactly_the_limit_is_believed(gates: Find, row: MakeRow) -> None:
    # binary fractions, so that the difference of the two times is exact
    rows = [row(100.0 + k / 16, sent=100.0 + k / 16 + 1 / 256) for k in range(160)]
    targets = (Target(metric="latency.p95", limit=f"<= {1 / 256} s"),)
    gate = gates(rows=rows, rate=16.0, targets=targets)["lag"]
    assert (gate.value, gate.limit, gate.ok) == (1 / 256, 1 / 256, True)


def test_less_than_1_percent_of_late_requests_does_not_show_in_its_p99(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    rows = steady(100)
    late = [one | {"sent": one["planned"] + 1.0} for one in rows[:9]] + rows[9:]
    assert gates(rows=late, rate=100.0)["lag"].ok


def test_without_a_latency_target_lateness_spoils_none(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    rows, targets = steady(20), (Target(metric="error_rate", limit="<= 1 %"),)
    found = gates(pulse([1.0]), rows=rows, rate=20.0, targets=targets)
    assert {"lag", "jitter"}.isdisjoint(found)


# jitter


@sides("beats", (0, True), (12, True), (13, False), (500, False))
def test_a_generator_that_wakes_late_too_often_is_in_doubt(
    gates: Find, amount: int, ok: bool
) -> None:
    # 5 % lie beyond p95, half of them may be late by a fifth of 5 ms: 2.5 % of 500 are 12.5
    gate = gates(pulse([0.0011] * amount))["jitter"]
    assert gate.value == pytest.approx(amount / 500)
    assert gate.limit == pytest.approx(0.025)
    assert gate.ok == ok


def test_a_beat_late_by_a_fifth_of_the_limit_is_not_late_yet(gates: Find) -> None:
    assert gates(pulse([0.001] * 500))["jitter"].value == 0


def test_beats_that_are_early_by_the_clocks_grain_are_not_late(gates: Find) -> None:
    assert gates(pulse([-1e-7] * 500))["jitter"].value == 0


def test_a_long_sleep_counts_as_all_the_beats_that_it_swallowed(gates: Find) -> None:
    # 1.0005 s with `by` at 1 ms: 50 beats would have been up to 20 ms apart, and all late
    gate = gates(pulse([1.0005]))["jitter"]
    assert gate.value == pytest.approx(50 / 550)
    assert not gate.ok


def test_the_beat_is_that_of_the_generators_pulse() -> None:
    assert health.BEAT == PERIOD


def test_one_late_generator_of_two_counts_by_its_share_of_the_beats(gates: Find) -> None:
    assert gates(pulse([0.01] * 500), pulse())["jitter"].value == pytest.approx(0.5)


# latest


@pytest.mark.parametrize("kind", ["beat", "request"])
@sides("late", (0.0, True), (0.019, True), (0.021, False), (1.0, False))
def test_a_maximum_is_in_doubt_by_being_late_once(
    gates: Find, steady: Callable[..., list[Row]], amount: float, ok: bool, kind: str
) -> None:
    rows = steady(20)
    if kind == "request":
        rows[7] |= {"sent": rows[7]["planned"] + amount}
    beats = pulse([amount] if kind == "beat" else [])
    table = (Target(metric="latency.max", limit="<= 100 ms"),)
    found = gates(beats, rows=rows, rate=20.0, targets=table)
    assert found["latest"].value == pytest.approx(amount, abs=1e-9)
    assert found["latest"].limit == pytest.approx(0.02)
    assert found["latest"].ok == ok
    assert "latest" not in gates(beats, rows=rows, rate=20.0)


def test_a_mean_is_in_doubt_where_the_generator_is_late_for_a_quarter_of_the_time(
    gates: Find,
) -> None:
    table = (Target(metric="latency.mean", limit="<= 5 ms"),)
    assert gates(pulse([0.0011] * 125), targets=table)["jitter"].ok
    assert not gates(pulse([0.0011] * 126), targets=table)["jitter"].ok


# little


@sides("open", (0, False), (8.9, False), (9, True), (10, True), (11, True), (11.2, False))
def test_what_was_in_flight_is_what_the_requests_add_up_to(
    gates: Find, row: MakeRow, amount: float, ok: bool
) -> None:
    gate = gates(pulse(open=amount), rows=[row(99.0, done=111.0)] * 10)["little"]
    assert gate.value == pytest.approx(abs(amount - 10) / max(amount, 10))
    assert (gate.limit, gate.ok) == (0.1, ok)


def test_in_flight_is_rate_times_time(gates: Find, row: MakeRow) -> None:
    # 100 req/s of 250 ms each, before the window and after it too
    rows = [row(95.0 + k / 100, done=95.25 + k / 100) for k in range(2000)]
    gate = gates(pulse(open=25), rows=rows)["little"]
    assert gate.value == pytest.approx(0, abs=1e-9)
    assert "rate times time says 25.0" in gate.text


def test_answers_that_were_not_read_yet_are_in_flight_of_planned_requests_only(
    gates: Find, row: MakeRow
) -> None:
    # 100 a second of 40 ms, and each is read 5 ms late: half of one is open that has its answer
    rows = [row(95.0 + k / 100, done=95.04 + k / 100) for k in range(2000)]
    late = [0.005] * 500
    assert gates(pulse(late, open=4.5), rows=rows, rate=100)["little"].value == pytest.approx(0)
    assert not gates(pulse(open=4.5), rows=rows, rate=100)["little"].ok
    assert not gates(pulse(late, open=3.5), rows=rows, rate=100)["little"].ok
    assert not gates(pulse(late, open=4.5), rows=rows)["little"].ok


def test_few_requests_in_flight_say_little(gates: Find, steady: Callable[..., list[Row]]) -> None:
    assert "little" not in gates(pulse(open=1.9), rows=steady(100))
    assert "little" in gates(pulse(open=2.0), rows=steady(100))


def test_requests_planned_before_the_window_are_in_flight_too(gates: Find, row: MakeRow) -> None:
    rows = [row(80.0, sent=90.0 + k, done=111.0, flags=Flag.CENSORED) for k in range(5)]
    assert gates(pulse(open=5), rows=rows)["little"].value == pytest.approx(0)


def test_requests_in_flight_are_summed_over_the_generators(gates: Find, row: MakeRow) -> None:
    rows = [row(99.0, done=111.0) for _ in range(6)]
    assert gates(pulse(open=4), pulse(open=2), rows=rows)["little"].value == pytest.approx(0)


def test_a_generator_without_a_beat_leaves_littles_law_unasked(gates: Find, row: MakeRow) -> None:
    silent = table("pulse", at=[90.0], late=[0.0], open=[3])
    found = gates(pulse([0.01] * 500, open=4), silent, rows=[row(99.0, done=111.0)] * 7)
    assert "little" not in found
    assert found["jitter"].value == 1


# busy


@sides("cores", (0.94, True), (0.95, True), (0.96, False))
def test_a_generator_that_uses_its_whole_core_is_in_doubt(
    gates: Find, amount: float, ok: bool
) -> None:
    cpu = [amount * second for second in range(11)]
    gate = gates(process(cpu=np.round(cpu, 2) - [1e-9 * k for k in range(11)]))["generator-busy"]
    assert (gate.value, gate.limit, gate.ok) == (0.0 if ok else 1.0, 0.05, ok)


@sides("seconds", (5, True), (6, False))
def test_5_percent_of_the_seconds_may_be_busy(gates: Find, amount: int, ok: bool) -> None:
    at = np.linspace(100.0, 110.0, 101)
    cpu = np.cumsum([0.0, *[0.1] * amount, *[0.0] * (100 - amount)])
    gate = gates(process(at=at, cpu=cpu))["generator-busy"]
    assert gate.value == pytest.approx(amount / 100)
    assert gate.ok == ok


def test_each_generator_is_asked_by_its_own_name(gates: Find) -> None:
    found = gates(process("generator-0"), process("generator-1", cpu=growing(1.0)))
    assert found["generator-0-busy"].ok
    assert not found["generator-1-busy"].ok


def test_a_server_may_use_all_that_it_gets(gates: Find) -> None:
    assert "server-busy" not in gates(process("server", cpu=growing(1.0)))


@pytest.mark.parametrize("readings", [0, 1, 2])
def test_too_few_readings_cannot_tell_busy_seconds(gates: Find, readings: int) -> None:
    at = [101.0, 102.0][:readings]
    assert "generator-busy" not in gates(process(at=at, cpu=[0.0, 9.0][:readings]))


# starved


@sides("waited", (0.09, True), (0.1, True), (0.11, False))
@pytest.mark.parametrize("name", ["generator", "generator-1", "server"])
def test_a_process_that_waited_for_its_core_is_in_doubt(
    gates: Find, name: str, amount: float, ok: bool
) -> None:
    waited = [amount * second for second in range(11)]
    gate = gates(process(name, waited=waited))[f"{name}-starved"]
    assert gate.value == pytest.approx(amount)
    assert (gate.limit, gate.ok) == (0.1, ok)


@pytest.mark.parametrize("how", ["command", "host"])
def test_a_server_of_the_users_own_is_never_void_for_what_runs_beside_it(
    gates: Find, how: Any
) -> None:
    server = Server(url="http://a", pid=1, how=how, agent="a", version="1")
    waiting = (process("server", waited=growing(3)), process(waited=growing(0.2)))
    found = gates(*waiting, server=server)
    assert "server-starved" not in found
    assert not found["generator-starved"].ok


def test_where_the_system_does_not_tell_who_waited_nobody_is_asked(gates: Find) -> None:
    assert "generator-starved" not in gates(process(waited=[nan] * 11))


def test_a_reading_that_failed_leaves_those_before_and_after(gates: Find) -> None:
    waited = [nan, *growing(0.2)[1:6], nan, *growing(0.2)[7:10], nan]
    assert gates(process(waited=waited))["generator-starved"].value == pytest.approx(0.2)


@pytest.mark.parametrize("at", [[], [105.0], [105.0, 105.0], [99.0, 111.0]])
def test_readings_without_a_time_between_them_ask_nothing(gates: Find, at: list[float]) -> None:
    waited = [float(k) for k in range(len(at))]
    steal = table("machine", at=at, steal=waited)
    assert {"generator-starved", "stolen"}.isdisjoint(gates(process(at=at, waited=waited), steal))


def test_what_was_before_the_window_and_after_it_is_not_held_against_it(gates: Find) -> None:
    at = [90.0, 99.9, *np.arange(100.0, 111.0), 120.0]
    before_and_after = [0.0, 9.0, *[9.0] * 11, 19.0]
    busy = process(at=at, waited=before_and_after, cpu=before_and_after)
    found = gates(busy, table("machine", at=at, steal=before_and_after))
    values = [found[name].value for name in ("generator-starved", "generator-busy", "stolen")]
    assert values == [0, 0, 0]


# stolen


@sides("stolen", (0.0, True), (0.0499, True), (0.05, True), (0.0501, False))
def test_time_that_the_hypervisor_gave_away_is_in_doubt(
    gates: Find, amount: float, ok: bool
) -> None:
    steal = [amount * 4 * second for second in range(11)]
    gate = gates(table("machine", at=np.arange(100.0, 111.0), steal=steal))["stolen"]
    assert gate.value == pytest.approx(amount)
    assert (gate.limit, gate.ok) == (0.05, ok)


# not-understood


@sides("invalid", (0, True), (10, True), (11, False), (1000, False))
def test_answers_that_are_not_understood_are_in_doubt(
    gates: Find, steady: Callable[..., list[Row]], amount: int, ok: bool
) -> None:
    rows = steady(100)
    strange = [one | {"outcome": Outcome.INVALID} for one in rows[:amount]]
    gate = gates(rows=[*strange, *rows[amount:]])["not-understood"]
    assert gate.value == pytest.approx(amount / 1000)
    assert (gate.limit, gate.ok) == (0.01, ok)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.INVALID}))
def test_an_error_that_is_understood_is_the_servers(
    gates: Find, steady: Callable[..., list[Row]], outcome: Outcome
) -> None:
    assert gates(rows=steady(10, outcome=outcome))["not-understood"].value == 0


def test_without_an_answer_there_is_none_to_understand(gates: Find, row: MakeRow) -> None:
    assert "not-understood" not in gates(rows=[row(109.0, done=111.0, flags=Flag.CENSORED)])


# no-socket


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EADDRNOTAVAIL])
def test_a_generator_without_a_socket_is_in_doubt_and_not_the_server(
    gates: Find, steady: Callable[..., list[Row]], code: int
) -> None:
    rows = steady(100)
    without = rows[0] | {"outcome": Outcome.CONNECT, "code": code}
    gate = gates(rows=[without, *rows[1:]])["no-socket"]
    assert gate.value == pytest.approx(1 / 1000)
    assert not gate.ok


def test_a_step_without_sockets_is_in_doubt_too(
    make_run: MakeRun, steady: Callable[..., list[Row]]
) -> None:
    run = make_run(some_without_a_socket(steady))
    said = doubt(run, samples.requests_in(run, WINDOW), None)
    assert said == "the generator got no socket for 1.0 % of the requests: too many open files"


def test_a_server_that_refuses_connections_is_no_want_of_sockets(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    rows = steady(10, outcome=Outcome.CONNECT, code=errno.ECONNREFUSED)
    assert "no-socket" not in gates(rows=rows)


# what is missing, and what is the server's doing


def test_without_a_table_beside_the_requests_only_these_are_asked(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    assert set(gates(rows=steady(10), rate=10.0)) == {"plan-not-sent", "lag", "not-understood"}


def test_a_window_without_a_length_asks_nothing(gates: Find, row: MakeRow) -> None:
    empty = Window(name="measured", start=100.0, end=100.0)
    busy = process(cpu=growing(1.0))
    assert gates(busy, pulse(open=9), rows=[row(100.0)], rate=10.0, window=empty) == {}


@pytest.mark.parametrize("served", [0, 50])
def test_a_server_too_slow_for_the_plan_trips_no_gate(
    gates: Find, row: MakeRow, served: int
) -> None:
    # 100 req/s from t = 90 on by 10 users; it answers `served` a second, the others wait, and the
    # last of them are never sent
    if served:
        asked = [90.0 + k / served for k in range(20 * served)]
        sent = [(90.0 + k / 100, at, at + 10 / served, Flag.WAITED) for k, at in enumerate(asked)]
        unsent = range(20 * served, 2000)
    else:
        sent = [(90.0 + k / 100, 90.0 + k / 100, 111.0, Flag.CENSORED) for k in range(10)]
        unsent = range(10, 2000)
    rows = [row(p, sent=s, done=d, flags=flags) for p, s, d, flags in sent]
    rows += [row(90.0 + k / 100, sent=nan, done=111.0, flags=NEVER_SENT) for k in unsent]
    found = gates(pulse(open=10), process(cpu=growing(0.1)), rows=rows, rate=100.0)
    assert {"plan-not-sent", "little", "jitter", "generator-busy"} <= set(found)
    assert [gate for gate in found.values() if not gate.ok] == []


# tightest

LATE_FIRST = {
    ("latency.p95 <= 5 ms",): (0.05, 0.005),
    ("latency.p95 <= 5 ms", "latency.p99 <= 10 ms"): (0.01, 0.010),
    ("latency.p99 <= 30 ms", "latency.p95 <= 5 ms"): (0.05, 0.005),
    ("latency.p50 <= 1 ms", "latency.p99.9 <= 100 ms"): (0.001, 0.1),
    ("service_time.p90 < 2 ms",): (0.1, 0.002),
    ("latency.p95 <= 5 ms", 'latency.p95{endpoint="metrics"} <= 2 ms'): (0.05, 0.002),
    ('latency.p99{endpoint="asap"} <= 1 s', "latency.p50 <= 1 s"): (0.01, 1.0),
    ("latency.p95 <= 5 ms", "latency.p99 >= 1 µs", "latency.p50 > 0 s"): (0.05, 0.005),
    ("latency.p95 <= 5 ms", "lag.p99 <= 1 µs", "split.server.p95 <= 1 µs"): (0.05, 0.005),
    ("latency.p95 <= 5 ms", "latency.max <= 1 ms", "latency.min <= 1 µs"): (0.05, 0.005),
    ("latency.p99 <= 5 ms", "latency.mean <= 50 µs"): (0.5, 50e-6),
    ("latency.mean <= 1 ms",): (0.5, 0.001),
}
NONE = ("throughput >= 800 req/s", "error_rate <= 0.1 %", "generator.cpu <= 1 cores")


def targets(*rows: str) -> tuple[Target, ...]:
    split = [re.fullmatch(r"(\S+) (.+)", row) for row in rows]
    return tuple(Target(metric=match[1], limit=match[2]) for match in split if match)


@pytest.mark.parametrize(("rows", "hardest"), LATE_FIRST.items(), ids=str)
def test_the_tightest_target_is_that_which_a_late_generator_would_spoil_first(
    rows: tuple[str, ...], hardest: tuple[float, float]
) -> None:
    found = health.tightest(targets(*rows, *NONE))
    assert found is not None
    assert found.beyond == pytest.approx(hardest[0])
    assert found.limit == pytest.approx(hardest[1])


def test_a_table_without_a_latency_has_no_tightest() -> None:
    assert health.tightest(targets(*NONE)) is None
    assert health.tightest(()) is None


# bottleneck


def gate(name: str, value: float) -> Gate:
    return Gate(name=name, unit="ratio", value=value, limit=0.5, text="", hint="")


WHO = {
    ("generator-starved",): "machine",
    ("server-starved",): "machine",
    ("stolen",): "machine",
    ("generator-busy",): "generator",
    ("generator-1-busy",): "generator",
    ("generator-busy", "generator-starved"): "machine",
    ("lag",): "generator",
    ("jitter",): "generator",
    ("latest",): "generator",
    ("plan-not-sent",): "generator",
    ("plan-not-sent", "generator-starved", "jitter"): "machine",
    ("little", "not-understood"): "none",
    (): "none",
}


@pytest.mark.parametrize(("tripped", "who"), WHO.items(), ids=str)
def test_the_bottleneck_is_named_by_the_gates_that_tripped(
    make_run: MakeRun, tripped: tuple[str, ...], who: str
) -> None:
    passed = set(sum(WHO, ())) - set(tripped)
    judged = [*(gate(name, 1.0) for name in tripped), *(gate(name, 0.0) for name in passed)]
    run = make_run([])
    assert health.bottleneck(run, requests_in(run, WINDOW), judged) == who


@pytest.mark.parametrize(
    ("how", "cpus", "cores", "thread", "who"),
    [
        ("embedded", (3,), 0.91, 0.8, "server"),
        ("embedded", (3,), 0.89, 0.89, "none"),
        ("embedded", (1, 3), 0.91, 0.91, "server"),  # two threads of one core, and one process
        ("command", (1, 2), 1.81, 0.8, "server"),  # workers that share the load
        ("command", (1, 2), 1.79, 0.8, "none"),
        ("command", (1, 2), 1.0, 0.91, "server"),  # one process, or one worker with all of it
        ("command", (1, 2), 1.0, 0.3, "none"),  # many threads, and a core to spare
        ("command", (), 0.91, 0.91, "server"),
        ("host", (), 0.91, 0.91, "server"),
        ("host", (), 3.5, 0.8, "none"),
        ("host", (), 3.61, 0.8, "server"),  # of the four cores of the machine
        ("host", (), 3.61, nan, "server"),  # where the system tells of no threads
    ],
)
def test_a_server_that_uses_all_it_can_is_the_bottleneck(
    make_run: MakeRun, how: Any, cpus: tuple[int, ...], cores: float, thread: float, who: str
) -> None:
    server = Server(url="http://a", pid=1, how=how, agent="a", version="1", cpus=cpus)
    story = make_run([], server=server).story
    used = process("server", cpu=growing(cores), busiest=growing(thread))
    run = Run(story, (used, process(cpu=growing(0.9), busiest=growing(0.95))))
    assert health.bottleneck(run, requests_in(run, WINDOW), []) == who
    busy = [gate("generator-busy", 1.0)]
    assert health.bottleneck(run, requests_in(run, WINDOW), busy) == "generator"


@pytest.mark.parametrize("at", [[], [105.0], [105.0, 105.0]])
def test_a_server_that_was_not_sampled_is_not_called_the_bottleneck(
    make_run: MakeRun, at: list[float]
) -> None:
    server = process("server", at=at, cpu=[float(k) for k in range(len(at))])
    run = Run(make_run([], server=None).story, (server,))
    assert health.bottleneck(run, requests_in(run, WINDOW), []) == "none"


@pytest.mark.parametrize(("failed", "who"), [(5, "none"), (6, "server")])
def test_a_server_that_does_not_answer_is_the_bottleneck_though_it_rests(
    make_run: MakeRun, row: MakeRow, failed: int, who: str
) -> None:
    outcomes = [Outcome.TIMEOUT] * failed + [Outcome.OK] * (100 - failed)
    run = make_run([row(101 + k / 100, outcome=o) for k, o in enumerate(outcomes)], server=None)
    assert health.bottleneck(run, requests_in(run, WINDOW), []) == who


@pytest.mark.parametrize(
    ("outcome", "code", "who"),
    [
        (Outcome.HTTP_4XX, 429, "none"),
        (Outcome.RPC_ERROR, -32600, "none"),
        (Outcome.TASK_FAILED, 0, "none"),
        (Outcome.HTTP_5XX, 500, "none"),
        (Outcome.HTTP_5XX, 503, "server"),  # too much for it, as it says
        (Outcome.HTTP_5XX, 504, "server"),
        (Outcome.CLOSED, 0, "server"),
        (Outcome.CONNECT, 111, "server"),
        (Outcome.HTTP_4XX, 503, "none"),
    ],
)
def test_a_server_that_refuses_requests_has_answered_them(
    make_run: MakeRun, row: MakeRow, outcome: Outcome, code: int, who: str
) -> None:
    rows = [row(101 + k / 100, outcome=outcome, code=code) for k in range(100)]
    run = make_run(rows, server=None)
    assert health.bottleneck(run, requests_in(run, WINDOW), []) == who


def test_a_server_that_refuses_much_is_told_of_in_a_note(make_run: MakeRun, row: MakeRow) -> None:
    def notes(refused: int, code: int = -32600) -> list[str]:
        outcomes = [Outcome.RPC_ERROR] * refused + [Outcome.OK] * (100 - refused)
        rows = [row(101 + k / 100, outcome=o, code=code) for k, o in enumerate(outcomes)]
        run = make_run(rows, plan=LoadPlan().stored(), windows=(WINDOW,))
        return [note.code for note in BENCH.analyse(run).notes]

    assert notes(5) == []
    assert notes(6) == ["refused"]
    assert notes(6, code=429) == ["rate-limited"]


def test_a_generator_held_by_a_quota_is_never_the_servers_fault(
    make_run: MakeRun, row: MakeRow
) -> None:
    # 10 of each 100 ms: of 1000 req/s it sends 400, late, and its beats come with each turn
    turns = [100.0 + k / 10 for k in range(100)]
    rows = [row(100 + k / 400, sent=turns[k // 40] + k % 40 / 4000) for k in range(4000)]
    plan = LoadPlan(rps=1000.0, duration=10.0).stored()
    beats = table("pulse", at=turns, late=[0.08] * 100, open=[1] * 100)
    for limits in (("throughput >= 800 req/s",), ("latency.p95 <= 5 ms", "error_rate <= 0.1 %")):
        run = make_run(rows, plan=plan, targets=targets(*limits), windows=(WINDOW,))
        report = conclude(BENCH, Run(run.story, (*run.measurements, beats)))
        assert report.exit_code is Exit.NO_VERDICT
        assert all("the generator" in verdict.reason for verdict in report.verdicts)
        assert report.details["bottleneck"] == "generator"


# what a tripped gate does


@pytest.fixture
def spoiled(make_run: MakeRun, steady: Callable[..., list[Row]]) -> Callable[..., Run]:
    """A run that meets two of its targets and misses one, by a generator that was starved."""

    def make(**options: Any) -> Run:
        plan = LoadPlan(rps=100.0, duration=10.0, **options).stored()
        table = targets("throughput >= 50 req/s", "error_rate <= 1 %", "latency.p50 <= 1 µs")
        run = make_run(steady(100), plan=plan, targets=table, windows=(WINDOW,))
        starved = process(waited=growing(0.2))
        return Run(run.story, (*run.measurements, starved))

    return make


def test_a_tripped_gate_voids_every_verdict_and_says_why(spoiled: Callable[..., Run]) -> None:
    report = conclude(BENCH, spoiled())
    (tripped,) = (gate for gate in report.gates if not gate.ok)
    assert (report.outcome, report.exit_code) == ("invalid", Exit.NO_VERDICT)
    assert [(v.outcome, v.reason) for v in report.verdicts] == [("invalid", tripped.text)] * 3
    assert "the generator was kept from running 20 % of the time" in tripped.text


def test_a_tripped_gate_leaves_a_note_with_a_remedy(spoiled: Callable[..., Run]) -> None:
    (note,) = (n for n in conclude(BENCH, spoiled()).notes if n.code.startswith("health-"))
    assert note.code == "health-generator-starved"
    assert (
        note.hint == "end what else runs on this machine, or give the generator a core of its own"
    )


def test_where_gates_are_off_a_tripped_one_is_told_and_voids_nothing(
    spoiled: Callable[..., Run],
) -> None:
    report = conclude(BENCH, spoiled(gates=False))
    assert [verdict.outcome for verdict in report.verdicts] == ["pass", "pass", "fail"]
    assert report.exit_code is Exit.MISSED
    assert "health-generator-starved" in {note.code for note in report.notes}


def test_several_tripped_gates_are_all_named(spoiled: Callable[..., Run]) -> None:
    run = spoiled()
    report = conclude(BENCH, Run(run.story, (*run.measurements, machine(0.5))))
    reasons = report.verdicts[0].reason.split("; ")
    assert [reason.split(" was ")[0].split(" gave ")[0] for reason in reasons] == [
        "the generator",
        "the hypervisor",
    ]


# every run


def everything() -> tuple[Measurement, ...]:
    """Tables for each gate to be asked."""
    both = (process("server"), process("generator"))
    return (*both, pulse(open=4), machine(0.0))


def some_without_a_socket(steady: Callable[..., list[Row]]) -> list[Row]:
    """Requests for each gate to be asked."""
    first, *others = steady(10)
    return [first | {"outcome": Outcome.CONNECT, "code": errno.EMFILE}, *others]


TIMES = {"lag", "jitter", "latest"}  # whose limits depend on the table


def test_the_page_explains_each_gate_with_its_limit(
    gates: Find, steady: Callable[..., list[Row]]
) -> None:
    table = (P95, Target(metric="latency.max", limit="<= 1 s"))
    found = gates(*everything(), rows=some_without_a_socket(steady), rate=10.0, targets=table)
    literals = re.findall(r'name=f?"([^"]+)"', getsource(health))
    kinds = {re.sub(r"^(generator|server)-", "{name}-", name) for name in found}
    assert kinds == set(literals), "a gate that this run does not ask"
    rows = dict(re.findall(r"^\| `([\w-]+)` \|[^|]*\| ([^|]*) \|", PAGE.read_text(), re.MULTILINE))
    assert set(rows) == set(found)
    shares = {name: gate.limit for name, gate in found.items() if name not in TIMES}
    assert {name: f"{limit * 100:g} %" in rows[name] for name, limit in shares.items()} == (
        dict.fromkeys(shares, True)
    )
    assert f"{health.LATE_SHARE * 100:g} %" in rows["jitter"]


def test_each_gate_says_what_to_do(gates: Find, steady: Callable[..., list[Row]]) -> None:
    found = gates(*everything(), rows=some_without_a_socket(steady), rate=10.0)
    assert all(gate.text and gate.hint for gate in found.values())


times = st.floats(98.0, 112.0)
sums = st.floats(0.0, 50.0) | st.just(nan)


@st.composite
def requests(draw: st.DrawFn) -> Row:
    planned = draw(times)
    sent = draw(st.just(nan) | st.floats(planned, 112.0))
    done = draw(st.floats(planned if math.isnan(sent) else sent, 113.0))
    flags = NEVER_SENT if math.isnan(sent) else draw(st.integers(0, 7))
    outcome = draw(st.sampled_from(Outcome))
    return {"planned": planned, "sent": sent, "done": done, "flags": flags, "outcome": outcome}


@st.composite
def tables(draw: st.DrawFn) -> list[Measurement]:
    def readings(count: int, values: st.SearchStrategy[float]) -> list[float]:
        return draw(st.lists(values, min_size=count, max_size=count))

    found = []
    for name in draw(st.lists(st.sampled_from(["server", "generator", "generator-1", ""]))):
        count = draw(st.integers(0, 4))
        at = sorted(readings(count, times))
        sum_ = readings(count, sums)
        if name:
            cpu = readings(count, st.floats(0.0, 50.0))
            found.append(process(name, at=at, cpu=cpu, waited=sum_))
        else:
            late, opened = readings(count, st.floats(-1e-6, 5.0)), readings(count, st.floats(0, 99))
            found.append(table("pulse", at=at, late=late, open=opened))
            found.append(table("machine", at=at, steal=readings(count, st.floats(0.0, 50.0))))
    return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(requests(), max_size=5),
    tables=tables(),
    rate=st.none() | st.floats(1e-3, 1e6),
    length=st.just(0.0) | st.floats(1e-6, 12.0),
)
def test_a_gate_is_always_a_number_and_its_words_are_of_numbers(
    gates: Find,
    row: MakeRow,
    rows: list[Row],
    tables: list[Measurement],
    rate: float | None,
    length: float,
) -> None:
    window = Window(name="measured", start=100.0, end=100.0 + length)
    found = gates(*tables, rows=[row(**one) for one in rows], rate=rate, window=window)
    for one in found.values():
        assert math.isfinite(one.value)
        assert math.isfinite(one.limit)
        assert not re.search(r"\b(nan|inf)\b", one.text)
        assert one.value >= 0 or one.name == "stolen" or one.name.endswith("-starved")


def test_the_report_of_a_spoiled_run_meets_the_schema(spoiled: Callable[..., Run]) -> None:
    document = json.loads(render_json(conclude(BENCH, spoiled())))
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    (tripped,) = (gate for gate in document["health"] if not gate["ok"])
    assert (tripped["name"], tripped["limit"]) == ("generator-starved", 0.1)
    assert all(gate["value"] not in (None, inf) for gate in document["health"])
