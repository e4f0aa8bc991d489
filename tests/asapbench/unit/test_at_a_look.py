"""What a look at a running measurement takes for open, on rows whose truth is known by hand."""

from collections.abc import Callable, Iterable
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from asapbench.at_a_look import looked_at, with_open
from asapbench.commands.load import BENCH, LoadPlan
from asapbench.conclusion import conclude
from asapbench.model import Measurement, Report, Run, Target, Window
from asapbench.offer import Flag
from asapbench.samples import requests_in

Row = dict[str, float]
MakeRow = Callable[..., Row]
MakeRun = Callable[..., Run]

LOOK = 107.5
WINDOW = Window(name="measured", start=100.0, end=LOOK)
USERS, RATE = 10, 100.0
STRIDE = USERS / RATE


@pytest.fixture
def truth(row: MakeRow) -> Callable[..., list[Row]]:
    """All that is planned up to the look by users whose requests take so long, one by one."""

    def make(took: Callable[[float], float]) -> list[Row]:
        rows = []
        for user in range(USERS):
            free = 0.0
            for slot in range(200):
                planned = 95.005 + user / RATE + slot * STRIDE
                if planned >= LOOK:
                    break
                sent = max(planned, free)
                flags = Flag.WAITED * (planned < free)
                free = sent + took(sent)
                rows.append(row(planned, sent=sent, done=free, flags=flags, user=user))
        return rows

    return make


def beats(until: float = LOOK, rows: Iterable[Row] = ()) -> Measurement:
    """A pulse that sees how many of these requests are in flight."""
    at = np.arange(until, 90.0, -0.02)[::-1]
    opened = sum((at >= row["sent"]) & (at < row["done"]) for row in rows) + 0 * at
    return Measurement("pulse", {"at": at, "late": 0 * at, "open": opened}, {})


def written(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["done"] <= LOOK]


def beaten(run: Run, until: float = LOOK, rows: Iterable[Row] = ()) -> Run:
    return Run(run.story, (*run.measurements, beats(until, rows)))


