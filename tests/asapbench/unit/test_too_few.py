"""What a verdict lacks is told in numbers: how many samples there were, and how many it takes."""

from collections.abc import Callable

import pytest

from asapbench.commands.load import BENCH, LoadPlan
from asapbench.conclusion import conclude
from asapbench.model import Run, Target, Verdict, Window

MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]


@pytest.fixture
def verdict(make_run: MakeRun, row: MakeRow) -> Callable[..., Verdict]:
    """On one metric, of so many requests of a millisecond, at one look."""

    def find(metric: str, limit: str, requests: int) -> Verdict:
        rows = [row(100 + k / 10) for k in range(requests)]
        window = Window(name="measured", start=100.0, end=100 + requests / 10)
        plan = LoadPlan(users=1, rps=10, duration=window.end - 100, extend=1).stored()
        targets = (Target(metric=metric, limit=limit),)
        run = make_run(rows, plan=plan, targets=targets, windows=(window,))
        (found,) = conclude(BENCH, run).verdicts
        return found

    return find


@pytest.mark.parametrize(
    ("metric", "there", "needed"),
    [
        ("latency.p95", 129, "130"),
        ('service_time.p99{endpoint="asap"}', 75, "662"),
        ("latency.p99.9", 700, "6,636"),
        ('latency.p95{endpoint="manifest"}', 0, "130"),
    ],
)
def test_a_percentile_that_is_not_given_says_how_many_samples_it_takes(
    verdict: Callable[..., Verdict], metric: str, there: int, needed: str
) -> None:
    found = verdict(metric, "<= 5 ms", there or 10)
    summary = metric.partition("{")[0].partition(".")[2]
    assert found.outcome == "invalid"
    assert found.reason == f"too few samples: {there}, and {summary} takes {needed}"


def test_a_mean_of_a_short_run_has_no_bounds_and_never_passes(
    verdict: Callable[..., Verdict],
) -> None:
    found = verdict("latency.mean", "<= 5 ms", 75)
    assert found.outcome == "inconclusive"
    assert "too few samples: 75, and bounds of a mean take 662" in found.reason


@pytest.mark.parametrize("metric", ["latency.p95", "latency.mean", "latency.max", "error_rate"])
def test_where_there_are_enough_nothing_is_said(
    verdict: Callable[..., Verdict], metric: str
) -> None:
    limit = "<= 5 %" if metric == "error_rate" else "<= 5 ms"
    found = verdict(metric, limit, 662)
    assert (found.outcome, found.remark) == ("pass", "")
