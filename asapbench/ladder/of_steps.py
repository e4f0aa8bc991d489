"""The metrics of each step, to be judged by its number, with the intervals of its samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asapbench.ladder.observe import Z
from asapbench.ladder.rung import Rung
from asapbench.model import Labels, Metric, Run
from asapbench.samples import Requests, request_metrics, rows_of, within
from asapbench.usage import cpu_and_memory

OF_A_STEP = {
    "offered": "req/s",
    "throughput": "req/s",
    "delivered": "ratio",
    "queue_growth": "ratio",
    "error_rate": "ratio",
    "latency.p50": "s",
    "latency.p95": "s",
    "latency.p99": "s",
    "in_flight": "count",
    "server.cpu": "cores",
    "server.rss": "B",
}
_WITHIN = 0.975  # the confidence of each bound that is Z standard errors away


def step_metrics(run: Run, rungs: Sequence[Rung], good: Rung | None) -> Iterator[Metric]:
    """Those of each step, by its number, and those of the last good one without a label.

    What too few samples say nothing of is left out, so that it is no verdict.
    """
    windows, rows = {window.name: window for window in run.story.windows}, rows_of(run)
    for rung in rungs:
        window = windows.get(f"step-{rung.step}")
        if window is None or window.end <= window.start:
            continue
        for metric in _of(run, rung, within(rows, window)):
            yield _labelled(metric, {"step": str(rung.step)})
            if good is not None and rung.step == good.step:
                yield metric


def _labelled(metric: Metric, labels: Labels) -> Metric:
    return metric.model_copy(update={"labels": labels})


def _of(run: Run, rung: Rung, requests: Requests) -> Iterator[Metric]:
    paced = rung.offered is not None
    measured = (
        *request_metrics(requests, (), paced=paced),
        *cpu_and_memory(run, requests.window),
        *_of_the_load(rung, requests),
    )
    yield from (metric for metric in measured if metric.name in OF_A_STEP)


def _of_the_load(rung: Rung, requests: Requests) -> Iterator[Metric]:
    n = len(requests.planned)
    points = {"offered": rung.offered, "delivered": rung.delivered, "in_flight": rung.in_flight}
    for name, value in points.items():
        if value is not None:
            yield Metric(name=name, unit=OF_A_STEP[name], value=value, n=n)
    if rung.growth is not None and rung.growth_error is not None:
        reach = Z * rung.growth_error
        yield Metric(
            name="queue_growth",
            unit="ratio",
            value=rung.growth,
            low=rung.growth - reach,
            high=rung.growth + reach,
            n=n,
            confidence=_WITHIN,
        )
