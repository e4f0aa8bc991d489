"""What `asapbench memory` decides while it measures, from readings that are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asapbench import store
from asapbench.commands import memory
from asapbench.commands.memory import MemoryPlan, confirmed, name_lines, undecided_parts
from asapbench.errors import BrokenRun, ServerDied
from asapbench.leak.cycles import layout
from asapbench.leak.parts import PARTS
from asapbench.model import Environment, Tick, Window
from asapbench.model import Target as Row
from asapbench.series import Writer
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


QUICK = MemoryPlan(quick=True, floor=False)


@pytest.mark.parametrize(
    "limit",
    [SHIPPED, ("growth_per_request", "<= 100 B"), ("rss_per_request", "<= 100 B")],
)
def test_growth_that_misses_any_limit_has_to_go_on_before_it_ends_a_run(
    record: Record, limit: tuple[str, str]
) -> None:
    missing = {"< 50 MB/h": 300.0}.get(limit[1], 120.0)
    assert not confirmed(QUICK, record(QUICK, limit, server=missing))
    assert not confirmed(QUICK, record(QUICK, limit, kept=16, server=missing))
    assert confirmed(QUICK, record(QUICK, limit, kept=24, server=missing))


def test_growth_that_meets_the_limits_has_nothing_to_confirm(record: Record) -> None:
    assert confirmed(QUICK, record(QUICK, ("growth_per_request", "<= 100 B"), server=50.0))


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
