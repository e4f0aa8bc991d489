"""Which runs the proof of the gates counts as quiet: by the kernel, and by no gate of ours."""

from collections.abc import Iterator
from math import nan

import pytest

from asapbench.errors import UsageError
from prove.proofs.gates import ROBBED, RUNS, Clocks, parted, stolen_share

TOLD = UsageError("whatever came of it, and whichever gate tripped")


@pytest.mark.parametrize(("stolen", "share"), [(7.0, 0.0), (7.1, 0.005), (9.0, 0.1), (nan, 0.0)])
def test_what_was_stolen_is_a_share_of_the_time_of_all_cpus(stolen: float, share: float) -> None:
    assert stolen_share(Clocks(10.0, 7.0), Clocks(20.0, stolen), 2) == pytest.approx(share)


def test_a_run_that_was_robbed_is_left_out_and_counted() -> None:
    quiet, robbed = parted([(TOLD, ROBBED), (TOLD, 2 * ROBBED), (TOLD, 0.0)])
    assert (len(quiet), robbed) == (2, 1)


@pytest.mark.parametrize(("stolen", "counts"), [(0.0, (RUNS, 0)), (1.0, (0, RUNS))])
def test_no_more_runs_are_left_out_than_are_counted(stolen: float, counts: tuple[int, int]) -> None:
    def endless() -> Iterator[tuple[UsageError, float]]:
        while True:
            yield TOLD, stolen

    quiet, robbed = parted(endless())
    assert (len(quiet), robbed) == counts
