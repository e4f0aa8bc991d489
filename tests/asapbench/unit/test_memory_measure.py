"""What `asapbench memory` decides while it measures, from readings that are made up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from asapbench import store
from asapbench.commands import memory
from asapbench.commands.memory import (
    MemoryPlan,
    confirmed,
    is_done,
    is_hopeless,
    name_lines,
    quick_size,
    undecided_parts,
)
from asapbench.components import LOOKS, sizes
from asapbench.conclusion import conclude
from asapbench.cycling import Cycles, Wanted
from asapbench.errors import BrokenRun, ServerDied
from asapbench.leak.cycles import layout
from asapbench.leak.growth import mean
from asapbench.leak.parts import PARTS
from asapbench.leak.subject import resolution
from asapbench.model import Environment, Report, Running, Tick, Window
from asapbench.model import Target as Row
from asapbench.report.document import render_json
from asapbench.report.page import page
from asapbench.report.tables import render_csv
from asapbench.report.text import render_text
from asapbench.series import Writer
from asapbench.stats import confidence_per_look
from asapbench.store import Recording

Record = Callable[..., Recording]

SHIPPED = ("growth_rate", "< 50 MB/h")
SIZE = 1000  # requests a cycle


@pytest.fixture
def record(tmp_path: Path, environment: Environment) -> Record:
    """A run that has so far read a growth of so many bytes a request, by subject."""

    def make(
        plan: MemoryPlan, limit: tuple[str, str], kept: int = 8, spread: float = 0.0, **each: float
    ) -> Recording:
        recording = store.begin("memory", plan, environment, tmp_path)
        row = Row(metric=limit[0], limit=limit[1])
        window = Window(name="measured", start=100.0, end=200.0)
        recording.tell(targets=(row,), windows=(window,))
        for subject, growth in each.items():
            file = "cycles" if subject == "server" else f"cycles-{subject}"
            with Writer(recording.path(f"{file}.series"), layout(subject)) as rows:
                for cycle in range(3 + kept):
                    uss = 40e6 + growth * SIZE * cycle + spread * SIZE * (cycle % 2)
                    reading = (uss, uss, 0.0, 0.0, 0.0, 0.05)
                    rows.append(100.0 + cycle, SIZE * (cycle + 1.0), *reading, cycle > 2)
        return recording

    return make


QUICK = MemoryPlan(quick=True, floor=False, explain=True)


def report_of(recording: Recording) -> Report:
    recording.tell(ended="complete")
    return conclude(memory.BENCH, recording.run())


@pytest.mark.parametrize(
    "limit",
    [SHIPPED, ("growth_per_request", "<= 100 B"), ("rss_per_request", "<= 100 B")],
)
def test_growth_that_misses_any_limit_has_to_go_on_before_it_ends_a_run(
    record: Record, limit: tuple[str, str]
) -> None:
    missing = {"< 50 MB/h": 300.0}.get(limit[1], 120.0)
    assert not confirmed(QUICK, report_of(record(QUICK, limit, server=missing)))
    assert not confirmed(QUICK, report_of(record(QUICK, limit, kept=16, server=missing)))
    assert confirmed(QUICK, report_of(record(QUICK, limit, kept=24, server=missing)))


def test_growth_that_meets_the_limits_has_nothing_to_confirm(record: Record) -> None:
    limit = ("growth_per_request", "<= 100 B")
    assert confirmed(QUICK, report_of(record(QUICK, limit, server=50.0)))


def test_a_part_that_stays_undecided_keeps_no_server_going(record: Record) -> None:
    part = ('growth_rate{component="client_send"}', "< 50 MB/h")
    recording = record(QUICK, SHIPPED, server=0.0, client_send=0.0)
    rows = (*recording.story.targets, Row(metric=part[0], limit=part[1]))
    recording.tell(targets=rows, plan={**recording.story.plan, "rps": 100_000.0})
    undecided = [one.metric for one in report_of(recording).verdicts if one.outcome != "pass"]
    assert undecided == ["growth_rate", part[0]]
    recording.tell(targets=rows[1:])
    assert is_done(QUICK, partial(report_of, recording))
    recording.tell(targets=rows[:1])
    assert not is_done(QUICK, partial(report_of, recording))


def explained(recording: Recording) -> str:
    list(name_lines(QUICK, recording))
    assert recording.story.explanation is not None
    return str(recording.story.explanation["text"])


@pytest.mark.parametrize(
    ("limit", "growth"), [(("growth_per_request", "<= 10 B"), 20.0), (SHIPPED, 12.0)]
)
def test_growth_below_what_is_watched_is_explained_too(
    record: Record, monkeypatch: pytest.MonkeyPatch, limit: tuple[str, str], growth: float
) -> None:
    asked: list[MemoryPlan] = []

    def explain(plan: MemoryPlan, _: Any) -> Iterator[Tick]:
        asked.append(plan)
        yield from ()

    monkeypatch.setattr(memory, "_explain", explain)
    list(name_lines(QUICK, record(QUICK, limit, server=growth)))
    assert asked == [QUICK]


def test_a_server_that_does_not_grow_has_nothing_to_explain(record: Record) -> None:
    assert "nothing to explain" in explained(record(QUICK, SHIPPED, spread=5.0, server=0.0))


@pytest.mark.parametrize("error", [BrokenRun("no answer"), ServerDied("no answer")])
def test_an_instrumented_run_that_fails_is_told_and_touches_nothing_else(
    record: Record, monkeypatch: pytest.MonkeyPatch, error: BrokenRun
) -> None:
    def broken(*_: Any) -> None:
        raise error

    recording = record(QUICK, SHIPPED, server=2000.0)
    before = recording.story
    monkeypatch.setattr("asapbench.explaining.traced_server", broken)
    assert explained(recording) == "the lines that keep memory could not be named: no answer"
    assert recording.story.model_copy(update={"explanation": None}) == before


PARTS_ONLY = MemoryPlan(components_only=True)


@pytest.mark.parametrize("rps", [100.0, 1000.0, 3000.0])
def test_parts_do_enough_operations_to_tell_their_limit_at_the_rate(
    record: Record, rps: float
) -> None:
    plan = MemoryPlan(components_only=True, rps=rps)
    limit = 50e6 / 3600 / rps
    for name, size in sizes(record(plan, SHIPPED, **dict.fromkeys(PARTS, 0.0)).story).items():
        assert size >= PARTS[name]
        flat = mean(np.zeros(LOOKS[0]), confidence_per_look(len(LOOKS)), resolution(size))
        assert flat.high < limit, name


def test_no_limit_makes_a_cycle_of_a_part_endless(record: Record) -> None:
    recording = record(PARTS_ONLY, ("growth_rate", "< 0.001 B/s"), **dict.fromkeys(PARTS, 0.0))
    assert max(sizes(recording.story).values()) <= 20_000


def test_a_limit_on_all_parts_together_keeps_a_part_that_straddles_it_going(
    record: Record,
) -> None:
    growths = dict.fromkeys(PARTS, 0.0)
    flat = record(PARTS_ONLY, SHIPPED, **growths)
    assert undecided_parts(flat) == set()
    spread = record(PARTS_ONLY, SHIPPED, spread=400.0, **growths)
    assert undecided_parts(spread) == set(PARTS)


def test_of_the_parts_the_least_sure_one_bounds_them_all(record: Record) -> None:
    growths = dict.fromkeys(PARTS, 20.0)
    recording = record(PARTS_ONLY, SHIPPED, **growths)
    wide = recording.path("cycles-jsonrpc.series")
    wide.unlink()
    with Writer(wide, layout("jsonrpc")) as rows:
        for cycle, off in enumerate(np.resize([0.0, 4e5], 11)):
            rows.append(
                100.0 + cycle, SIZE * (cycle + 1.0), off, off, 0.0, 0.0, 0.0, 0.0, cycle > 2
            )
    metrics = {metric.key: metric for metric in memory.analyse(recording.run()).metrics}
    worst, part = metrics["growth_rate"], metrics['growth_rate{component="jsonrpc"}']
    steady = metrics['growth_rate{component="serialization"}']
    assert (worst.low, worst.high) == (steady.low, part.high)
    assert part.high is not None
    assert steady.high is not None
    assert part.high > 2 * steady.high


class Sent:
    """What a run has sent so far."""

    def __init__(self, failed: int = 0, seconds: float = 1.0, size: int = SIZE) -> None:
        self.failed, self.seconds, self.size = failed, seconds, size
        self.wanted = Wanted(size, 10.0)


def hopeless(
    recording: Recording, plan: MemoryPlan, kept: int = 1, look: int = 8, **sent: Any
) -> bool:
    run = cast("Cycles", Sent(**sent))
    return is_hopeless(plan, recording, run, partial(report_of, recording), kept, look)


def test_a_run_ends_once_so_many_replies_are_wrong_that_the_next_look_is_void(
    record: Record,
) -> None:
    recording = record(QUICK, SHIPPED, server=0.0)
    assert not hopeless(recording, QUICK, failed=80)
    assert hopeless(recording, QUICK, failed=81)
    assert not hopeless(recording, QUICK, kept=2, failed=80)
    no_gates = QUICK.model_copy(update={"gates": False})
    assert not hopeless(recording, no_gates, failed=1000)


def test_a_run_ends_soon_where_most_replies_are_wrong(record: Record) -> None:
    plan = MemoryPlan(duration=36_000, interval=10)
    recording = record(plan, SHIPPED, server=0.0)
    assert hopeless(recording, plan, kept=2, failed=SIZE + 1, look=3600)
    assert not hopeless(recording, plan, kept=2, failed=SIZE, look=3600)


def test_a_run_does_not_take_many_times_the_duration_of_its_plan(record: Record) -> None:
    plan = MemoryPlan(duration=100, interval=10)
    recording = record(plan, SHIPPED, server=0.0)
    assert not hopeless(recording, plan, kept=8, seconds=205.0)  # it may be extended
    assert hopeless(recording, plan, kept=8, seconds=300.0)
    (note,) = recording.story.notes
    assert "8 cycles took 5m00s, longer than all 20 were to take at most" in note.text


def test_a_slow_run_has_at_least_the_cycles_that_a_growth_needs(record: Record) -> None:
    plan = MemoryPlan(duration=100, interval=10)
    recording = record(plan, SHIPPED, server=0.0)
    assert not hopeless(recording, plan, kept=7, seconds=3000.0)


def test_no_time_ends_a_run_while_a_missed_limit_is_not_confirmed(record: Record) -> None:
    plan = MemoryPlan(duration=100, interval=10)
    recording = record(plan, SHIPPED, server=300.0)
    assert not hopeless(recording, plan, kept=13, seconds=3000.0)
    assert not recording.story.notes


def test_cycles_too_small_for_the_limit_end_a_run_and_say_so(record: Record) -> None:
    plan = MemoryPlan(quick=True, rps=1000)
    recording = record(plan, SHIPPED, server=0.0)
    assert hopeless(recording, plan, kept=8, size=100)
    (note,) = recording.story.notes
    assert "cycles of 100 requests are too small to tell the limit" in note.text
    assert "leave out --quick" in note.hint


def test_a_leak_that_later_looks_may_tell_goes_on(record: Record) -> None:
    plan = MemoryPlan(quick=True, rps=1000)
    recording = record(plan, SHIPPED, server=20.0)  # the limit is 14, and 10 are open
    assert report_of(recording).outcome == "inconclusive"
    assert not hopeless(recording, plan, kept=8, size=100)
    assert not hopeless(recording, plan, kept=8, seconds=3000.0)
    assert not recording.story.notes


def test_cycles_too_small_to_pass_end_no_run_before_its_first_look(record: Record) -> None:
    plan = MemoryPlan(duration=300)
    recording = record(plan, ("growth_per_request", "<= 2 B"), server=0.0)
    assert not hopeless(recording, plan, kept=29, look=30)
    assert hopeless(recording, plan, kept=30, look=45)


def test_a_slow_server_gets_cycles_that_can_tell_the_limit_with_quick(record: Record) -> None:
    """Five requests a second: two seconds of them would leave megabytes an hour open."""
    story = record(QUICK, SHIPPED, server=0.0).story
    assert 50 < quick_size(QUICK, story, rate=5.0) <= 100
    assert quick_size(QUICK, story, rate=3000.0) == 3000


def with_control(recording: Recording, growth: float) -> Recording:
    part = recording.part("floor-1")
    with Writer(part.path("cycles.series"), layout("server")) as rows:
        for cycle in range(11):
            uss = 40e6 + growth * SIZE * cycle
            rows.append(50.0 + cycle, SIZE * (cycle + 1.0), uss, uss, *[0.0] * 4, cycle > 2)
    return recording


def test_a_control_that_grows_ends_a_run_before_it_begins(record: Record) -> None:
    with pytest.raises(AttributeError):  # it goes on to the parts, or to the server
        list(measured(with_control(record(QUICK, SHIPPED), 0.0)))
    recording = with_control(record(QUICK, SHIPPED), 500.0)
    assert list(measured(recording)) == []
    recording.tell(windows=(), ended="complete")
    report = conclude(memory.BENCH, recording.run())
    assert report.outcome == "invalid"
    assert "a server that holds nothing" in render_text(report, width=80, color=False)
    assert "a server that holds nothing" in page(report, "")
    assert json.loads(render_json(report))["exit_code"] == 3
    assert render_csv(report)


def measured(recording: Recording) -> Iterator[Tick]:
    return memory.measure(QUICK, cast("Running", None), recording, partial(report_of, recording))


def test_what_is_not_valid_is_not_explained(record: Record) -> None:
    recording = with_control(record(QUICK, SHIPPED, server=2000.0), 500.0)
    assert explained(recording) == "there is nothing to explain: the measurement is not valid"
