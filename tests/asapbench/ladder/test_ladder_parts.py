"""The parts that make a rung: growth, thresholds, doubt, what was exhausted, recovery, the law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asapbench.ladder import scaling
from asapbench.ladder.growth import growth
from asapbench.ladder.observe import Step, observe
from asapbench.ladder.plateau import find_plateau, next_users
from asapbench.ladder.recovery import Refuge, collapsed, recovered, refuge
from asapbench.ladder.rung import Rung, judge, rules_of
from asapbench.ladder.search import Ladder, Next
from asapbench.model import Target, Window
from asapbench.offer import Flag, Outcome
from asapbench.samples import Requests, Rows, within
from asapbench.targets import read_table

RULES = rules_of(read_table("stress", None))
SECONDS = 4.0


def requests(
    latency: Callable[[Any], Any],
    rate: float = 500.0,
    seconds: float = SECONDS,
    outcome: Callable[[Any], Any] | None = None,
) -> Requests:
    """An even grid from 0 on, each request answered after its latency."""
    planned = np.arange(int(rate * seconds)) / rate
    number = len(planned)
    zero, unknown = np.zeros(number, int), np.full(number, np.nan)
    outcomes = zero if outcome is None else outcome(planned)
    flags = np.full(number, Flag.WAITED.value)
    done = planned + latency(planned)
    rows = Rows(planned, planned, done, zero, zero, outcomes, flags, unknown, unknown, zero)
    return within(rows, Window(name="step", start=0.0, end=seconds))


def paced(rate: float = 500.0) -> Step:
    return Step(1, "ladder", rate, int(rate / 10), rate)


@given(st.floats(0, 0.3), st.floats(0, 1))
def test_the_growth_of_a_queue_is_that_of_the_wait(slope: float, before: float) -> None:
    planned = np.arange(2000) / 500
    found = growth(planned, before + slope * planned)
    assert found is not None
    assert found.slope == pytest.approx(slope, abs=1e-6)
    assert found.mean == pytest.approx(slope, abs=1e-6)


@given(st.integers(0, 1999), st.floats(0.01, 1.0))
def test_a_pause_that_comes_once_is_no_growth(at: int, pause: float) -> None:
    planned = np.arange(2000) / 500
    latency = 0.001 + np.where(np.arange(2000) >= at, pause, 0.0)
    found = growth(planned, latency)
    assert found is not None
    assert found.slope == pytest.approx(0, abs=1e-9)


def test_the_growth_that_a_healthy_step_shows_by_chance_seldom_breaks_it() -> None:
    random = np.random.default_rng(0)
    slow = (requests(lambda at: random.exponential(0.15, len(at)), rate=200) for _ in range(60))
    # of each of them a bare slope of 1 % or more would break every third
    broken = sum(observe(paced(200), each, RULES).state == "broken" for each in slow)
    assert broken <= 6


def test_a_queue_that_grows_is_told_from_chance_though_each_answer_varies() -> None:
    random = np.random.default_rng(0)
    full = requests(lambda at: random.exponential(0.02, len(at)) + 0.05 * at)
    assert observe(paced(), full, RULES).state == "broken"


def test_too_few_requests_tell_of_no_growth() -> None:
    assert growth(np.arange(30.0), np.ones(30)) is None


def test_the_order_of_the_rows_does_not_matter() -> None:
    planned = np.arange(400) / 100
    order = np.random.default_rng(0).permutation(400)
    assert growth(planned[order], planned[order] * 0.1) == growth(planned, planned * 0.1)


def test_a_server_that_keeps_up_is_healthy() -> None:
    rung = observe(paced(), requests(lambda at: 0.002 + 0 * at), RULES)
    assert (rung.state, rung.reasons) == ("healthy", ())
    assert rung.offered == 500
    assert rung.low == pytest.approx(500, rel=1e-6)


def test_two_percent_beyond_capacity_is_seen_though_nearly_all_is_answered() -> None:
    rung = observe(paced(), requests(lambda at: 0.002 + 0.02 * at), RULES)
    assert rung.state == "broken"
    assert rung.reasons == ("growth of the queue, of the load, 2.0 % >= 1 %",)
    assert rung.capacity == pytest.approx(500 / 1.02, rel=1e-6)
    assert rung.delivered is not None
    assert rung.delivered > 0.97


def test_a_backlog_that_shrinks_as_time_passes_bounds_no_capacity() -> None:
    rung = observe(paced(), requests(lambda at: 5 - at), RULES)
    assert rung.high is None


def test_errors_break_a_step_and_the_reason_is_in_words() -> None:
    def failing(planned: Any) -> Any:
        return np.where(np.arange(len(planned)) % 20 == 0, Outcome.HTTP_5XX.value, 0)

    rung = observe(paced(), requests(lambda at: 0.002 + 0 * at, outcome=failing), RULES)
    assert rung.state == "broken"
    assert "error rate 5.0 % >= 5 %" in rung.reasons
    assert rung.capacity is None


@pytest.mark.parametrize(
    ("latency", "state"), [(0.099, "healthy"), (0.1, "degraded"), (0.5, "severe")]
)
def test_latency_alone_degrades_and_does_not_break(latency: float, state: str) -> None:
    rung = observe(paced(), requests(lambda at: latency + 0 * at, seconds=20), RULES)
    assert rung.state == state


def test_bursts_are_compared_with_each_other_and_not_within() -> None:
    burst = replace(paced(), cycle=1.0)
    saw = requests(lambda at: 0.002 + 0.1 * (at % 1.0))
    assert observe(burst, saw, RULES).state == "healthy"
    rising = requests(lambda at: 0.002 + 0.1 * (at % 1.0) + 0.05 * (at // 1.0))
    assert observe(burst, rising, RULES).state == "broken"


def test_a_closed_loop_that_gives_less_than_before_is_broken() -> None:
    step = Step(2, "ladder", 50, 50, None)
    seen = requests(lambda at: 0.002 + 0 * at)
    assert observe(step, seen, RULES, best=500).state == "healthy"
    assert observe(step, seen, RULES, best=600).state == "broken"


def test_the_worst_state_counts_and_gives_all_its_reasons() -> None:
    values = {"error_rate": 0.06, "delivered": 0.9, "latency.p99": 2.0, "latency.p95": 1.0}
    state, reasons = judge(values, RULES)
    assert state == "broken"
    assert reasons == (
        "error rate 6.0 % >= 5 %",
        "answers delivered, of the load offered, 90 % < 95 %",
    )


def test_a_table_of_the_user_s_own_changes_the_thresholds() -> None:
    rules = rules_of([Target(metric="latency.p95", limit=">= 1 ms", marks="broken")])
    rung = observe(paced(), requests(lambda at: 0.002 + 0 * at), rules)
    # it answers all that it is offered, so what more it could is not known
    assert (rung.state, rung.capacity) == ("broken", None)


def test_recovery_is_the_time_until_all_that_follows_is_healthy() -> None:
    backlog = requests(lambda at: np.maximum(0.002, 0.5 - at), seconds=6)
    assert recovered(backlog, RULES) == pytest.approx(0.5, abs=0.26)


def test_a_server_that_stays_slow_has_not_recovered() -> None:
    assert recovered(requests(lambda at: 0.3 + 0 * at), RULES) is None


def test_what_was_healthy_at_the_end_for_less_than_a_second_does_not_count() -> None:
    late = requests(lambda at: np.where(at < 3.3, 0.2, 0.002))
    assert recovered(late, RULES) is None


def test_a_server_that_answers_nothing_has_not_recovered() -> None:
    assert recovered(requests(lambda at: 100.0 + 0 * at), RULES) is None


def test_a_server_that_was_never_healthy_recovers_to_what_it_was() -> None:
    slow = requests(lambda at: 0.15 + np.maximum(0, 1 - at), seconds=6)
    assert recovered(slow, RULES) is None
    assert recovered(slow, RULES, "degraded") == pytest.approx(1.0, abs=0.5)


def test_a_time_in_which_nothing_was_to_be_answered_is_no_sign_of_a_broken_server() -> None:
    seldom = requests(lambda at: 0.002 + 0 * at, rate=1, seconds=6)
    assert recovered(seldom, RULES) is None
    assert recovered(seldom, RULES, gap=2.0) == 0


def test_a_server_that_answered_once_and_never_again_has_not_recovered() -> None:
    dead = requests(lambda at: np.where(at < 1, 0.002, 100.0), rate=1, seconds=6)
    assert recovered(dead, RULES, gap=2.0) is None
    assert recovered(requests(lambda at: 100.0 + 0 * at), RULES, "broken", np.inf) is None


def test_where_nothing_was_sustained_any_answer_is_a_sign_of_life() -> None:
    slow = requests(lambda at: 3.0 - at % 1 / 2, seconds=6)
    assert recovered(slow, RULES, "broken", np.inf) is not None


def degraded(level: float, **changes: Any) -> Rung:
    given = {"step": 1, "role": "ladder", "level": level, "users": 10, "achieved": level}
    return Rung.model_validate(given | {"state": "degraded"} | changes)


def test_the_load_drops_to_what_was_sustained_and_asks_for_no_better_state() -> None:
    assert refuge([degraded(100)], 200) == Refuge(100, "degraded")
    assert refuge([], 200) == Refuge(100, "broken")


def test_a_server_has_collapsed_that_answers_less_of_more() -> None:
    assert collapsed([degraded(100), degraded(200, state="broken", achieved=50)])
    assert not collapsed([degraded(100), degraded(200, state="broken", achieved=150)])
    assert not collapsed([degraded(200, state="broken", achieved=150)])
    assert collapsed([degraded(200, state="broken", achieved=0)])


@settings(max_examples=8)  # a fit resamples itself 200 times
@given(st.floats(10, 500), st.floats(0.01, 0.3), st.floats(1e-5, 1e-3))
def test_the_law_is_found_in_a_ladder_that_follows_it(
    single: float, contention: float, coherency: float
) -> None:
    users = np.array([1.0, 5, 10, 20, 40, 80])
    found = scaling.fit(users.tolist(), scaling.law(users, single, contention, coherency).tolist())
    assert found is not None
    assert found.knee_users.value == pytest.approx(np.sqrt((1 - contention) / coherency), rel=0.02)
    assert found.error < 1e-3


def test_the_interval_of_the_knee_mostly_holds_it() -> None:
    users = np.arange(10.0, 310, 30)
    rates = scaling.law(users, 30, 0.02, 1e-4)
    random, held = np.random.default_rng(1), 0
    for _ in range(6):
        noisy = rates * (1 + 0.02 * random.standard_normal(len(users)))
        found = scaling.fit(users.tolist(), noisy.tolist())
        assert found is not None
        assert found.knee_users.low is not None
        high = np.inf if found.knee_users.high is None else found.knee_users.high
        held += found.knee_users.low <= np.sqrt(0.98 / 1e-4) <= high
    assert held >= 5


def test_a_server_that_scales_without_end_has_no_knee() -> None:
    found = scaling.fit([1, 10, 20, 40, 80], [10, 100, 200, 400, 800])
    assert found is not None
    assert found.knee_users.high is None


def test_three_loads_are_too_few_for_a_law_of_three_parameters() -> None:
    assert scaling.fit([1, 2, 3, 3], [10, 20, 30, 30]) is None


def closed(users: int, achieved: float, **changes: Any) -> Rung:
    given = {"step": 1, "role": "ladder", "level": users, "users": users, "achieved": achieved}
    given |= {"low": achieved * 0.99, "high": achieved * 1.01}
    return Rung.model_validate(given | changes)


def test_throughput_that_rises_no_more_is_the_most_there_is() -> None:
    rungs = [closed(10, 500), closed(20, 990), closed(30, 1000), closed(40, 999), closed(50, 998)]
    found = find_plateau(rungs)
    assert (found.low, found.high) == pytest.approx((1000 * 0.99, 1000 * 1.01))


def test_a_step_that_alone_shows_a_plateau_is_offered_once_more() -> None:
    ladder = Ladder(step=10, top=30, most=30, whole=True)
    rungs = [closed(10, 500), closed(20, 990), closed(30, 1000)]
    assert find_plateau(rungs).high is None
    assert next_users(rungs, ladder) == Next(30, "repeat")
    again = [*rungs, closed(30, 1001)]
    assert next_users(again, ladder) is None
    assert find_plateau(again).high == pytest.approx(1001 * 1.01)
    dip = [*rungs, closed(30, 1450)]
    assert next_users(dip, ladder) is None
    assert find_plateau(dip).high is None


@pytest.mark.parametrize("at", [1, 3, 5, 8, 9])
def test_one_dip_of_a_server_whose_throughput_rises_is_no_plateau(at: int) -> None:
    ladder = Ladder(step=50, top=500, most=500, whole=True)
    rungs: list[Rung] = []
    while (load := next_users(rungs, ladder)) is not None:
        dip = 0.85 if len(rungs) == at else 1.0
        rungs.append(closed(int(load.level), 10 * load.level * dip, level=load.level))
        assert len(rungs) <= 11
    assert find_plateau(rungs).high is None


def test_a_step_that_was_too_much_when_it_was_offered_again_does_not_begin_the_ladder_anew() -> (
    None
):
    ladder = Ladder(step=50, top=200, most=200, whole=True)
    rungs = [closed(50, 500), closed(100, 1000), closed(150, 700), closed(200, 990)]
    assert next_users(rungs, ladder) == Next(150, "repeat")
    bad = closed(150, 500, state="broken")
    assert next_users([*rungs, bad], ladder) == Next(150, "repeat")
    assert next_users([*rungs, bad, bad], ladder) is None


def test_a_spike_that_gains_nothing_over_a_tenth_of_its_users_is_a_plateau_at_once() -> None:
    quiet = closed(50, 700, role="quiet")
    found = find_plateau([quiet, closed(500, 705, role="spike")])
    assert found.high == pytest.approx(705 * 1.01)
    assert find_plateau([quiet, closed(500, 6000, role="spike")]).high is None


def test_throughput_that_still_rises_is_a_lower_bound() -> None:
    found = find_plateau([closed(10, 500), closed(20, 990), closed(30, 1450)])
    assert found.low == pytest.approx(1450 * 0.99)
    assert found.high is None


def test_a_plateau_of_the_generator_is_none_of_the_server() -> None:
    end = closed(80, 1001, doubt="generator")
    found = find_plateau([closed(10, 500), closed(40, 1000), end, end])
    assert found.high is None
    assert found.limited is not None
