"""Each row calls a right instrument right, and a wrong one WRONG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from asapbench.commands.load import BENCH, LoadPlan
from asapbench.conclusion import conclude
from asapbench.errors import Exit
from asapbench.model import Measurement, Metric, Report, Run, Target, Verdict, Window
from asapbench.offer import Flag, Outcome
from asapbench.selfcheck.perform import judged
from asapbench.selfcheck.row import Check, Result, Row, Seen, near, same
from asapbench.selfcheck.rows import (
    ROWS,
    fast_errors,
    known_capacity,
    known_delays,
    starved,
    stopped,
)
from asapbench.selfcheck.saturating import rate_of

MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]
LENIENT = (Target(metric="error_rate", limit="<= 50 %"),)
START, SECONDS = 100.0, 10.0
WINDOW = Window(name="measured", start=START, end=START + SECONDS)
WAY = 0.05e-3  # there, and back


def table(name: str, **columns: Sequence[float]) -> Measurement:
    return Measurement(name, {key: np.array(column) for key, column in columns.items()}, {})


def seen_of(run: Run, *tables: Measurement, targets: tuple[Target, ...] = LENIENT) -> Seen:
    story = run.story.model_copy(update={"targets": targets})
    whole = Run(story, (*run.measurements, *tables))
    return Seen(conclude(BENCH, whole), whole)


def right(checks: tuple[Check, ...]) -> dict[str, bool]:
    return {check.what: check.right for check in checks}


class Delays:
    """A load on a server with exponential delays, as a right instrument would write it down.

    A wrong one is made by changing `done`, or by leaving rows out.
    """

    users, rate = 50, 500.0

    def __init__(self, make_run: MakeRun, row: MakeRow) -> None:
        self._make_run, self._row = make_run, row
        random = Random(1)
        slots = range(int(self.rate * (SECONDS + 1)))
        self.sent = [START - 0.5 + k / self.rate for k in slots]
        self.arrived = [sent + WAY for sent in self.sent]
        self.left = [arrived + random.expovariate(200) for arrived in self.arrived]
        self.user = [float(k % self.users) for k in slots]
        self.failed = [0.0 for _ in slots]

    def seen(
        self, done: Callable[[float, float], float], kept: Callable[[int], bool] = lambda _: True
    ) -> Seen:
        rows = [
            self._row(sent, done=done(sent, left), user=user)
            for k, (sent, left, user) in enumerate(
                zip(self.sent, self.left, self.user, strict=True)
            )
            if kept(k)
        ]
        run = self._make_run(rows, plan=LoadPlan(rps=self.rate).stored(), windows=(WINDOW,))
        served = table(
            "served",
            arrived=self.arrived,
            left=self.left,
            connection=self.user,
            failed=self.failed,
        )
        return seen_of(run, served)


@pytest.fixture
def delays(make_run: MakeRun, row: MakeRow) -> Delays:
    return Delays(make_run, row)


def truly(_sent: float, left: float) -> float:
    return left + WAY


def test_a_right_instrument_reads_known_delays_right(delays: Delays) -> None:
    checks = known_delays.judge(delays.seen(truly))
    assert right(checks) == dict.fromkeys(
        ("requests", "latency.p50", "latency.p95", "latency.p99"), True
    )


def test_the_truth_is_of_the_requests_of_the_measured_window_alone(delays: Delays) -> None:
    requests = known_delays.judge(delays.seen(truly))[0]
    assert requests.truth == delays.rate * SECONDS
    assert requests.reading == requests.truth


def test_readings_five_percent_high_are_wrong(delays: Delays) -> None:
    seen = delays.seen(lambda sent, left: sent + (left + WAY - sent) * 1.05)
    requests, *percentiles = known_delays.judge(seen)
    assert requests.right
    assert not any(check.right for check in percentiles)


def test_readings_half_a_millisecond_late_are_wrong(delays: Delays) -> None:
    seen = delays.seen(lambda _, left: left + 0.5e-3)
    assert not right(known_delays.judge(seen))["latency.p50"]


def test_readings_rounded_to_milliseconds_are_wrong(delays: Delays) -> None:
    seen = delays.seen(lambda sent, left: sent + np.ceil((left + WAY - sent) * 1e3) / 1e3)
    assert not right(known_delays.judge(seen))["latency.p50"]


def test_readings_below_the_truth_are_wrong_even_within_what_is_allowed(delays: Delays) -> None:
    seen = delays.seen(lambda _, left: left - 0.1e-3)
    assert not any(right(known_delays.judge(seen)).values())


def test_leaving_out_the_slowest_is_wrong(delays: Delays) -> None:
    took = [left - arrived for left, arrived in zip(delays.left, delays.arrived, strict=True)]
    limit = sorted(took)[int(len(took) * 0.97)]
    seen = delays.seen(truly, kept=lambda k: took[k] < limit)
    assert not any(right(known_delays.judge(seen)).values())


def test_answers_swapped_between_requests_are_wrong_though_every_percentile_is_right(
    delays: Delays,
) -> None:
    took = [left + WAY - sent for sent, left in zip(delays.sent, delays.left, strict=True)]
    shifted = dict(zip(delays.sent, took[1:] + took[:1], strict=True))
    seen = delays.seen(lambda sent, _: sent + shifted[sent])
    assert not any(right(known_delays.judge(seen)).values())


class Stopping:
    """A load on a server that stands still from 104 to 105 s and else answers at once."""

    users, rate = 5, 100.0
    stops = (START + 4, START + 5)

    def __init__(self, make_run: MakeRun, row: MakeRow) -> None:
        self._make_run, self._row = make_run, row

    def seen(self, *, closed: bool = False, kept: float = 1.0) -> Seen:
        """`closed`: the latency of a request begins when it is sent, whenever it was planned."""
        rows = []
        busy_until = [0.0] * self.users
        for k in range(int(self.rate * SECONDS * kept)):
            user, planned = k % self.users, START + k / self.rate
            sent = max(planned, busy_until[user])
            done = self.answered(sent)
            late = sent > planned
            rows.append(
                self._row(
                    sent if closed else planned,
                    sent=sent,
                    done=done,
                    user=user,
                    flags=Flag.WAITED if late and not closed else Flag(0),
                )
            )
            busy_until[user] = done
        run = self._make_run(rows, plan=LoadPlan(rps=self.rate).stored(), windows=(WINDOW,))
        begin, end = self.stops
        return seen_of(run, table("stops", **{"from": [begin], "to": [end]}))

    def answered(self, sent: float) -> float:
        begin, end = self.stops
        return (end if begin <= sent < end else sent) + 0.3e-3


@pytest.fixture
def stopping(make_run: MakeRun, row: MakeRow) -> Stopping:
    return Stopping(make_run, row)


def test_a_right_instrument_reads_the_stop_as_predicted(stopping: Stopping) -> None:
    p95, p99 = stopped.judge(stopping.seen())[1:]
    assert (p95.truth, p99.truth) == pytest.approx((0.5, 0.9))
    assert p95.right
    assert p99.right


def test_no_planned_request_is_missing_after_the_stop(stopping: Stopping) -> None:
    assert stopped.judge(stopping.seen())[0] == near(
        "requests", 1000.0, 1000.0, "count", relative=0, absolute=1
    )


def test_latencies_of_a_closed_loop_are_wrong(stopping: Stopping) -> None:
    _, p95, p99 = stopped.judge(stopping.seen(closed=True))
    assert p95.reading == pytest.approx(0.3e-3)
    assert not p95.right
    assert not p99.right


def test_forgotten_slots_are_wrong(stopping: Stopping) -> None:
    assert not stopped.judge(stopping.seen(kept=0.99))[0].right


def test_the_stop_says_what_a_closed_loop_would_have_shown(stopping: Stopping) -> None:
    result = judged(stopped.ROW, stopping.seen())
    assert "5 slow requests" in result.text


class Errors(Delays):
    """Ten of thirteen answers are errors, as in the mix of endpoints."""

    def told(self, outcome: Outcome, limit: str = "<= 0.1 %") -> Seen:
        self.failed = [float(k % 13 < 10) for k in range(len(self.sent))]
        rows = [
            self._row(
                sent,
                done=left + WAY,
                user=user,
                outcome=outcome if failed else Outcome.OK,
                code=-32603 if failed else 0,
            )
            for sent, left, user, failed in zip(
                self.sent, self.left, self.user, self.failed, strict=True
            )
        ]
        run = self._make_run(rows, plan=LoadPlan(rps=self.rate).stored(), windows=(WINDOW,))
        served = table(
            "served",
            arrived=self.arrived,
            left=self.left,
            connection=self.user,
            failed=self.failed,
        )
        return seen_of(run, served, targets=(Target(metric="error_rate", limit=limit),))


@pytest.fixture
def errors(make_run: MakeRun, row: MakeRow) -> Errors:
    return Errors(make_run, row)


def test_errors_that_are_counted_and_failed_on_are_right(errors: Errors) -> None:
    checks = fast_errors.judge(errors.told(Outcome.RPC_ERROR))
    assert all(check.right for check in checks)
    assert [check.reading for check in checks[1:]] == ["fail", str(int(Exit.MISSED))]


def test_errors_that_are_taken_for_answers_are_wrong(errors: Errors) -> None:
    assert not any(check.right for check in fast_errors.judge(errors.told(Outcome.OK)))


def test_errors_that_are_counted_but_not_failed_on_are_wrong(errors: Errors) -> None:
    rate, verdict, code = fast_errors.judge(errors.told(Outcome.RPC_ERROR, limit="<= 90 %"))
    assert rate.right
    assert not verdict.right
    assert not code.right


@pytest.fixture
def report(make_run: MakeRun) -> Callable[..., Seen]:
    """What is seen where these were the verdicts: pairs of outcome and reason."""

    def make(*verdicts: tuple[Any, str]) -> Seen:
        run = make_run([], plan=LoadPlan().stored(), windows=(WINDOW,))
        judged_by = tuple(
            Verdict(metric="latency.p95", limit="<= 5 ms", outcome=outcome, reason=reason)
            for outcome, reason in verdicts
        )
        whole = Report(
            story=run.story,
            metrics=(Metric(name="lag.p99", unit="s", value=0.3),),
            verdicts=judged_by,
            notes=(),
            details={},
            outcome="invalid",
            exit_code=Exit.NO_VERDICT,
        )
        return Seen(whole, run)

    return make


NAMED = ("invalid", "the generator waited for a CPU for 90 % of the time")


def test_starved_is_right_where_all_is_invalid_because_of_the_generator(
    report: Callable[..., Seen],
) -> None:
    assert all(check.right for check in starved.judge(report(NAMED, NAMED)))


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_starved_is_wrong_where_one_verdict_is_given_all_the_same(
    report: Callable[..., Seen], outcome: str
) -> None:
    seen = report(NAMED, (outcome, "8 ms misses <= 5 ms"))
    assert judged(starved.ROW, seen).verdict == "WRONG"


def test_starved_is_wrong_where_the_reason_is_another(report: Callable[..., Seen]) -> None:
    seen = report(NAMED, ("invalid", "too few samples to give this metric"))
    assert judged(starved.ROW, seen).verdict == "WRONG"


def test_a_row_is_not_run_where_the_instrument_calls_its_own_run_invalid(
    report: Callable[..., Seen],
) -> None:
    result = judged(stopped.ROW, report(("invalid", "the machine was busy")))
    assert result.verdict == "not run"
    assert result.void
    assert "the machine was busy" in result.text


def test_what_an_invalid_run_read_is_kept(report: Callable[..., Seen]) -> None:
    checks = (same("one", 1.0, 1.0),)
    row = Row("whole", "all of it", starved.ROW.stage, lambda _: checks)
    assert judged(row, report(("invalid", "the machine was busy"))).checks == checks


def test_a_row_that_compares_nothing_is_not_right(report: Callable[..., Seen]) -> None:
    empty = Row("empty", "nothing", starved.ROW.stage, lambda _: ())
    assert judged(empty, report(("pass", ""))).verdict == "WRONG"


def test_one_comparison_that_is_off_makes_the_row_wrong(report: Callable[..., Seen]) -> None:
    checks = (same("one", 1.0, 1.0), same("other", 1.0, 2.0))
    row = Row("half", "half of it", starved.ROW.stage, lambda _: checks)
    assert judged(row, report(("pass", ""))) == Result(
        row="half", about="half of it", verdict="WRONG", checks=checks
    )


def test_no_row_that_compares_numbers_is_right_on_no_data(make_run: MakeRun) -> None:
    run = make_run([], plan=LoadPlan().stored(), windows=(WINDOW,))
    nothing: dict[str, list[float]] = {"arrived": [], "left": [], "connection": [], "failed": []}
    stops = table("stops", **{"from": [START], "to": [START + 1]})
    seen = seen_of(run, table("served", **nothing), stops)
    for row in (one for one in ROWS if one.sound):
        assert not any(check.right for check in row.judge(seen)), row.name


@pytest.mark.parametrize(
    ("truth", "reading", "is_right"),
    [
        (0.1, 0.103, True),
        (0.1, 0.097, True),
        (0.1, 0.1031, False),
        (0.1, 0.0969, False),
        (0.001, 0.00125, True),
        (0.001, 0.00126, False),
        (0.001, 0.00074, False),
        (0.001, None, False),
        (0.001, float("nan"), False),
        (float("nan"), 0.001, False),
    ],
)
def test_near_allows_the_larger_of_the_share_and_the_distance(
    truth: float, reading: float | None, is_right: bool
) -> None:
    assert near("x", truth, reading, "s", relative=0.03 + 1e-9, absolute=0.25e-3 + 1e-9).right is (
        is_right
    )


def slotted(rate: float, slots: int, begin: float, seconds: float) -> list[float]:
    """When the answers of equal slots leave: all at once, again and again."""
    number = int(rate * seconds) // slots
    return [begin + round_ * slots / rate for round_ in range(number) for _ in range(slots)]


@pytest.mark.parametrize(("rate", "slots"), [(200.0, 8), (800.0, 8), (2000.0, 20)])
def test_the_capacity_is_that_of_the_time_in_which_the_server_was_saturated(
    rate: float, slots: int
) -> None:
    probes, later = [90.0, 90.1], slotted(rate / 4, 1, 95.0, 1.0)
    left = [*probes, *slotted(rate, slots, 92.0, 2.0), *later]
    assert rate_of(left) == pytest.approx(rate, rel=0.005)
    assert np.isnan(rate_of([]))


def test_what_a_server_answers_in_the_run_is_no_part_of_its_known_capacity(
    make_run: MakeRun,
) -> None:
    windows = (Window(name="warm-up", start=100.0, end=105.0),)
    left = [*slotted(800, 8, 90.0, 2.0), *slotted(500, 8, 100.0, 60.0)]
    seen = seen_of(make_run([], windows=windows), table("served", left=left))
    assert known_capacity.capacity(seen) == pytest.approx(800, rel=0.005)
