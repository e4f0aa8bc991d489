"""From rows of requests to metrics, on rows whose answers are known by hand."""

from collections.abc import Callable, Iterable
from math import nan

import numpy as np
import pytest

from asapbench import samples
from asapbench.model import Metric, Run, Window
from asapbench.offer import Flag, Outcome

Row = dict[str, float]
MakeRow = Callable[..., Row]
MakeRun = Callable[..., Run]
Read = Callable[..., samples.Requests]

WINDOW = Window(name="measured", start=100.0, end=110.0)
BOTH = ("asap", "manifest")


@pytest.fixture
def read(make_run: MakeRun) -> Read:
    def requests(rows: Iterable[Row], window: Window = WINDOW) -> samples.Requests:
        return samples.requests_in(make_run(rows), window)

    return requests


def metrics(
    requests: samples.Requests, endpoints: tuple[str, ...] = ("asap",), *, paced: bool = True
) -> dict[str, Metric]:
    return {m.key: m for m in samples.request_metrics(requests, endpoints, paced=paced)}


def test_latency_counts_from_the_planned_time_where_the_connection_was_busy(
    read: Read, row: MakeRow
) -> None:
    requests = read([row(100.0, sent=100.4, done=100.5, flags=Flag.WAITED)])
    assert requests.latency() == pytest.approx([0.5])
    assert requests.service_time() == pytest.approx([0.1])
    assert requests.lag().size == 0


def test_latency_counts_from_the_sent_time_where_the_connection_was_idle(
    read: Read, row: MakeRow
) -> None:
    requests = read([row(100.0, sent=100.4, done=100.5)])
    assert requests.latency() == pytest.approx([0.1])
    assert requests.lag() == pytest.approx([0.4])


def test_other_flags_do_not_make_a_request_one_that_waited(read: Read, row: MakeRow) -> None:
    requests = read([row(100.0, sent=100.4, done=100.5, flags=Flag.CONNECTED)])
    assert requests.latency() == pytest.approx([0.1])


def test_a_request_open_at_the_end_counts_with_the_time_it_waited(read: Read, row: MakeRow) -> None:
    requests = read([row(109.0, sent=109.0, done=111.0, flags=Flag.CENSORED)])
    assert requests.latency() == pytest.approx([2.0])
    assert requests.service_time() == pytest.approx([2.0])
    assert (requests.open.sum(), requests.served.sum(), requests.failed.sum()) == (1, 0, 0)


@pytest.mark.parametrize("flags", [Flag.CENSORED, Flag.CENSORED | Flag.WAITED])
def test_a_request_never_sent_counts_from_its_planned_time(
    read: Read, row: MakeRow, flags: Flag
) -> None:
    requests = read([row(106.0, sent=nan, done=111.0, flags=flags)])
    assert requests.latency() == pytest.approx([5.0])
    assert requests.service_time().size == 0
    assert requests.lag().size == 0


def test_a_timeout_counts_with_the_time_it_waited_and_as_a_failure(
    read: Read, row: MakeRow
) -> None:
    requests = read([row(100.0, done=103.0, outcome=Outcome.TIMEOUT)])
    assert requests.latency() == pytest.approx([3.0])
    assert requests.failed.sum() == 1


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.OK, Outcome.TIMEOUT}))
def test_any_other_failure_is_no_latency(read: Read, row: MakeRow, outcome: Outcome) -> None:
    requests = read([row(100.0, done=100.0001, outcome=outcome), row(101.0, done=101.2)])
    assert requests.latency() == pytest.approx([0.2])
    assert requests.service_time() == pytest.approx([0.2])
    assert (requests.served.sum(), requests.failed.sum()) == (1, 1)


def test_the_lag_of_a_failed_request_is_still_the_generators(read: Read, row: MakeRow) -> None:
    assert read([row(100.0, sent=100.3, outcome=Outcome.CLOSED)]).lag() == pytest.approx([0.3])


def test_times_come_sorted(read: Read, row: MakeRow) -> None:
    requests = read(
        [row(100.0 + k, done=100.0 + k + wait) for k, wait in enumerate([0.3, 0.1, 0.2])]
    )
    assert requests.latency() == pytest.approx([0.1, 0.2, 0.3])


def test_a_window_has_the_requests_planned_from_its_start_to_before_its_end(
    read: Read, row: MakeRow
) -> None:
    rows = [row(at) for at in (99.999, 100.0, 109.999, 110.0)]
    assert read(rows).planned.tolist() == [100.0, 109.999]


def test_ramp_and_warm_up_are_in_no_number(read: Read, row: MakeRow) -> None:
    early = [row(90.0 + k / 10, done=95.0 + k / 10, outcome=Outcome.TIMEOUT) for k in range(40)]
    late = [row(100.0 + k / 10) for k in range(100)]
    found = metrics(read(early + late))
    assert found["latency.max"].value == pytest.approx(0.001)
    assert found["error_rate"].value == 0.0
    assert found["throughput"].value == pytest.approx(10.0)


