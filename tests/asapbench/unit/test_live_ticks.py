"""What the commands tell a watcher: which ticks stay, and what is known of metrics so far."""

from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from typing import Any, cast

import pytest

from asapbench.cycling import Cycles, until
from asapbench.ladder.conclude import so_far
from asapbench.ladder.rung import Rung
from asapbench.leak.cycles import Reading
from asapbench.model import Metric, Run, Story, Tick
from asapbench.offer import Load
from asapbench.traffic import Traffic

MakeStory = Callable[..., Story]


class Recorder:
    """Keeps a story in memory, and files in a folder."""

    def __init__(self, story: Story, folder: Path) -> None:
        self.story, self.folder = story, folder

    def path(self, name: str) -> Path:
        return self.folder / name

    def tell(self, **changes: Any) -> None:
        self.story = self.story.model_copy(update=changes)

    def run(self) -> Run:
        return Run(self.story, ())


class Sent:
    """Stands in for the generators: all is answered at once."""

    answers = failures = 0

    def send(self, phase: str, load: Load, patience: float) -> Iterator[Tick]:
        self.answers += load.requests or 0
        yield Tick(phase=phase, elapsed=0.0, progress=0.5)


class Grows:
    """A server that holds more after each cycle."""

    held_now = 40e6

    def read(self) -> Reading:
        self.held_now += 1000.0
        return Reading(rss=self.held_now + 1e6, uss=self.held_now, heap=nan, blocks=nan)

    def held(self) -> float:
        return self.held_now

    def check(self) -> None:
        pass


@pytest.fixture
def cycles(make_story: MakeStory, tmp_path: Path) -> Iterator[Cycles]:
    recorder = Recorder(make_story(command="memory", windows=()), tmp_path)
    run = Cycles(cast("Traffic", Sent()), Grows(), recorder, "http://127.0.0.1:1", 5)
    run.rate, run.size, run.planned = 100.0, 100, 6
    yield run
    run.close()


def test_each_cycle_leaves_a_row_and_the_progress_is_that_of_all(cycles: Cycles) -> None:
    ticks = [*cycles.warm_up(2), *until(lambda: True, (4,), cycles, lambda kept, look: kept > look)]
    rows = [tick for tick in ticks if tick.kept]
    assert [(row.phase, row.doing) for row in rows] == [
        ("cycle 1", "warm-up"),
        ("cycle 2", "warm-up"),
        *((f"cycle {number}", "") for number in (3, 4, 5, 6)),
    ]
    assert {name: value for name, value, _ in rows[-1].numbers} == {
        "rss": 41.006e6,
        "uss": 40.006e6,
        "requests": 600.0,
    }
    shown = [tick.progress for tick in ticks if not tick.kept]
    assert shown == pytest.approx([(cycle + 0.5) / 6 for cycle in range(6)])


def test_what_growth_comes_to_is_asked_after_each_cycle_that_counts(cycles: Cycles) -> None:
    metric = Metric(name="growth_rate", unit="B/s", value=1.0)
    cycles.so_far = lambda: (metric,)
    ticks = [*cycles.warm_up(1), *cycles.keep(2)]
    assert [tick.so_far for tick in ticks if not tick.kept] == [(), (), (metric,)]


def test_a_ladder_sustains_so_far_what_its_good_steps_show() -> None:
    rungs = [
        Rung(
            step=step,
            role="ladder",
            level=500.0 * step,
            users=50 * step,
            offered=500.0 * step,
            achieved=500.0 * step,
            low=500.0 * step,
        )
        for step in (1, 2)
    ]
    metrics = {metric.name: metric for metric in so_far(rungs, closed=False)}
    assert metrics["max_sustainable_rps"].low == 1000.0
    assert metrics["max_sustainable_rps"].high == float("inf")
    assert metrics["recommended_rps"].value == 800.0
