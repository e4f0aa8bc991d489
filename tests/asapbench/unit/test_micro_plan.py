"""Which benchmarks a plan of `micro` measures, and for how long it goes on with them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from asapbench.catalogue import REFERENCES, Entry
from asapbench.commands import micro
from asapbench.commands.micro import MicroPlan
from asapbench.model import Target, Tick

SLOW, FAST = Entry(group="ways", name="slow"), Entry(group="ways", name="fast", against="slow")
SIZED = Entry(group="sized", name="one", numbers=("ratio",), size=10)
OTHER = Entry(group="other", name="one")
ENTRIES = (SLOW, FAST, SIZED, OTHER)


def target(metric: str) -> Target:
    return Target(metric=metric, limit="< 1", why="")


@pytest.fixture(autouse=True)
def _suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro, "_listed", lambda _: (ENTRIES, 0.5))


@pytest.mark.parametrize(
    ("metric", "measured"),
    [
        ('other{benchmark="one"}', [OTHER]),
        ('other.blocks{benchmark="one"}', [OTHER]),
        ('other.peak_memory{benchmark="one"}', [OTHER]),
        ('sized.ratio{benchmark="one"}', [SIZED]),
        ('sized.speed{benchmark="one"}', [SIZED]),
        ('ways.speedup{benchmark="fast"}', [SLOW, FAST]),
    ],
)
def test_quick_measures_what_a_target_needs_and_nothing_else(
    metric: str, measured: list[Entry]
) -> None:
    assert list(micro._worth_it(MicroPlan(quick=True), [target(metric)])) == measured


@pytest.mark.parametrize(
    ("plan", "seen"),
    [
        (MicroPlan(), [0, 1, 3]),
        (MicroPlan(quick=True), [3]),
    ],
)
def test_quick_looks_only_at_memory_that_has_a_target(plan: MicroPlan, seen: list[int]) -> None:
    rounds: Any = SimpleNamespace(alive=(0, 1, 3), entries=ENTRIES)
    targets = [target('other.blocks{benchmark="one"}'), target('sized.blocks{benchmark="one"}')]
    assert micro._seen(plan, rounds, targets) == seen


def test_both_ways_are_timed_until_a_speedup_is_decided() -> None:
    wanted = 'ways.speedup{benchmark="fast"}'
    assert wanted in micro._keys(SLOW, ENTRIES, micro._TIMES)
    assert wanted in micro._keys(FAST, ENTRIES, micro._TIMES)
    assert wanted not in micro._keys(OTHER, ENTRIES, micro._TIMES)


def test_memory_of_what_takes_long_is_left_out_unless_it_is_judged() -> None:
    looked_at: list[int] = []

    def memory(positions: list[int]) -> Iterator[Tick]:
        looked_at.extend(positions)
        return iter(())

    rounds: Any = SimpleNamespace(
        alive=(0, 1, 2, 3),
        entries=ENTRIES,
        lasts_longer=lambda at, seconds: at >= 2 and seconds == 1.0,
        memory=memory,
    )
    story = SimpleNamespace(facts={"seed": 1}, targets=[target('other.blocks{benchmark="one"}')])
    told: dict[str, Any] = {}
    recorder: Any = SimpleNamespace(story=story, tell=lambda **facts: told.update(facts))
    assert list(micro._memory(MicroPlan(), rounds, recorder)) == []
    assert looked_at == [0, 1, 3]
    assert told == {"facts": {"seed": 1, "memory_left_out": ["sized/one"]}}


class FakeRounds:
    """Rounds without a worker, that note whom they time."""

    def __init__(self) -> None:
        self.entries = [*ENTRIES, *REFERENCES]
        self.alive = tuple(range(len(self.entries)))
        self.done, self.elapsed, self.timed = 0, 0.0, list[list[int]]()

    def shortest(self, _: list[int]) -> float:
        return 1.0

    def round(self, positions: list[int], _: float) -> Iterator[Tick]:
        self.done += 1
        self.timed.append(positions[: -len(REFERENCES)])
        return iter(())


def test_what_a_later_look_finds_undecided_again_is_timed_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, asked = iter(([1], [0], [])), list[list[int]]()

    def pending(*given: Any) -> tuple[list[int], bool, tuple[()]]:
        asked.append(given[-1])
        return next(looks), False, ()

    monkeypatch.setattr(micro, "_pending", pending)
    rounds: Any = FakeRounds()
    recorder: Any = SimpleNamespace(story=SimpleNamespace(targets=(), failures=()))
    assert list(micro._rounds(MicroPlan(min_rounds=2), rounds, recorder)) == []
    assert asked == [[0, 1, 2, 3]] * 3
    assert rounds.timed == [[0, 1, 2, 3]] * 2 + [[1]] * 2 + [[0]] * 4