def test_an_answer_after_the_window_is_a_latency_but_no_throughput(
    read: Read, row: MakeRow
) -> None:
    found = metrics(read([row(109.0, done=110.5)]))
    assert found["latency.max"].value == pytest.approx(1.5)
    assert found["throughput"].value == 0.0


def test_throughput_is_what_was_served_in_the_window_whenever_it_was_planned(
    read: Read, row: MakeRow
) -> None:
    # a server that serves 50 of the 100 requests/s it is offered from t = 90 on: at t = 100 it is
    # still busy with those planned at t = 95
    backlog = [
        row(90.0 + k / 100, sent=90.0 + k / 50, done=90.01 + k / 50, flags=Flag.WAITED)
        for k in range(2000)
    ]
    found = metrics(read(backlog))
    assert found["throughput"].value == pytest.approx(50.0)
    assert found["latency.min"].value == pytest.approx(10.01)


def test_a_throughput_beyond_what_was_offered_is_not_held_possible(
    read: Read, row: MakeRow
) -> None:
    requests = read([row(100.0 + k / 100) for k in range(1000)])

    def high(*, paced: bool) -> float:
        found = {m.key: m for m in samples.request_metrics(requests, (), paced=paced)}
        return float(found["throughput"].high or 0.0)

    assert high(paced=True) == pytest.approx(100.0)
    assert high(paced=False) > 100.01  # a closed loop offers what is served


def test_a_backlog_that_is_worked_off_is_served_beyond_what_was_offered(
    read: Read, row: MakeRow
) -> None:
    backlog = [row(90.0 + k / 100, done=100.0 + k / 200, flags=Flag.WAITED) for k in range(2000)]
    found = metrics(read(backlog))
    assert found["throughput"].value == pytest.approx(200.0)
    assert found["throughput"].high == pytest.approx(200.0)


def test_throughput_counts_good_answers_only(read: Read, row: MakeRow) -> None:
    rows = [row(100.0 + k / 10, outcome=k % 2 * Outcome.HTTP_5XX) for k in range(100)]
    found = metrics(read(rows))
    assert found["throughput"].value == pytest.approx(5.0)
    assert found["error_rate"].value == pytest.approx(0.5)


def test_the_error_rate_is_of_requests_that_ended(read: Read, row: MakeRow) -> None:
    rows = [
        row(100.0),
        row(101.0),
        row(102.0),
        row(103.0, outcome=Outcome.MISMATCH),
        row(104.0, done=111.0, flags=Flag.CENSORED),
    ]
    rate = metrics(read(rows))["error_rate"]
    assert (rate.value, rate.n) == (0.25, 4)


def hanging(row: MakeRow, answered: int) -> list[Row]:
    """A user at 100 requests/s for 10 s: so many are answered, one is in flight, the rest owed."""
    slots = [100.0 + slot / 100 for slot in range(1000)]
    rows = [row(planned) for planned in slots[:answered]]
    rows.append(row(slots[answered], done=111.0, flags=Flag.CENSORED))
    owed = {"sent": nan, "done": 110.0, "flags": Flag.CENSORED | Flag.WAITED}
    return rows + [row(planned, **owed) for planned in slots[answered + 1 :]]


def test_a_server_that_hangs_has_no_upper_bound_of_errors_below_what_it_left_open(
    read: Read, row: MakeRow
) -> None:
    rate = metrics(read(hanging(row, 500)))["error_rate"]
    assert (rate.value, rate.low, rate.n) == (0.0, 0.0, 500)
    assert rate.high == pytest.approx(0.5 + 0.0092 / 2, abs=1e-3)


def test_a_hang_that_began_before_the_window_leaves_its_slots_in_it_overdue(
    read: Read, row: MakeRow
) -> None:
    rows = [row(99.0 + k / 100, user=1) for k in range(1100)] + hanging(row, 0)[1:]
    rows += [row(99.5), row(99.995, done=111.0, flags=Flag.CENSORED)]
    assert read(rows).overdue.sum() == 999


def test_some_that_hang_are_overdue_and_others_are_not(read: Read, row: MakeRow) -> None:
    rows = hanging(row, 500) + [row(100 + k / 100, user=1) for k in range(1000)]
    requests = read(rows)
    assert requests.overdue.sum() == 500
    assert metrics(requests)["error_rate"].high == pytest.approx(0.25, abs=0.01)


