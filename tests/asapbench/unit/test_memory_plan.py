"""The options of `asapbench memory`: what is refused, and how."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from asapbench.commands.memory import QUICK_LOOKS, MemoryPlan, looks, produces


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"duration": 60}, ["--duration", "6 cycles", "give 1m20s"]),
        ({"duration": 5, "interval": 10}, ["--interval", "10s is longer than", "--duration of 5s"]),
        ({"interval": 0.5}, ["--interval", "50 requests"]),
        ({"pid": 1}, ["--pid", "--host"]),
        ({"app": "agent"}, ["MODULE:APP"]),
        ({"app": "agent:app", "serve": "x {port}"}, ["--app", "--serve"]),
        ({"explain": True, "host": "http://127.0.0.1:1"}, ["--explain", "--app MODULE:APP"]),
        ({"warmup": 1}, ["2"]),
    ],
)
def test_a_plan_that_cannot_be_measured_says_why_and_the_way_out(
    options: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        MemoryPlan(**options)
    text = str(refused.value)
    assert [word for word in words if word not in text] == []


def test_eight_cycles_are_enough() -> None:
    assert MemoryPlan(duration=0.8 * 3, interval=0.3, rps=1000).cycles == 8


def test_quick_asks_for_no_time() -> None:
    assert MemoryPlan(duration=10, quick=True).quick


def test_an_undecided_run_goes_on_until_it_has_twice_the_cycles() -> None:
    assert looks(300, 10, quick=False) == (30, 45, 60)
    assert looks(80, 10, quick=True) == QUICK_LOOKS


def test_only_a_server_that_can_be_asked_has_objects_and_a_heap() -> None:
    own = {"blocks_per_request", "heap_per_request", "collected_per_request", "meters.cost"}
    embedded = set(produces(MemoryPlan()))
    assert own <= embedded
    assert own & set(produces(MemoryPlan(serve="x {port}"))) == set()
    assert "growth_rate" in produces(MemoryPlan(components_only=True))
