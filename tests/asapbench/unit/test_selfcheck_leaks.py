"""The rows of planted leaks call a right instrument right, and a wrong one WRONG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asapbench.commands.memory import BENCH, MemoryPlan
from asapbench.conclusion import conclude
from asapbench.model import Measurement, Run, Target, Window
from asapbench.selfcheck.row import Seen
from asapbench.selfcheck.rows.known_leaks import (
    judge_cycles,
    judge_healthy,
    judge_leak,
    judge_no_leak,
)

See = Callable[..., Seen]


@pytest.fixture
def see(
    make_run: Callable[..., Run],
    row: Callable[..., dict[str, float]],
    cycles_table: Callable[..., Measurement],
) -> See:
    """A run that reads such a growth, in bytes a request; it may be another's reading."""

    def seen(growth: float, limit: str = "< 50 MB/h", **columns: Any) -> Seen:
        run = make_run(
            [row(103 + k / 200) for k in range(1000)],
            command="memory",
            plan=MemoryPlan(quick=True).stored(),
            windows=(Window(name="measured", start=103.0, end=110.0),),
            targets=(Target(metric="growth_rate", limit=limit),),
        )
        blocks = {"blocks": np.arange(11) * 1000.0} if growth else {}
        table = cycles_table("server", growth, **(blocks | columns))
        whole = replace(run, measurements=(*run.measurements, table))
        return Seen(conclude(BENCH, whole), whole)

    return seen


def off(checks: Any) -> list[str]:
    return [check.what for check in checks if not check.right]


def test_a_leak_that_is_found_and_sized_is_right(see: See) -> None:
    for size, reading in ((200, 221.0), (2000, 2037.0), (2000, 1700.0)):
        assert off(judge_leak(size, see(reading))) == []


def test_a_leak_that_is_missed_or_sized_wrongly_is_off(see: See) -> None:
    assert off(judge_leak(200, see(0.0))) == ["kept", "class", "exit code"]
    assert off(judge_leak(2000, see(1500.0))) == ["kept"]
    assert off(judge_leak(2000, see(2000.0, "< 5000 MB/h"))) == ["exit code"]


def test_growth_that_ends_is_right_unless_it_is_called_a_leak(see: See) -> None:
    assert off(judge_no_leak(see(0.0))) == []
    assert off(judge_no_leak(see(70.0))) == []
    assert off(judge_no_leak(see(500.0))) == ["called a leak", "fails"]


def test_growth_that_was_not_read_is_not_right(see: See) -> None:
    nothing = np.full(11, np.nan)
    assert off(judge_no_leak(see(0.0, uss=nothing))) == ["called a leak", "fails"]


def test_reference_cycles_have_to_be_counted(see: See) -> None:
    assert off(judge_cycles(see(0.0, collected=np.arange(11) * 10_000.0))) == []
    assert off(judge_cycles(see(0.0, collected=np.zeros(11)))) == ["collected"]


def test_a_healthy_server_has_to_pass_and_to_keep_nothing(see: See) -> None:
    assert off(judge_healthy(see(1.0))) == []
    assert off(judge_healthy(see(20.0))) == ["kept"]
    assert off(judge_healthy(see(500.0))) == ["kept", "called a leak", "fails", "exit code"]
