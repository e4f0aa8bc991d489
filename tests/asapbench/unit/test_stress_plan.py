"""What a stress plan refuses, and what it makes of its options."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from asapbench.commands.stress import BENCH, StressPlan, prepare, produces, reachable
from asapbench.errors import UsageError
from asapbench.ladder.growth import growth
from asapbench.model import Target
from asapbench.targets import check_table, judge, read_table


def plan(**options: object) -> StressPlan:
    return StressPlan.model_validate(options)


def test_the_defaults_are_ten_steps_of_fifty_users() -> None:
    ladder = plan().ladder
    assert (ladder.step, ladder.top) == (500, 5000)
    assert (plan().pace.settle, plan().pace.measure) == (5, 25)
    assert plan().pace.load(1234).users == 124
    assert plan().pace.load(1234).rate == 1234


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step_users": 0}, "greater than or equal to 1"),
        ({"max_users": 0}, "greater than or equal to 1"),
        ({"max_users": 40}, "--max-users 40 is below one step"),
        ({"step_time": "0s"}, "greater than 0"),
        ({"step_time": "1s"}, r"--step-time 1s is too short .* at least 2s"),
        ({"step_users": 1, "step_time": "30s"}, r"10 req/s .* it must be at least 1m12s"),
        ({"user_class": "burst", "step_time": "30s"}, "at least 35s"),
        ({"step_users": 1, "user_class": "stress", "max_users": 501}, "are more than 500 steps"),
        ({"rps_per_user": 0}, "greater than 0"),
        ({"profile": "spike", "until_break": True}, "spike and --until-break exclude each other"),
        ({"profile": "spike", "max_users": 50}, "--profile spike with --max-users 50 is no jump"),
    ],
)
def test_a_plan_that_cannot_be_judged_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        plan(**options)


@pytest.mark.parametrize("user_class", ["paced", "burst"])
@pytest.mark.parametrize("users", [1, 3, 50, 400])
def test_the_least_step_time_that_is_named_is_accepted(user_class: str, users: int) -> None:
    with pytest.raises(ValidationError) as refused:
        plan(user_class=user_class, step_users=users, step_time="0.1s")
    least = str(refused.value.errors()[0]["msg"]).rpartition("at least ")[2]
    assert plan(user_class=user_class, step_users=users, step_time=least)


def test_bursts_offer_more_while_they_last_so_that_the_mean_is_the_level() -> None:
    paced = plan(user_class="burst", step_users=70)
    assert paced.ladder.step == pytest.approx(500)
    load = paced.pace.load(500)
    assert load.users == 70
    assert load.rate == pytest.approx(700)
    assert load.burst == (5.0, 2.0)


def test_bursts_are_so_many_by_default_that_a_growing_queue_is_seen() -> None:
    pace = plan(user_class="burst").pace
    assert (pace.settle, pace.measure) == (7, 28)
    planned = np.arange(0.0, pace.measure, 1 / 500)
    assert growth(planned, planned / 50, round(pace.measure / pace.settle)) is not None
    assert plan(user_class="burst", step_time="1m").step_time == 60
    assert plan(user_class="paced").step_time == 30


def test_a_closed_loop_counts_users() -> None:
    closed = plan(user_class="stress")
    assert closed.ladder.step == 50
    assert closed.ladder.whole
    load = closed.pace.load(150)
    assert (load.users, load.rate, load.pause) == (150, None, (0.001, 0.005))


def test_until_break_goes_on_to_the_most_users_there_may_be() -> None:
    ladder = plan(until_break=True).ladder
    assert ladder.beyond
    assert ladder.most == 200_000


def test_by_hand_the_users_of_a_step_need_not_be_enough_to_judge_it() -> None:
    exploring = BENCH.explore(plan(web_ui=True, step_users=1, max_users=1))
    assert exploring is not None
    assert (exploring.load.users, exploring.load.rate) == (1, 10)
    assert BENCH.explore(plan()) is None


def test_until_break_ends_where_there_are_no_more_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1128, 4096))
    assert reachable(plan(until_break=True)).most == 10_000


def test_rows_that_mark_steps_are_no_verdicts() -> None:
    table = check_table(read_table("stress", None), produces(plan()))
    assert [verdict.metric for verdict in judge(table, ())] == ["max_sustainable_rps"]


def test_a_table_without_marks_gets_those_that_ship(tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text('[[stress]]\nmetric = "max_sustainable_rps"\nlimit = ">= 5 req/s"\n')
    shipped = tuple(row for row in read_table("stress", None) if row.marks)
    assert read_table("stress", table)[1:] == shipped


@pytest.mark.parametrize(
    ("metric", "state", "kept"),
    [
        ("latency.p95", "broken", 5),
        ("latency.p95", "severe", 5),
        (" latency.p95 ", "degraded", 4),
        ("error_rate", "broken", 4),
        ("error_rate", "degraded", 5),
    ],
)
def test_marks_of_the_user_s_own_replace_those_of_the_same_state_and_metric_and_no_others(
    tmp_path: Path, metric: str, state: str, kept: int
) -> None:
    table = tmp_path / "own.toml"
    limit = ">= 1 s" if "latency" in metric else ">= 1 %"
    table.write_text(f'[[stress]]\nmetric = "{metric}"\nlimit = "{limit}"\nmarks = "{state}"\n')
    own, *others = read_table("stress", table)
    assert (own.limit, own.marks) == (limit, state)
    shipped = [row for row in read_table("stress", None) if row.marks]
    replaced = (metric.strip(), state)
    assert others == [row for row in shipped if (row.metric, row.marks) != replaced]
    assert len(others) == kept


def test_a_table_with_marks_that_no_step_can_meet_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "own.toml"
    table.write_text('[[stress]]\nmetric = "throughput"\nlimit = "< 9 req/s"\nmarks = "broken"\n')
    with pytest.raises(UsageError, match="throughput: marks = 'broken' would mark no step"):
        prepare(plan(targets=table))


def test_the_metrics_of_a_step_can_be_judged_by_its_number() -> None:
    own = (Target(metric='latency.p95{step="3"}', limit="<= 50 ms"),)
    assert check_table(own, BENCH.produces(plan())) == own


def test_steps_are_as_many_as_the_plan_may_take() -> None:
    last = plan(max_users=250).ladder.steps
    assert f'latency.p95{{step="{last}"}}' in produces(plan(max_users=250))
    assert f'latency.p95{{step="{last + 1}"}}' not in produces(plan(max_users=250))
    assert plan(max_users=250, until_break=True).ladder.steps > last