def test_what_is_open_at_a_look_is_what_the_generator_would_write_down(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    everything = truth(lambda _: 0.2)
    run = with_open(beaten(make_run(written(everything))), WINDOW, STRIDE)
    found = requests_in(run, WINDOW)
    expected = requests_in(make_run(everything), WINDOW)
    assert np.sort(found.planned) == pytest.approx(np.sort(expected.planned))
    sent = {round(row["planned"], 6): row["sent"] for row in everything}
    opened = found.where(found.open)
    assert len(opened.planned) > 300
    for planned, at in zip(opened.planned.tolist(), opened.sent.tolist(), strict=True):
        true = sent[round(planned, 6)]
        assert isnan(at) if true > LOOK else at == pytest.approx(true)
    assert set(opened.done.tolist()) == {LOOK}


def test_a_server_that_keeps_up_leaves_no_more_open_than_are_in_flight(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    run = with_open(beaten(make_run(written(truth(lambda _: 0.01)))), WINDOW, STRIDE)
    assert requests_in(run, WINDOW).open.sum() <= 3


def test_a_look_judges_what_was_planned_as_long_before_it_as_answers_take(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    run = beaten(make_run(written(truth(lambda _: 0.09))))
    run, window = looked_at(run, WINDOW, STRIDE)
    assert window.end == pytest.approx(LOOK - 0.18)
    found = requests_in(run, window)
    assert (found.served.sum(), found.open.sum()) == (pytest.approx(732, abs=2), 0)


def test_a_look_judges_half_of_the_time_where_answers_take_longer(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    run, window = looked_at(beaten(make_run(written(truth(lambda _: 5.0)))), WINDOW, STRIDE)
    assert window.end == pytest.approx(103.75)
    assert requests_in(run, window).open.sum() == pytest.approx(375, abs=2)


def test_slots_since_the_generator_stands_still_are_not_open(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    rows = [row for row in truth(lambda _: 0.001) if row["planned"] < 103.0]
    run = with_open(beaten(make_run(rows), until=103.0), WINDOW, STRIDE)
    assert requests_in(run, WINDOW).open.sum() <= 1


def test_a_plan_beyond_all_reach_is_not_written_out(row: MakeRow, make_run: MakeRun) -> None:
    run = with_open(beaten(make_run([row(95.0)])), WINDOW, 1e-6)
    assert requests_in(run, WINDOW).open.sum() == 0


def test_before_the_first_row_nothing_is_known_to_be_open(make_run: MakeRun) -> None:
    assert len(requests_in(with_open(make_run([]), WINDOW, STRIDE), WINDOW).planned) == 0


TARGETS = (
    Target(metric="throughput", limit=">= 80 req/s"),
    Target(metric="latency.p95", limit="<= 5 ms"),
    Target(metric="error_rate", limit="<= 10 %"),
)


@pytest.fixture
def report(make_run: MakeRun) -> Callable[..., Report]:
    """What is concluded at the look of a run in which this is true."""

    def make(rows: list[Row], targets: tuple[Target, ...] = TARGETS) -> Report:
        run = make_run(written(rows), **story(targets))
        return conclude(BENCH, beaten(run, rows=rows))

    return make


def story(targets: tuple[Target, ...] = TARGETS) -> dict[str, Any]:
    plan = LoadPlan(users=USERS, rps=RATE, duration=60, quick=True).stored()
    return {"plan": plan, "targets": targets, "windows": (WINDOW,), "ended": "running"}


def test_a_server_that_is_too_slow_is_told_at_the_first_look(
    truth: Callable[..., list[Row]], report: Callable[..., Report]
) -> None:
    found = report(truth(lambda _: 0.2))
    assert [verdict.outcome for verdict in found.verdicts] == ["fail", "fail", "pass"]


@pytest.mark.parametrize(
    ("took", "limit", "outcome"),
    [
        (5.0, "<= 3 s", "fail"),
        (5.0, "<= 30 s", "inconclusive"),
        (5.0, ">= 3 s", "pass"),
        (1e6, "<= 30 s", "inconclusive"),
    ],
)
@pytest.mark.parametrize("name", ["latency.p95", "latency.max"])
def test_answers_that_take_longer_than_a_look_can_wait_miss_a_limit_but_never_meet_one(
    truth: Callable[..., list[Row]],
    report: Callable[..., Report],
    name: str,
    took: float,
    limit: str,
    outcome: str,
) -> None:
    rows = truth(lambda sent: 0.001 if sent < 96 else took)
    found = report(rows, (Target(metric=name, limit=limit),))
    assert [verdict.outcome for verdict in found.verdicts] == [outcome]


def test_an_endpoint_is_not_judged_by_those_alone_that_were_answered(
    truth: Callable[..., list[Row]], report: Callable[..., Report]
) -> None:
    rows = truth(lambda sent: 0.001 if sent < 103 else 1e6)
    targets = (Target(metric='latency.p95{endpoint="asap"}', limit="<= 5 ms"),)
    assert report(rows, targets).outcome == "inconclusive"


def test_what_is_open_for_longer_than_an_upper_bound_leaves_it(
    truth: Callable[..., list[Row]], report: Callable[..., Report]
) -> None:
    rows = [row for row in truth(lambda _: 0.001) if row["user"] or row["planned"] < 101.5]
    hanging = {**rows[-1], "user": 0.0, "planned": 101.6, "sent": 101.6, "done": 1e6}
    p95 = report([*rows, hanging], (TARGETS[1],)).find("latency.p95")
    assert p95 is not None
    assert p95.high == np.inf  # of those 59 are open: more than a twentieth


def test_a_server_that_hangs_does_not_pass_at_a_look(
    truth: Callable[..., list[Row]], report: Callable[..., Report]
) -> None:
    found = report(truth(lambda sent: 0.001 if sent < 104 else 1e6), (TARGETS[2],))
    assert [verdict.outcome for verdict in found.verdicts] == ["inconclusive"]


def test_a_generator_that_stands_still_is_no_servers_fault_at_a_look(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    rows = [row for row in truth(lambda _: 0.001) if row["planned"] < 103.0]
    run = make_run(rows, **story())
    found = conclude(BENCH, beaten(run, until=103.0))
    assert {verdict.outcome for verdict in found.verdicts} == {"invalid"}
    assert "plan-not-sent" in {gate.name for gate in found.gates if not gate.ok}


def test_a_run_that_has_ended_holds_all_rows_itself(
    truth: Callable[..., list[Row]], make_run: MakeRun
) -> None:
    rows = [row for row in truth(lambda _: 0.001) if row["planned"] < 103.0]
    found = conclude(BENCH, beaten(make_run(rows, **story() | {"ended": "complete"})))
    assert found.details["open"] == 0


def test_what_was_never_sent_is_owed_as_it_is_at_the_end(row: MakeRow, make_run: MakeRun) -> None:
    run = make_run([row(100.0, sent=nan, done=106.0, flags=Flag.CENSORED | Flag.WAITED)])
    opened = requests_in(with_open(beaten(run), WINDOW, 10.0), WINDOW)
    assert len(opened.planned) == 1
