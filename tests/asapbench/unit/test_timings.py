"""From rounds to numbers: what counts, and what follows from it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.catalogue import OPERATIONS, Entry
from asapbench.model import Measurement, Metric, Run, Story
from asapbench.timings import (
    disturbed,
    metrics,
    noise,
    overhead,
    split,
    table,
    timed,
    width,
)

# benchmark, round, seconds of 10 loops, waited, and the pace beside it
Batch = tuple[int, int, float, float] | tuple[int, int, float, float, float]
FULL = 1e-3

CONFIDENCE = 0.99


def operations(*batches: Batch) -> Measurement:
    paced = [batch if len(batch) == 5 else (*batch, FULL) for batch in batches]
    rows = np.array([(1.0, b, r, 10, s, s, w, pace) for b, r, s, w, pace in paced], float)
    names = [column.name for column in OPERATIONS.columns]
    return Measurement("operations", dict(zip(names, rows.T, strict=True)), {})


def found(entries: list[Entry], *batches: Batch) -> dict[str, Metric]:
    all_ = metrics(entries, timed(operations(*batches)), CONFIDENCE)
    return {metric.key: metric for metric in all_}


def test_a_process_gives_one_number_the_lower_quartile_of_its_batches() -> None:
    batches = [(0, 1, 1.0, 0.0), (0, 1, 2.0, 0.0), (0, 1, 3.0, 0.0), (0, 1, 4.0, 0.0)]
    known = timed(operations(*batches, (0, 1, 90.0, 0.0), (0, 2, 3.0, 0.0)))
    assert list(known[0].seconds) == pytest.approx([0.15, 0.3])


@pytest.mark.parametrize("batches", [3, 6, 9, 60])
def test_what_that_number_is_does_not_depend_on_how_many_batches_there_are(batches: int) -> None:
    """A benchmark has fewer in a run of the whole suite than in one of its group."""
    random = np.random.default_rng(1)
    rows = [
        (0, number, 1 + random.random(), 0.0) for number in range(1, 801) for _ in range(batches)
    ]
    assert timed(operations(*rows))[0].seconds.mean() == pytest.approx(0.125, rel=0.01)


def with_each_eighth_slow() -> Measurement:
    """Seven of eight requests take 1 ms, the eighth 200 ms; a core that slept is slow."""
    batches = [(0.01, FULL)] * 7 + [(2.0, 1.7 * FULL)]
    return operations(
        *((0, number, own, 0.0, pace) for number in (1, 2, 3) for own, pace in batches * 3)
    )


def test_a_rate_is_that_of_all_operations_the_slow_ones_too() -> None:
    entry = Entry(group="g", name="n", rate=True)
    (metric,) = metrics([entry], timed(with_each_eighth_slow(), [entry]), CONFIDENCE)
    assert metric.value == pytest.approx(1 / (7 / 8 * 0.001 + 1 / 8 * 0.2))


def test_slow_operations_that_are_in_no_quartile_are_known_a_single_pause_is_none() -> None:
    even = [(0, number, 1.0, 0.0) for number in (1, 2, 3) for _ in range(10)]
    pause: Batch = (0, 3, 400.0, 0.0)
    in_disturbed: Batch = (0, 3, 400.0, 100.0)
    assert timed(with_each_eighth_slow())[0].uneven
    assert not timed(operations(*even, pause, in_disturbed, in_disturbed))[0].uneven
    assert not timed(operations(in_disturbed))[0].uneven
    assert not timed(operations((0, 1, 1.0, 0.0), pause))[0].uneven  # of so few nothing is said


def test_the_round_that_calibrates_does_not_count() -> None:
    assert timed(operations((0, 0, 1.0, 0))) == {}


def test_a_batch_that_waited_for_a_core_does_not_count_where_others_did_not() -> None:
    known = timed(operations((0, 1, 1.0, 0), (0, 1, 1.0, 0), (0, 1, 2.0, 1.0), (0, 1, 2.0, 1.0)))
    assert list(known[0].seconds) == pytest.approx([0.1])
    assert disturbed(known).value == 0.5


def test_a_batch_beside_which_the_machine_was_slow_does_not_count_however_long_it_took() -> None:
    fast, slow = (0, 1, 1.0, 0.0, FULL), (0, 1, 0.5, 0.0, 1.5 * FULL)
    known = timed(operations(fast, fast, slow, slow))
    assert list(known[0].seconds) == pytest.approx([0.1])
    assert disturbed(known).value == 0.5


CLEAN = [(0, number, 1.0, 0.0) for number in (1, 1, 2, 2, 3, 3)]
WAITED = [(0, 4, 2.0, 1.0), (0, 4, 1.0, 0.0), (0, 4, 2.0, 1.0)]


def test_a_process_with_too_few_clean_batches_does_not_count() -> None:
    known = timed(operations(*CLEAN, *WAITED))
    assert list(known[0].rounds) == [1, 2, 3]


def test_no_process_is_left_out_where_fewer_than_three_would_be_left() -> None:
    known = timed(operations(*CLEAN[:4], *WAITED))
    assert list(known[0].rounds) == [1, 2, 4]


def test_all_batches_count_where_most_processes_have_too_few_others() -> None:
    disturbed_ones = [(0, number, 2.0, 1.0) for number in (1, 1, 2, 2, 3, 3)]
    known = timed(operations((0, 1, 2.0, 0.0), (0, 4, 2.0, 0.0), *disturbed_ones))
    assert list(known[0].rounds) == [1, 2, 3, 4]


def test_a_rate_is_the_items_over_the_time_and_its_bounds_change_sides() -> None:
    entry = Entry(group="g", name="n", items=5, rate=True)
    rate = found([entry], *((0, k, 1.0 + k / 100, 0.0) for k in range(1, 6)))['g{benchmark="n"}']
    assert rate.unit == "req/s"
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < rate.value < rate.high
    assert rate.value == pytest.approx(5 / 0.103, rel=1e-3)


@given(st.floats(-0.5, 2.0))
def test_the_exponent_of_a_power_law_is_found(exponent: float) -> None:
    sizes = (100, 1000, 10_000, 100_000)
    entries = [Entry(group="g", name=f"n{n}", size=n, exponent=True) for n in sizes]
    batches = [
        (at, number, 1e-6 * n**exponent * (1 + number / 50), 0.0)
        for at, n in enumerate(sizes)
        for number in (1, 2, 3)
    ]
    assert found(entries, *batches)["g"].value == pytest.approx(exponent, abs=1e-6)


def test_a_speedup_is_of_rounds_that_timed_both() -> None:
    entries = [Entry(group="g", name="slow"), Entry(group="g", name="fast", against="slow")]
    batches = [(0, 1, 4.0, 0.0), (1, 1, 1.0, 0.0), (0, 2, 8.0, 0.0), (1, 2, 2.0, 0.0)]
    speedup = found(entries, *batches, (1, 3, 99.0, 0.0))['g.speedup{benchmark="fast"}']
    assert speedup.value == pytest.approx(4.0)
    assert speedup.n == 2


def test_the_noise_is_how_far_the_halves_of_the_run_are_apart() -> None:
    batches = [(0, k, 1.0 if k < 3 else 1.2, 0.0) for k in (1, 2, 3, 4)]
    known = timed(operations(*batches))
    assert split(known[0]) == pytest.approx(0.2)
    found_noise = noise(known)
    assert found_noise is not None
    assert found_noise.value == pytest.approx(0.2)


def test_one_process_has_no_noise_and_an_interval_without_end() -> None:
    entry = Entry(group="g", name="n")
    known = timed(operations((0, 1, 1.0, 0.0)))
    assert noise(known) is None
    (time,) = metrics([entry], known, CONFIDENCE)
    assert width(time) == np.inf


def test_the_share_of_time_not_measured_is_that_of_the_whole_run(
    make_rounds: Callable[..., Run], make_story: Callable[..., Story]
) -> None:
    # three batches of 0.1 s in each round of a second
    story = make_story(command="micro", duration=9.0, facts={"before": 3.0})
    run = make_rounds(story, {0: 1e-3}, rounds=4, spread=0.0)
    share = overhead(run)
    assert share is not None
    assert share.value == pytest.approx(1 - 1.2 / 12)
    assert table(run, "nothing") is None


@pytest.mark.parametrize(("low", "high", "expected"), [(0.9, 1.1, 0.1), (None, None, np.inf)])
def test_the_width_is_half_the_interval_as_a_share(low: Any, high: Any, expected: float) -> None:
    metric = Metric(name="m", unit="s", value=1.0, low=low, high=high)
    assert width(metric) == pytest.approx(expected)