def test_requests_in_flight_at_the_end_do_not_make_a_healthy_server_doubtful(
    read: Read, row: MakeRow
) -> None:
    rows = [row(100 + k / 1000, user=k % 100) for k in range(9998)]
    opened = [row(109.998, done=110.0, flags=Flag.CENSORED, user=98)]
    opened += [row(109.999, sent=nan, done=110.0, flags=Flag.CENSORED | Flag.WAITED, user=99)]
    found, without = metrics(read(rows + opened)), metrics(read(rows))
    assert found["error_rate"].high == pytest.approx(without["error_rate"].high)
    assert (found["error_rate"].high or 1) < 0.001


def test_a_server_that_takes_its_time_is_not_one_that_hangs(read: Read, row: MakeRow) -> None:
    slow = [row(100 + k / 10, done=103 + k / 10, user=k % 50) for k in range(80)]
    opened = [row(108 + k / 10, done=111.0, flags=Flag.CENSORED, user=k) for k in range(20)]
    assert read(slow + opened).overdue.sum() == 0


def test_what_is_owed_by_a_user_that_gets_answers_is_late_and_not_overdue(
    read: Read, row: MakeRow
) -> None:
    late = [row(100 + k / 20, sent=100 + k / 10, done=100.1 + k / 10) for k in range(100)]
    owed = [row(105 + k / 20, sent=nan, done=110.0, flags=Flag.CENSORED) for k in range(100)]
    assert read(late + owed).overdue.sum() == 0


def test_a_percentile_is_given_with_its_bounds_and_sample_size(read: Read, row: MakeRow) -> None:
    times = np.random.default_rng(1).permutation(np.arange(1, 1001)) / 1e6
    rows = [
        row(100.0 + k / 100, done=100.0 + k / 100 + time) for k, time in enumerate(times.tolist())
    ]
    found = metrics(read(rows))
    p95 = found["latency.p95"]
    assert p95.value == pytest.approx(950e-6)
    assert (p95.n, p95.confidence) == (1000, 0.99)
    assert p95.low is not None
    assert p95.high is not None
    assert 900e-6 < p95.low <= p95.value < p95.high < 1000e-6
    assert found["latency.mean"].value == pytest.approx(500.5e-6)
    assert found["latency.min"].value == pytest.approx(1e-6)
    assert found["latency.max"].value == pytest.approx(1000e-6)
    assert "latency.p99.9" not in found


def test_latencies_that_come_in_bursts_leave_more_doubt(read: Read, row: MakeRow) -> None:
    def p95(slow: Callable[[int], bool]) -> Metric:
        rows = [row(100 + k / 200, done=100 + k / 200 + 0.001 + slow(k)) for k in range(2000)]
        return metrics(read(rows))["latency.p95"]

    spread, bursts = p95(lambda k: k % 40 == 0), p95(lambda k: k % 400 < 10)
    assert spread.high == pytest.approx(0.001)
    assert bursts.high is not None
    assert bursts.high > 1


def test_every_bound_has_the_confidence_asked_for(read: Read, row: MakeRow) -> None:
    requests = read([row(100 + k / 100) for k in range(1000)])
    found = list(samples.request_metrics(requests, ("asap",), paced=True, confidence=0.998))
    assert {m.confidence for m in found if m.low is not None} == {0.998}
    usual = metrics(requests)["error_rate"].high
    assert usual is not None
    assert usual < next(m.high for m in found if m.name == "error_rate" and m.high is not None)


def test_what_is_too_little_for_a_percentile_has_none(read: Read, row: MakeRow) -> None:
    found = metrics(read([row(100.0 + k / 100) for k in range(129)]))
    assert "latency.p90" in found
    assert "latency.p95" not in found


def test_each_endpoint_has_metrics_of_its_own(read: Read, row: MakeRow) -> None:
    rows = [row(100.0 + k, done=100.1 + k, endpoint=0) for k in range(6)]
    rows += [row(100.5 + k, done=100.8 + k, endpoint=1) for k in range(3)]
    rows += [row(109.0, endpoint=1, outcome=Outcome.CONNECT)]
    found = metrics(read(rows), BOTH)
    assert found['latency.max{endpoint="asap"}'].value == pytest.approx(0.1)
    assert found['latency.max{endpoint="manifest"}'].value == pytest.approx(0.3)
    assert found['throughput{endpoint="asap"}'].value == pytest.approx(0.6)
    assert found['error_rate{endpoint="manifest"}'].value == pytest.approx(0.25)
    assert found["throughput"].value == pytest.approx(0.9)


def test_lag_is_told_only_where_there_is_a_plan_to_lag_behind(read: Read, row: MakeRow) -> None:
    requests = read([row(100.0)])
    assert "lag.max" in metrics(requests, paced=True)
    assert "lag.max" not in metrics(requests, paced=False)


@pytest.mark.parametrize("paced", [True, False])
def test_only_metrics_that_were_announced_are_given(read: Read, row: MakeRow, paced: bool) -> None:
    found = metrics(
        read([row(100 + k / 1000, endpoint=k % 2) for k in range(9999)]), BOTH, paced=paced
    )
    units = samples.metric_units(BOTH, paced=paced)
    assert {key: metric.unit for key, metric in found.items()}.items() <= units.items()
    assert len(units) - len(found) == (2 * (3 if paced else 2))  # p99.9 of either endpoint


