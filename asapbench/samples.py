"""Requests as arrays, and the metrics that every loading bench derives from them.

docs/terminology.md defines latency, service time and lag. Latency is that of the requests that
were served, and of those that waited in vain: a timeout, or a request still open at the end,
counts with the time it has waited. A refusal that comes fast is an error and never a latency.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from asapbench import shapes, stats
from asapbench.model import Labels, Measurement, Metric, Run, Window
from asapbench.offer import REQUESTS, Flag, Outcome
from asapbench.stats import CONFIDENCE, Array, Estimate, Sample

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.integer]
Timed = tuple[Array, Array]  # values, and the time of each

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
SUMMARIES = (*PERCENTILES, "min", "mean", "max")
SPLIT = ("waiting", "network", "server", "reading")
SPLIT_PERCENTILES = ("p50", "p95")


@dataclass(frozen=True)
class Rows:
    """Some requests; all arrays have one length, times are in seconds."""

    planned: Array
    sent: Array
    done: Array
    code: Codes
    endpoint: Codes
    outcome: Codes
    flags: Codes
    arrived: Array
    departed: Array
    user: Codes

    def where(self, chosen: Mask | Codes) -> Rows:
        """Those that a mask, or their positions, select."""
        return Rows(*(getattr(self, name)[chosen] for name in _COLUMNS))

    @property
    def open(self) -> Mask:
        """Those without an answer when the load ended."""
        return _has(self.flags, Flag.CENSORED)

    @property
    def served(self) -> Mask:
        """Those that got what they asked for."""
        return _is(self.outcome, Outcome.OK) & ~self.open

    @property
    def failed(self) -> Mask:
        """Those that ended, and not well."""
        return ~_is(self.outcome, Outcome.OK) & ~self.open

    @property
    def refused(self) -> Mask:
        """Those that got another answer than they asked for, and not because the load is too much.

        A gateway that gets no answer, and a server that has to turn requests away, say so by 502 to
        504.
        """
        answer = np.isin(self.outcome, _ANSWERS) & ~self.open
        return answer & ~(_is(self.outcome, Outcome.HTTP_5XX) & np.isin(self.code, _OVERLOAD))

    @property
    def waited(self) -> Mask:
        """Those whose connection was busy at the planned time."""
        return _has(self.flags, Flag.WAITED) | np.isnan(self.sent)

    def latency(self) -> Array:
        """As the user sees it, sorted; of those served and those that waited in vain."""
        return _sorted(self._latency()[0])

    def service_time(self) -> Array:
        """From sent to done, sorted."""
        return _sorted(self._service_time()[0])

    def lag(self) -> Array:
        """How late idle connections were used, sorted: the generator's doing."""
        return _sorted(self._lag()[0])

    def waits(self) -> tuple[Array, Array]:
        """When those that have a latency were planned, and that latency; in no order."""
        latency, since = self._latency()
        return since, latency

    def sample(self, time: str) -> Sample:
        """One of the three, each value with the time it counts from."""
        return stats.sample(*_TIMES[time](self))

    def _latency(self) -> Timed:
        since = np.where(self.waited, self.planned, self.sent)
        return (self.done - since)[self._timed], since[self._timed]

    def _service_time(self) -> Timed:
        chosen = self._timed & ~np.isnan(self.sent)
        return (self.done - self.sent)[chosen], self.sent[chosen]

    def _lag(self) -> Timed:
        chosen = ~self.waited
        return (self.sent - self.planned)[chosen], self.planned[chosen]

    @property
    def _timed(self) -> Mask:
        return self.served | self.open | _is(self.outcome, Outcome.TIMEOUT)


_ANSWERS = [
    Outcome.HTTP_4XX,
    Outcome.HTTP_5XX,
    Outcome.RPC_ERROR,
    Outcome.INVALID,
    Outcome.MISMATCH,
    Outcome.TASK_FAILED,
]
_OVERLOAD = [502, 503, 504]
RARE = 0.99  # the percentile that has to be known for bounds of a mean: slow answers are rare
_PATIENCE = 2.0  # times what 99 % of the answers took at most
_COLUMNS = tuple(field.name for field in fields(Rows))
_TIMES = {"latency": Rows._latency, "service_time": Rows._service_time, "lag": Rows._lag}


@dataclass(frozen=True)
class Requests(Rows):
    """The requests planned within a window, and those that ended in it, whenever planned.

    The two differ where the server has a backlog: what it answers first was planned before.
    `overdue` are those planned in it that may never be answered.
    """

    window: Window
    ended: Rows
    overdue: Mask

    def of(self, endpoint: int) -> Requests:
        """Those of one endpoint."""
        own = self.endpoint == endpoint
        ended = self.ended.where(self.ended.endpoint == endpoint)
        return _requests(self.where(own), self.window, ended, self.overdue[own])


