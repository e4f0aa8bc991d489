"""A whole run in simulated time: users with one request each, and how the server does with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from asapbench.commands.stress import StressPlan
from asapbench.errors import Exit
from asapbench.model import Report, Target
from asapbench.targets import read_table
from prove.crowds import Server, slots, stressed


def stress(server: Server, *own: Target, **options: Any) -> Report:
    plan = StressPlan.model_validate({"step_time": "6s"} | options)
    of_steps = [target for target in read_table("stress", None) if target.marks]
    return stressed(server, plan, (*of_steps, *own) if own else ())


def roles(report: Report) -> list[str]:
    return [step["role"] for step in report.details["steps"]]


@pytest.mark.parametrize(("number", "seconds"), [(12, 0.06), (17, 0.085), (19, 0.095)])
def test_a_server_whose_answers_take_long_alone_is_searched_with_the_users_who_are_there(
    number: int, seconds: float
) -> None:
    report = stress(slots(number, seconds))
    found, capacity = report.details["sustainable"], number / seconds
    assert found["low"] <= capacity <= found["high"] <= 1.05 * found["low"]
    assert {step["users"] for step in report.details["steps"]} == {50}
    # of users who offer what the plan says
    assert (found["users"], report.details["breaking_point"]["users"]) == (20, 21)
    assert report.exit_code == Exit.MISSED


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.4])
def test_users_whose_answers_take_longer_than_their_turns_are_told_as_the_limit(
    seconds: float,
) -> None:
    report = stress(slots(round(200 * seconds), seconds))
    assert report.exit_code == Exit.NO_VERDICT
    (note,) = (note for note in report.notes if note.code == "health-generator-limited")
    assert "lower --rps-per-user" in note.text


def test_a_server_that_does_more_at_once_but_each_slower_is_not_failed_for_want_of_users() -> None:
    batches = Server(lambda at_once: float(np.interp(at_once, [1, 50, 200], [0.1, 0.16, 0.18])))
    assert stress(batches).exit_code == Exit.NO_VERDICT
    fewer = {"rps_per_user": 5, "step_users": 100, "max_users": 400}
    assert stress(batches, **fewer).exit_code == Exit.PASS


def test_a_load_from_which_on_answers_are_too_slow_is_found_though_all_is_answered() -> None:
    server = Server(lambda _: 0.02, late=lambda rate: 0.01 if rate <= 600 else 0.04)
    own = (
        Target(metric="latency.p95", limit=">= 50 ms", marks="broken"),
        Target(metric="max_sustainable_rps", limit=">= 700 req/s"),
    )
    report = stress(server, *own)
    found = report.details["sustainable"]
    assert found["low"] <= 600 <= found["high"] <= 1.05 * found["low"]
    assert report.exit_code == Exit.MISSED
    assert len(roles(report)) <= 12


def test_a_server_of_forty_milliseconds_takes_as_many_steps_as_ever() -> None:
    report = stress(slots(8, 0.04), step_users=8, max_users=32, step_time="11s")
    assert roles(report) == ["ladder"] * 3 + ["repeat", "search", "search", "repeat"]
