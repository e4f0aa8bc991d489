"""What a watcher is told of requests while they come, against what the analysis says of all."""

import random
import time
from collections.abc import Iterator, Sequence

import pytest

from asapbench.offer import REQUESTS, Flag, Outcome
from asapbench.recent import Recent
from asapbench.series import Follower


class Rows(Follower):
    """Stands in for the file of a generator."""

    def __init__(self, rows: Sequence[tuple[float, ...]]) -> None:
        self.rows = rows

    def new_rows(self) -> Iterator[tuple[float, ...]]:
        yield from self.rows


def row(latency: float, outcome: Outcome = Outcome.OK, ago: float = 1.0, user: int = 0) -> Rows:
    done = time.monotonic() - ago
    values = {"planned": done - latency, "sent": done - latency, "done": done, "user": user}
    values |= {"outcome": outcome, "flags": Flag(0)}
    return Rows([tuple(float(values.get(column.name, 0)) for column in REQUESTS.columns)])


def metrics(recent: Recent) -> dict[str, float]:
    return {metric.name: metric.value for metric in recent.so_far()}


def test_a_window_comes_to_rate_error_rate_and_percentiles() -> None:
    recent = Recent()
    recent.begin(time.monotonic() - 10)
    draw = random.Random(1)
    latencies = sorted(draw.expovariate(1000) for _ in range(5000))
    recent.take([row(latency) for latency in latencies])
    found = metrics(recent)
    assert found["throughput"] == pytest.approx(500, rel=0.05)
    assert found["error_rate"] == 0.0
    for name, q in {"p50": 0.5, "p95": 0.95, "p99": 0.99}.items():
        assert found[f"latency.{name}"] == pytest.approx(latencies[int(5000 * q)], rel=0.01)


def test_failures_are_no_throughput() -> None:
    recent = Recent()
    recent.begin(time.monotonic() - 10)
    recent.take([row(0.001), row(0.001), row(0.001), row(0.001, Outcome.HTTP_5XX)])
    found = metrics(recent)
    assert found["throughput"] == pytest.approx(0.3, rel=0.05)
    assert found["error_rate"] == 0.25


def test_a_percentile_is_not_told_before_there_are_samples_beyond_it() -> None:
    recent = Recent()
    recent.begin(time.monotonic() - 10)
    recent.take([row(0.001)] * 120)
    assert "latency.p95" in metrics(recent)
    assert "latency.p99" not in metrics(recent)


def test_what_ended_before_the_window_does_not_count_in_it() -> None:
    recent = Recent()
    recent.begin(time.monotonic() - 5)
    recent.take([row(0.001, ago=6.0), row(0.001, ago=1.0)])
    assert metrics(recent)["throughput"] == pytest.approx(0.2, rel=0.05)
    assert recent.done == 2


def test_nothing_is_said_of_the_first_moment_of_a_window() -> None:
    recent = Recent()
    recent.begin(time.monotonic())
    recent.take([row(0.001, ago=0.0)])
    assert recent.so_far() == ()