def requests_in(run: Run, window: Window) -> Requests:
    """The requests of a run that belong to a window."""
    return within(rows_of(run), window)


def rows_of(run: Run) -> Rows:
    """All requests of a run that are written down."""
    tables = run.tables(REQUESTS.name)
    return Rows(*(_joined(tables, name) for name in _COLUMNS))


def within(rows: Rows, window: Window) -> Requests:
    """Those of some requests that belong to a window."""
    planned = (rows.planned >= window.start) & (rows.planned < window.end)
    ended = (rows.done >= window.start) & (rows.done < window.end) & ~rows.open
    return _requests(rows.where(planned), window, rows.where(ended), _overdue(rows)[planned])


def longest_answer(rows: Rows) -> float:
    """How long answers take at most, with some room; 0 where there is none."""
    took = (rows.done - rows.sent)[rows.served]
    return _PATIENCE * float(np.quantile(took, 0.99)) if len(took) else 0.0


def metric_units(endpoints: Sequence[str], *, paced: bool) -> dict[str, str]:
    """The metrics that `request_metrics` can give, and their units."""
    times = ("latency", "service_time", "lag") if paced else ("latency", "service_time")
    names = {f"{time}.{summary}": "s" for time in times for summary in SUMMARIES}
    names |= {"throughput": "req/s", "error_rate": "ratio"}
    labels: list[Labels] = [{}, *({"endpoint": name} for name in endpoints)]
    return {_key(name, label): unit for label in labels for name, unit in names.items()}


def request_metrics(
    requests: Requests,
    endpoints: Sequence[str],
    *,
    paced: bool,
    confidence: float = CONFIDENCE,
) -> Iterator[Metric]:
    """Latency, service time, lag, throughput and error rate, in total and by endpoint."""
    times = ("latency", "service_time", "lag") if paced else ("latency", "service_time")
    yield from _metrics(requests, times, {}, confidence)
    for index, name in enumerate(endpoints):
        yield from _metrics(requests.of(index), times, {"endpoint": name}, confidence)


def split_units(endpoints: Sequence[str]) -> dict[str, str]:
    """The metrics that `split_metrics` can give, and their units."""
    labels: list[Labels] = [{}, *({"endpoint": name} for name in endpoints)]
    names = [f"split.{part}.{summary}" for part in SPLIT for summary in SPLIT_PERCENTILES]
    return {_key(name, label): "s" for label in labels for name in names}


def split_metrics(
    requests: Requests, endpoints: Sequence[str], confidence: float = CONFIDENCE
) -> Iterator[Metric]:
    """Where the time of a served request goes, in total and by endpoint.

    Request by request the parts add up to the latency; their percentiles do not. Nothing where the
    server does not tell when a request arrived.
    """
    yield from _split(requests, {}, confidence)
    for index, name in enumerate(endpoints):
        yield from _split(requests.of(index), {"endpoint": name}, confidence)


