"""What a climbed ladder comes to: whose limit it was, what is told of each step, what is noted."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asapbench.commands.stress import BENCH, StressPlan
from asapbench.conclusion import conclude
from asapbench.errors import Exit, UsageError
from asapbench.ladder import scaling
from asapbench.ladder.alone import ALONE
from asapbench.ladder.conclude import check_marks
from asapbench.ladder.doubt import doubt
from asapbench.ladder.evidence import STEPS, rungs_of
from asapbench.ladder.remarks import remedy
from asapbench.ladder.rung import ROLES
from asapbench.model import Measurement, Run, Server, Target, Window
from asapbench.offer import Flag, Outcome
from asapbench.resources import MACHINE, PROCESS
from asapbench.samples import requests_in
from asapbench.targets import read_table

Make = Callable[..., Run]
MakeRow = Callable[..., dict[str, float]]
SECONDS = 10.0
WINDOW = Window(name="step-1", start=100.0, end=110.0)


def steps(*rows: tuple[str, float, int, float | None]) -> Measurement:
    """Role, level, users and rate of each step."""
    columns = {
        "at": [100.0 * number for number in range(1, len(rows) + 1)],
        "step": [0 if role == "warm-up" else number for number, (role, *_) in enumerate(rows, 1)],
        "role": [ROLES.index(role) for role, *_ in rows],
        "level": [level for _, level, *_ in rows],
        "users": [users for *_, users, _ in rows],
        "rate": [np.nan if rate is None else rate for *_, rate in rows],
        "cycle": [np.nan] * len(rows),
    }
    return Measurement(STEPS.name, {name: np.array(each) for name, each in columns.items()}, {})


@pytest.fixture
def climbed(make_run: Make, row: MakeRow) -> Make:
    """A run of steps, each with an even grid of requests that take so long from their own time on.

    `alone` is how long an answer took while one user was there; `takes` gives it for step and time,
    of which the last `service` seconds are from when it was sent.
    """

    def make(
        *rows: tuple[str, float, int, float | None],
        takes: Callable[[int, float], float] = lambda _step, _at: 0.002,
        service: float | None = None,
        alone: float | None = 0.002,
        plan: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Run:
        windows, requests = [], []
        if alone is not None:
            windows.append(Window(name=ALONE, start=50.0, end=51.0))
            requests += [row(at, done=at + alone) for at in np.arange(50.0, 51.0, alone)]
        for number, (_, level, users, rate) in enumerate(rows, start=1):
            start = 100.0 * number
            windows.append(Window(name=f"step-{number}", start=start, end=start + SECONDS))
            for at in np.arange(0.0, SECONDS, 1 / (rate or 20.0 * min(level, users))):
                done = start + at + takes(number, at)
                sent = start + at if service is None else done - service
                requests.append(row(start + at, sent=sent, done=done, flags=Flag.WAITED))
        own: dict[str, Any] = {
            "command": "stress",
            "plan": StressPlan().model_dump(mode="json") | (plan or {}),
            "targets": read_table("stress", None),
            "windows": tuple(windows),
        }
        run = make_run(requests, **own | changes)
        return Run(run.story, (*run.measurements, steps(*rows)))

    return make


def owed(rate: float, users: int, service: float) -> Callable[[int, float], float]:
    """A server that is never busy, and users with one request each: later slots are owed."""
    served = users / service
    return lambda _, at: service + max(0.0, at * (rate / served - 1))


def slow(climbed: Make, *, service: float = 0.15, alone: float | None = 0.15) -> Run:
    """50 users who should offer 10 req/s each, and come to less."""
    takes = owed(500.0, 50, 0.15)
    return climbed(("ladder", 500.0, 50, 500.0), takes=takes, service=service, alone=alone)


def test_users_who_cannot_offer_their_share_are_no_breaking_point(climbed: Make) -> None:
    run = slow(climbed)
    (rung,) = rungs_of(run)
    assert rung.broken
    assert "50 with one request each, cannot offer 500 req/s" in rung.doubt
    assert "an answer takes 150 ms" in rung.doubt
    report = conclude(BENCH, run)
    assert report.exit_code == Exit.NO_VERDICT
    assert report.details["breaking_point"] is None
    assert report.details["conclusion"] == "generator-limited, no step was sustained"
    (note,) = (note for note in report.notes if note.code == "health-generator-limited")
    assert "lower --rps-per-user" in note.text


def test_users_behind_an_overloaded_server_wait_as_long_and_are_not_the_limit(
    climbed: Make,
) -> None:
    (rung,) = rungs_of(slow(climbed, alone=0.002))
    assert (rung.broken, rung.doubt, rung.final) == (True, "", False)


def test_users_who_wait_for_one_another_s_slots_in_the_server_are_not_the_limit(
    climbed: Make,
) -> None:
    (rung,) = rungs_of(slow(climbed, service=0.625, alone=0.09))
    assert (rung.broken, rung.doubt, rung.final) == (True, "", False)


def test_users_who_alone_are_busy_all_of_their_time_are_the_limit_however_the_server_slows_down(
    climbed: Make,
) -> None:
    (rung,) = rungs_of(slow(climbed, service=0.625, alone=0.1))
    assert "lower --rps-per-user" in rung.doubt


def test_a_quiet_step_may_be_offered_again_and_the_spike_rises_from_the_last_of_them(
    climbed: Make,
) -> None:
    run = climbed(
        ("quiet", 100.0, 10, 100.0),
        ("quiet", 100.0, 10, 100.0),
        ("spike", 900.0, 90, 900.0),
        takes=lambda step, at: at if step == 1 else 0.01 * step,
    )
    rungs = rungs_of(run)
    assert [(rung.broken, rung.final) for rung in rungs] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    report = conclude(BENCH, run)
    assert report.details["sustainable"]["high"] is None
    assert report.details["spike"]["rise"] == pytest.approx(1.5)


def alone_with(run: Run, requests: Run, seconds: float = 1.0) -> Run:
    """The run with a window in which one user was alone, and other requests in it."""
    window = Window(name=ALONE, start=50.0, end=50.0 + seconds)
    story = run.story.model_copy(update={"windows": (*run.story.windows, window)})
    return Run(story, (*run.measurements, requests.measurements[0]))


def test_the_answer_that_was_on_its_way_when_the_window_began_tells_how_slow_the_server_is(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    run = slow(climbed, alone=None)
    (rung,) = rungs_of(alone_with(run, make_run([row(49.9, done=51.6)])))
    assert "an answer takes 1.70 s" in rung.doubt


@pytest.mark.parametrize(
    "kind", [{"flags": Flag.CENSORED}, {"outcome": Outcome.TIMEOUT}], ids=["open", "timeout"]
)
def test_an_answer_that_did_not_come_takes_as_long_as_was_waited_for_it(
    make_run: Make, row: MakeRow, climbed: Make, kind: dict[str, Any]
) -> None:
    run = slow(climbed, alone=None)
    (rung,) = rungs_of(alone_with(run, make_run([row(49.9, done=59.9, **kind)]), 9.5))
    assert "an answer takes 10.0 s" in rung.doubt


def test_where_one_user_alone_got_no_answer_a_broken_step_is_in_doubt(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    run = slow(climbed, alone=None)
    (rung,) = rungs_of(alone_with(run, make_run([row(10.0, done=10.1)])))
    assert "got no answer while nothing else was asked" in rung.doubt
    assert "see why the server leaves a single request without an answer" in remedy(rung)


def test_a_server_that_fails_is_not_excused_by_too_few_users(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    run = slow(climbed)
    bad = make_run([row(100 + k / 60, outcome=Outcome.HTTP_5XX, code=500) for k in range(600)])
    (rung,) = rungs_of(replace(run, measurements=(*run.measurements, *bad.measurements)))
    assert "error rate 11 % >= 5 %" in rung.reasons
    assert rung.doubt == ""


def test_a_pause_while_one_user_is_alone_does_not_make_users_the_limit(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    run = climbed(("ladder", 500.0, 50, 500.0), alone=None)
    paused = [row(50 + k / 100, done=50 + k / 100 + (5.0 if k == 3 else 0.01)) for k in range(9)]
    (rung,) = rungs_of(alone_with(run, make_run(paused)))
    assert rung.doubt == ""


def test_a_generator_at_its_end_is_told_as_a_lower_bound_and_no_verdict(climbed: Make) -> None:
    attempts = [("repeat", 900.0, 90, 900.0)] * 2
    run = climbed(
        ("ladder", 500.0, 50, 500.0),
        ("ladder", 900.0, 90, 900.0),
        *attempts,
        takes=lambda step, at: 0.002 + (at / 4 if step > 1 else 0.0),
    )
    report = conclude(BENCH, Run(run.story, (*run.measurements, busy("generator", cpu=0.8))))
    assert report.exit_code == Exit.NO_VERDICT
    assert report.details["breaking_point"] is None
    assert report.details["conclusion"].startswith("generator-limited, sustains at least 500 req/s")
    (verdict,) = report.verdicts
    assert verdict.outcome == "invalid"
    assert "generator-limited, sustains at least" in verdict.reason


def test_a_search_that_ended_with_a_load_in_doubt_says_why_its_interval_is_wide(
    climbed: Make,
) -> None:
    ladder, search = ("ladder", 900.0, 90, 900.0), ("search", 700.0, 90, 700.0)
    run = climbed(ladder, ladder, search, search, search, takes=lambda _, at: 0.002 + at / 4)
    late = busy("generator", cpu=0.8, since=250.0)
    report = conclude(BENCH, Run(run.story, (*run.measurements, late)))
    assert report.details["conclusion"] == "breaks below 900 req/s: no step was sustained"
    assert report.exit_code == Exit.MISSED
    (note,) = (note for note in report.notes if note.code == "search-ended")
    assert "could not be narrowed at 700 req/s: the generator was at its end" in note.text


def busy(process: str, *, cpu: float = 0.0, waited: float = 0.0, since: float = 0.0) -> Measurement:
    """A process that used and waited for so much of a core, all the time or from then on."""
    at = np.arange(1000.0)
    seconds = np.maximum(0.0, at - since)
    columns = {column.name: np.zeros(1000) for column in PROCESS}
    columns |= {"at": at, "cpu": cpu * seconds, "waited": waited * seconds}
    return Measurement("resources", columns, {}, {"process": process})


def said(run: Run, *more: Measurement, rate: float | None = 100.0) -> str:
    whole = replace(run, measurements=(*run.measurements, *more))
    return doubt(whole, requests_in(whole, WINDOW), rate)


def test_an_instrument_beyond_doubt_gives_no_reason(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    assert said(run, busy("generator", cpu=0.5), busy("server", cpu=1.0)) == ""


def test_a_plan_that_was_not_sent_is_a_reason_where_there_is_an_even_grid(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    assert "never sent by the generator" in said(run, rate=200.0)
    assert said(run, rate=None) == ""


def test_a_generator_that_was_full_or_kept_from_its_core_is_a_reason(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    assert "the generator was at its end" in said(run, busy("generator", cpu=0.4, waited=0.4))
    assert "the generator-2 was at its end" in said(run, busy("generator-2", cpu=0.8))


def test_a_server_that_sheds_is_not_excused_by_a_generator_at_its_end(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    run = climbed(("ladder", 500.0, 50, 500.0))
    shed = make_run([row(100 + k / 60, outcome=Outcome.HTTP_5XX, code=503) for k in range(600)])
    lost = make_run([row(100 + k / 60, outcome=Outcome.TIMEOUT) for k in range(600)])
    full = busy("generator", cpu=0.8)
    (rung,) = rungs_of(replace(run, measurements=(*run.measurements, *shed.measurements, full)))
    assert (rung.broken, rung.doubt) == (True, "")
    (rung,) = rungs_of(replace(run, measurements=(*run.measurements, *lost.measurements, full)))
    assert "the generator was at its end" in rung.doubt


def test_time_that_the_hypervisor_took_is_a_reason_for_any_server(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    theirs = Server(url="http://a", pid=None, how="host", agent="a", version="1")
    for server in (run.story.server, theirs):
        own = Run(run.story.model_copy(update={"server": server}), run.measurements)
        assert "the hypervisor gave 10 %" in said(own, machine(run, steal=0.1))
        assert said(own, machine(run, steal=0.04)) == ""


def machine(run: Run, *, steal: float) -> Measurement:
    """A machine of which the hypervisor took such a share all the time."""
    seconds = np.arange(1000.0)
    columns = {column.name: np.zeros(1000) for column in MACHINE}
    columns |= {"at": seconds, "steal": steal * seconds * run.story.environment.cores}
    return Measurement("machine", columns, {})


def test_a_core_that_others_took_is_a_reason_for_our_own_full_server_only(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    taken = busy("server", cpu=0.75, waited=0.2)
    assert "others took 20 % of the server's core" in said(run, taken)
    assert said(run, busy("server", cpu=0.95, waited=0.05)) == ""
    theirs = Server(url="http://a", pid=1, how="command", agent="a", version="1")
    own = Run(run.story.model_copy(update={"server": theirs}), run.measurements)
    assert said(own, taken) == ""


def test_a_request_without_a_socket_is_a_reason(make_run: Make, row: MakeRow) -> None:
    none = {"outcome": Outcome.CONNECT, "code": errno.EADDRNOTAVAIL}
    rows = [row(100 + k / 100, **(none if k == 7 else {})) for k in range(1000)]
    assert "the generator got no socket" in said(make_run(rows))


def test_a_rate_near_the_end_of_what_the_generator_can_is_a_reason(
    make_run: Make, row: MakeRow, climbed: Make
) -> None:
    windows = (Window(name="floor top", start=10.0, end=11.0),)
    floor = make_run([row(10 + k / 140) for k in range(140)], windows=windows)
    run = replace(climbed(("ladder", 100.0, 10, 100.0)), parts={"floor-1": floor})
    assert "the generator reaches 140 req/s against a server that does nothing" in said(run)
    assert said(run, rate=90.0) == ""


def test_a_server_that_dies_while_the_first_load_warms_it_up_breaks_at_that_load(
    make_run: Make,
) -> None:
    run = make_run(
        [],
        command="stress",
        plan=StressPlan().model_dump(mode="json"),
        targets=read_table("stress", None),
        windows=(Window(name="warm-up", start=90.0, end=95.0),),
        ended="server-died",
        why="the server ended: out of everything",
    )
    report = conclude(
        BENCH, Run(run.story, (*run.measurements, steps(("warm-up", 500.0, 50, 500.0))))
    )
    point = report.details["breaking_point"]
    assert (point["users"], point["rps"]) == (50, 500)
    assert point["reason"] == "the server ended: out of everything"
    assert report.exit_code == Exit.MISSED
    assert {metric.name for metric in report.metrics}.isdisjoint({"error_rate", "throughput"})


def test_a_warm_up_that_the_server_survives_is_no_step(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0))
    (table,) = run.tables(STEPS.name)
    before = steps(("warm-up", 100.0, 10, 100.0))
    both = {
        name: np.concatenate([before.columns[name], values])
        for name, values in table.columns.items()
    }
    rest = tuple(one for one in run.measurements if one.name != STEPS.name)
    (rung,) = rungs_of(Run(run.story, (*rest, Measurement(STEPS.name, both, {}))))
    assert rung.role == "ladder"


@pytest.fixture
def closed(make_run: Make, row: MakeRow) -> Make:
    """A closed loop whose steps had so many users and achieved so much."""

    def make(*rungs: tuple[int, float], **more: Any) -> Run:
        windows, requests = [], []
        for number, (_, rate) in enumerate(rungs, start=1):
            start = 100.0 * number
            windows.append(Window(name=f"step-{number}", start=start, end=start + SECONDS))
            requests += [row(start + at) for at in np.arange(0.0, SECONDS, 1 / rate)]
        own = {
            "command": "stress",
            "plan": StressPlan(user_class="stress").model_dump(mode="json"),
            "targets": read_table("stress", None),
            "windows": tuple(windows),
        }
        run = make_run(requests, **own)
        table = steps(*(("ladder", float(users), users, None) for users, _ in rungs))
        return Run(run.story, (*run.measurements, table, *more.get("measurements", ())))

    return make


def test_fewer_users_of_a_closed_loop_are_not_held_to_what_more_users_achieved(
    closed: Make,
) -> None:
    rungs = rungs_of(closed((10, 100.0), (40, 400.0), (20, 200.0)))
    assert [rung.state for rung in rungs] == ["healthy"] * 3


def test_a_step_that_broke_is_no_measure_for_others(closed: Make) -> None:
    run = closed((10, 400.0), (20, 300.0), (30, 385.0))
    assert [rung.broken for rung in rungs_of(run)] == [False, True, False]


def test_a_closed_loop_that_gets_less_done_is_said_in_words_of_its_own(closed: Make) -> None:
    broken = rungs_of(closed((10, 400.0), (20, 300.0)))[1]
    assert broken.reasons == ("throughput, of the most with no more users, 75 % < 95 %",)
    assert broken.fell


def test_the_law_is_fitted_to_steps_that_got_less_done_and_not_to_those_in_doubt(
    closed: Make,
) -> None:
    users = (5, 10, 20, 40, 80, 120)
    law = scaling.law(np.array(users, float), 20.0, 0.01, 1e-3)
    run = closed(*zip(users, law.tolist(), strict=True))
    assert rungs_of(run)[-1].fell
    model = conclude(BENCH, run).details["model"]
    assert model["coherency"]["value"] == pytest.approx(1e-3, rel=0.1)
    doubtful = Run(run.story, (*run.measurements, busy("generator", cpu=0.8)))
    assert conclude(BENCH, doubtful).details["model"] is None


def test_the_metrics_of_a_step_have_the_intervals_of_its_samples(climbed: Make) -> None:
    metrics = conclude(BENCH, climbed(("ladder", 100.0, 10, 100.0))).metrics
    found = {metric.key: metric for metric in metrics}
    for key in ('latency.p95{step="1"}', 'error_rate{step="1"}', "latency.p99"):
        metric = found[key]
        assert metric.n == 1000
        assert metric.low is not None
        assert metric.high is not None
        assert metric.low <= metric.value <= metric.high


def test_a_step_with_too_few_samples_for_a_percentile_gives_no_verdict_on_it(
    climbed: Make,
) -> None:
    own = (
        Target(metric='latency.p99{step="1"}', limit="<= 50 ms"),
        Target(metric='latency.p95{step="1"}', limit="<= 50 ms"),
    )
    verdicts = conclude(BENCH, climbed(("ladder", 20.0, 2, 20.0), targets=own)).verdicts
    assert [verdict.outcome for verdict in verdicts] == ["invalid", "pass"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "--until-break goes on until it does"),
        ({"until_break": True}, "let each user offer more (--rps-per-user)"),
        ({"until_break": True, "user_class": "stress"}, "there are no more users"),
        ({"profile": "spike"}, "climb to it: --profile step --until-break"),
    ],
)
def test_how_to_go_further_depends_on_how_far_the_plan_went(
    climbed: Make, changes: dict[str, Any], words: str
) -> None:
    report = conclude(BENCH, climbed(("ladder", 100.0, 10, 100.0), plan=changes))
    (note,) = (note for note in report.notes if note.code == "no-break")
    assert note.text == "nothing broke up to 10 users, so this is a lower bound"
    assert words in note.hint


def test_a_run_that_was_cut_short_is_not_told_to_offer_more(climbed: Make) -> None:
    run = climbed(("ladder", 100.0, 10, 100.0), ended="interrupted", why="by the user")
    (note,) = (note for note in conclude(BENCH, run).notes if note.code == "no-break")
    assert note.hint == "the run was cut short: let it end"


@pytest.mark.parametrize("metric", ["throughput", 'latency.p95{step="1"}', "max_sustainable_rps"])
def test_a_mark_on_what_no_step_is_judged_by_is_refused_with_what_there_is(metric: str) -> None:
    with pytest.raises(UsageError, match="would mark no step; steps are judged by error_rate"):
        check_marks([Target(metric=metric, limit=">= 1 req/s", marks="broken")])


def test_marks_on_what_steps_are_judged_by_and_rows_without_are_accepted() -> None:
    check_marks(read_table("stress", None))
