"""What is refused because the instrument itself takes as long, on floors known by hand."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from asapbench.floor import below_floor, floor_metrics
from asapbench.model import Run, Target, Window

Row = dict[str, float]

FLOOR = Window(name="floor", start=100.0, end=102.0)


@pytest.fixture
def floor(make_run: Callable[..., Run], row: Callable[..., Row]) -> Callable[..., Run]:
    """A run with this row, whose floor has one request of 1 ms among those of 0.4 ms."""

    def make(count: int, metric: str, limit: str) -> Run:
        times = [0.001, *[0.0004] * (count - 1)]
        rows = [row(100 + k / count, done=100 + k / count + took) for k, took in enumerate(times)]
        part = make_run(rows, windows=(FLOOR,))
        run = make_run([], targets=(Target(metric=metric, limit=limit),))
        return replace(run, parts={"floor-1": part})

    return make


@pytest.mark.parametrize("metric", ["latency.p95", "latency.p99", "service_time.p99.9"])
@pytest.mark.parametrize("count", [60, 2000])
def test_a_percentile_that_the_floor_has_too_few_requests_for_is_held_against_a_lower_one(
    floor: Callable[..., Run], count: int, metric: str
) -> None:
    assert "the generator's own p" in below_floor(floor(count, metric, "<= 1 ms"))
    assert below_floor(floor(count, metric, "<= 1.3 ms")) == ""


@pytest.mark.parametrize(
    ("metric", "least"),
    [("latency.max", 1.0), ("latency.mean", 0.401), ("latency.min", 0.4)],
)
def test_maximum_mean_and_minimum_have_a_floor_too(
    floor: Callable[..., Run], metric: str, least: float
) -> None:
    name = metric.partition(".")[2]
    refused = below_floor(floor(1000, metric, f"<= {3 * least - 0.05} ms"))
    assert f"the generator's own {name} of" in refused
    assert below_floor(floor(1000, metric, f"<= {3 * least + 0.05} ms")) == ""


def test_nothing_else_is_held_against_the_floor(floor: Callable[..., Run]) -> None:
    for metric in ("lag.p99", "split.server.p95", "error_rate"):
        assert below_floor(floor(1000, metric, "<= 1 µs" if "." in metric else "<= 1 %")) == ""
    assert below_floor(floor(1000, "latency.p95", ">= 1 µs")) == ""


def test_without_a_floor_nothing_is_refused(floor: Callable[..., Run]) -> None:
    run = replace(floor(1000, "latency.max", "<= 1 µs"), parts={})
    assert floor_metrics(run) == ()
    assert below_floor(run) == ""
