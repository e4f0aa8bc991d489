"""What locust's statistics are told of a request."""

from __future__ import annotations

from math import nan
from typing import Any

import pytest

from asapbench.offer import Endpoint, Flag, Load, Offer, Outcome
from asapbench.workers.generate.failure import Failure
from asapbench.workers.generate.report import Reports

OFFER = Offer(
    url="http://a.test",
    endpoints=(Endpoint(name="asap", weight=1), Endpoint(name="metrics", weight=1)),
    headers=("Authorization: Bearer $TOKEN",),
)


class Told(list[dict[str, Any]]):
    """Takes what is fired."""

    def fire(self, **event: Any) -> None:
        self.append(event)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def reports(told: Told) -> Reports:
    return Reports(told.fire, OFFER)


def row(reports: Reports, endpoint: int = 0, outcome: int = 0, flags: int = 0, **at: float) -> None:
    times = {"planned": 1.0, "sent": 1.002, "done": 1.005} | at
    reports.row(*times.values(), 0, 0, endpoint, outcome, flags, nan, nan)


def test_a_success_has_its_name_its_latency_and_the_length_of_its_answer(
    reports: Reports, told: Told
) -> None:
    reports.size = 17
    row(reports, endpoint=1)
    (event,) = told
    assert event.pop("response_time") == pytest.approx(3)
    assert event == {
        "request_type": "GET",
        "name": "/asap/metrics",
        "response_length": 17,
        "exception": None,
    }


def test_a_request_that_waited_is_charged_from_its_planned_time(
    reports: Reports, told: Told
) -> None:
    row(reports, flags=Flag.WAITED)
    assert told[0]["response_time"] == pytest.approx(5)


def test_the_length_of_one_answer_is_not_that_of_the_next(reports: Reports, told: Told) -> None:
    reports.size = 17
    row(reports)
    row(reports)
    assert [event["response_length"] for event in told] == [17, 0]


def test_a_failure_is_told_once_with_its_text(reports: Reports, told: Told) -> None:
    row(reports, outcome=Outcome.TIMEOUT)
    reports.failed(0, Failure(Outcome.TIMEOUT, 0, "no complete answer"))
    (event,) = told
    assert event["exception"] == "no complete answer"
    assert event["response_time"] == pytest.approx(3)


def test_failures_of_a_kind_have_the_text_of_the_first(reports: Reports, told: Told) -> None:
    for code, text in ((500, "request 1"), (500, "request 2"), (503, "request 3")):
        row(reports, outcome=Outcome.HTTP_5XX)
        reports.failed(0, Failure(Outcome.HTTP_5XX, code, text))
    assert [event["exception"] for event in told] == ["request 1", "request 1", "request 3"]


def test_a_secret_that_the_server_repeats_is_not_shown(
    reports: Reports, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hush-hush")
    row(reports, outcome=Outcome.HTTP_4XX)
    reports.failed(0, Failure(Outcome.HTTP_4XX, 401, "Bearer hush-hush is wrong"))
    assert told[0]["exception"] == "Bearer *** is wrong"


def test_what_was_cut_off_or_never_sent_is_no_request(reports: Reports, told: Told) -> None:
    row(reports, flags=Flag.CENSORED)
    row(reports, flags=Flag.CENSORED | Flag.WAITED, sent=nan)
    assert told == []


@pytest.mark.parametrize(("users", "rate"), [(5, 50), (10, 100), (40, 400)])
def test_each_user_keeps_its_share_when_others_come_or_go(users: int, rate: float) -> None:
    load = Load(users=10, spawn_rate=2, rate=100).of(users)
    assert (load.users, load.rate) == (users, rate)
    assert Load(users=10, spawn_rate=2, rate=None).of(users).rate is None
