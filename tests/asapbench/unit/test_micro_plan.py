"""Which benchmarks a plan of `micro` measures, and for how long it goes on with them."""

from types import SimpleNamespace
from typing import Any

import pytest

from asapbench.catalogue import Entry
from asapbench.commands import micro
from asapbench.commands.micro import MicroPlan
from asapbench.model import Target

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