def failures_by_kind(
    requests: Requests, endpoints: Sequence[str], examples: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Failed requests counted by endpoint, kind and code, the most frequent first.

    `examples` are the first failures that the generators told; their text says what was seen.
    """
    failed = requests.where(requests.failed)
    kinds = Counter(
        zip(failed.endpoint.tolist(), failed.outcome.tolist(), failed.code.tolist(), strict=True)
    )
    seen = {
        (first["endpoint"], first["outcome"].lower(), first["code"]): first["text"]
        for first in examples
    }
    return [
        {
            "endpoint": endpoints[endpoint],
            "kind": (kind := Outcome(outcome).name.lower()),
            "code": code,
            "count": count,
            "first": seen.get((endpoints[endpoint], kind, code), ""),
        }
        for (endpoint, outcome, code), count in kinds.most_common()
    ]


def per_second(requests: Requests) -> list[dict[str, Any]]:
    """What each whole second of the window served, by the time of the answer."""
    start, end = requests.window.start, requests.window.end
    # the length of a window is the difference of two clock readings: 60 may be 59.999999999
    seconds = np.arange(int(end - start + 1e-6) + 1)
    order = np.argsort(requests.ended.done)
    borders = np.searchsorted(requests.ended.done[order], start + seconds)
    return [
        {"second": second, **_second(requests.ended.where(order[first:last]))}
        for second, (first, last) in enumerate(pairwise(borders), start=1)
    ]


def latency_shapes(requests: Requests, endpoints: Sequence[str]) -> dict[str, Any]:
    """The percentile curve of latency by endpoint, for all of them too if several; a histogram."""
    found = {name: requests.of(index).latency() for index, name in enumerate(endpoints)}
    places = [(name, latency) for name, latency in found.items() if len(latency)]
    if len(places) > 1:
        places.append(("all", requests.latency()))
    return {
        "percentiles": [
            {"endpoint": name, **shapes.percentile_curve(latency)} for name, latency in places
        ],
        "histogram": shapes.histogram(found),
    }


def _metrics(
    requests: Requests, times: Iterable[str], labels: Labels, confidence: float
) -> Iterator[Metric]:
    for time in times:
        yield from _summaries(time, requests.sample(time), labels, confidence)
    window = requests.window
    if len(requests.planned) and window.end > window.start:
        answers = requests.ended.done[requests.ended.served]
        rate = stats.rate(answers, window.start, window.end, confidence)
        if "lag" in times:  # there is a plan
            offered = len(requests.planned) / (window.end - window.start)
            rate = replace(rate, high=min(rate.high, max(rate.value, offered)))
        yield _metric("throughput", "req/s", rate, labels, confidence)
    ended = requests.served | requests.failed
    if ended.any():
        errors = stats.proportion(requests.failed[ended], requests.planned[ended], confidence)
        overdue = int(requests.overdue.sum())
        yield _metric("error_rate", "ratio", _at_worst(errors, overdue), labels, confidence)


def _at_worst(errors: Estimate, overdue: int) -> Estimate:
    """Bounded above as if all that are overdue had failed (Manski 1989): nobody knows better."""
    high = (errors.high * errors.n + overdue) / (errors.n + overdue)
    return replace(errors, high=high)


def _split(requests: Requests, labels: Labels, confidence: float) -> Iterator[Metric]:
    rows = requests.where(requests.served & ~np.isnan(requests.arrived))
    parts = (
        np.where(rows.waited, rows.sent - rows.planned, 0.0),
        rows.arrived - rows.sent,
        rows.departed - rows.arrived,
        rows.done - rows.departed,
    )
    for name, times in zip(SPLIT, parts, strict=True):
        found = stats.sample(times, rows.planned)
        for percentile in SPLIT_PERCENTILES:
            estimate = stats.percentile(found, PERCENTILES[percentile], confidence)
            if estimate:
                yield _metric(f"split.{name}.{percentile}", "s", estimate, labels, confidence)


def _second(rows: Rows) -> dict[str, Any]:
    latency = rows.latency()
    percentiles = {f"latency.{name}": q for name, q in PERCENTILES.items() if q < 0.999}
    return {
        "requests": int(rows.served.sum()),
        "failures": int(rows.failed.sum()),
        **{
            name: float(np.quantile(latency, q)) if len(latency) else None
            for name, q in percentiles.items()
        },
    }


def _summaries(name: str, sample: Sample, labels: Labels, confidence: float) -> Iterator[Metric]:
    for percentile, q in PERCENTILES.items():
        estimate = stats.percentile(sample, q, confidence)
        if estimate:
            yield _metric(f"{name}.{percentile}", "s", estimate, labels, confidence)
    n = len(sample)
    if not n:
        return
    least, most = float(sample.values[0]), float(sample.values[-1])
    yield Metric(name=f"{name}.min", unit="s", value=least, n=n, labels=labels)
    mean = stats.mean(sample, confidence, stats.needed(RARE, confidence))
    yield _metric(f"{name}.mean", "s", mean, labels, confidence)
    yield Metric(name=f"{name}.max", unit="s", value=most, n=n, labels=labels)


def _metric(name: str, unit: str, estimate: Estimate, labels: Labels, confidence: float) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        confidence=confidence,
        labels=labels,
    )


def _key(name: str, labels: Labels) -> str:
    return Metric(name=name, unit="", value=0.0, labels=labels).key


def _requests(planned: Rows, window: Window, ended: Rows, overdue: Mask) -> Requests:
    columns = {name: getattr(planned, name) for name in _COLUMNS}
    return Requests(**columns, window=window, ended=ended, overdue=overdue)


def _overdue(rows: Rows) -> Mask:
    """Those still open that nothing speaks for: open for longer than answers take, or owed behind.

    How long that is, the answered ones tell: a server that takes its time is not one that hangs.
    What a user owes is only late, as long as that user gets answers.
    """
    waits = rows.open
    if not waits.any():
        return waits
    hangs = waits & (rows.done - rows.sent > longest_answer(rows))
    served = np.isin(rows.user, rows.user[~waits]) & ~np.isin(rows.user, rows.user[hangs])
    return hangs | (waits & np.isnan(rows.sent) & ~served)


def _joined(tables: Sequence[Measurement], name: str) -> Any:
    if not tables:
        return np.empty(0, int)
    return np.concatenate([table.columns[name] for table in tables])


def _is(codes: Codes, outcome: Outcome) -> Mask:
    same: Mask = codes == outcome.value
    return same


def _has(flags: Codes, flag: Flag) -> Mask:
    return (flags & flag.value) > 0


def _sorted(values: Array) -> Array:
    return np.sort(values)