def test_a_window_without_requests_has_no_metric(read: Read) -> None:
    assert metrics(read([])) == {}


def test_a_run_without_a_table_of_requests_has_no_metric(make_run: MakeRun) -> None:
    requests = samples.requests_in(Run(make_run([]).story, ()), WINDOW)
    assert metrics(requests) == {}
    assert [second["requests"] for second in samples.per_second(requests)] == [0] * 10


def test_the_rows_of_several_generators_are_one(make_run: MakeRun, row: MakeRow) -> None:
    first, second = make_run([row(100.0)]), make_run([row(101.0), row(102.0)])
    both = Run(first.story, (*first.measurements, *second.measurements))
    assert samples.requests_in(both, WINDOW).planned.tolist() == [100.0, 101.0, 102.0]


def frozen(row: MakeRow, *, closed: bool) -> list[Row]:
    """One user, 100 requests/s for 10 s, answered at once but for a second of standstill."""
    rows, free_at = [], 0.0
    for k in range(1000):
        planned = 100.0 + k / 100
        sent = max(planned, free_at)
        if closed and planned < free_at:
            continue  # a closed loop does not send what it was kept from sending
        done = 105.0 if 104.0 <= sent < 105.0 else sent + 1e-6
        rows.append(row(planned, sent=sent, done=done, flags=Flag.WAITED * (planned < free_at)))
        free_at = done
    return rows


def test_a_server_frozen_for_one_of_ten_seconds_delays_a_tenth_of_the_requests(
    read: Read, row: MakeRow
) -> None:
    latency = read(frozen(row, closed=False)).latency()
    delayed = latency[latency > 0.005]
    assert len(latency) == 1000
    assert len(delayed) == pytest.approx(100, abs=1)
    np.testing.assert_allclose(delayed, np.linspace(0.01, 1.0, len(delayed)), atol=0.011)


def test_a_loop_that_waits_for_answers_would_have_seen_one_slow_request(
    read: Read, row: MakeRow
) -> None:
    latency = read(frozen(row, closed=True)).latency()
    assert (latency > 0.005).sum() == 1


def test_failures_are_counted_by_kind_with_what_was_seen_first(read: Read, row: MakeRow) -> None:
    rows = [row(100.0 + k, outcome=Outcome.HTTP_5XX, code=503) for k in range(3)]
    rows += [row(104.0, outcome=Outcome.HTTP_5XX, code=500, endpoint=1)]
    rows += [row(105.0 + k, outcome=Outcome.TIMEOUT) for k in range(2)]
    rows += [row(108.0), row(109.0, done=111.0, flags=Flag.CENSORED)]
    told = [
        {"endpoint": "asap", "outcome": "HTTP_5XX", "code": 503, "text": "HTTP status 503: busy"},
        {"endpoint": "asap", "outcome": "HTTP_5XX", "code": 500, "text": "of another endpoint"},
    ]
    assert samples.failures_by_kind(read(rows), BOTH, told) == [
        {
            "endpoint": "asap",
            "kind": "http_5xx",
            "code": 503,
            "count": 3,
            "first": "HTTP status 503: busy",
        },
        {"endpoint": "asap", "kind": "timeout", "code": 0, "count": 2, "first": ""},
        {"endpoint": "manifest", "kind": "http_5xx", "code": 500, "count": 1, "first": ""},
    ]


def test_each_second_tells_what_was_answered_in_it(read: Read, row: MakeRow) -> None:
    rows = [
        row(99.9, done=100.1),
        row(100.5, done=100.9),
        row(100.9, done=101.0),
        row(101.0, done=101.1, outcome=Outcome.HTTP_4XX),
        row(109.9, done=110.0),
        row(102.0, done=102.5, flags=Flag.CENSORED),
    ]
    seconds = samples.per_second(read(rows))
    assert [second["second"] for second in seconds] == list(range(1, 11))
    assert [second["requests"] for second in seconds] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [second["failures"] for second in seconds] == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert seconds[0]["latency.p50"] == pytest.approx(0.3)
    assert seconds[2]["latency.p50"] is None


def test_a_minute_has_sixty_seconds_whatever_the_clock_reads(read: Read) -> None:
    start = next(at for at in np.arange(0.1, 100, 0.1).tolist() if (at + 60) - at < 60)
    window = Window(name="measured", start=start, end=start + 60)
    assert len(samples.per_second(read([], window))) == 60


def test_a_second_that_was_cut_short_has_no_row(read: Read) -> None:
    window = Window(name="measured", start=100.0, end=102.6)
    assert len(samples.per_second(read([], window))) == 2
