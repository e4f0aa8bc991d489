"""What is counted, under the names that scrapers of ASAP agents know.

A server counts for itself (`ServerMetrics`), so two apps in a process do not mix. State transitions
and clients belong to no app: they are counted once for the process, and every app's exposition
includes them.

`prometheus_client` writes the expositions. Counting is done here: its own histogram takes four
locks and a search through the buckets, 5 % of all the time that a request takes.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER: Final = "other"

_LE: Final = (*map(str, BUCKETS), "+Inf")


class Counts(Collector):
    """A counter for each set of label values."""

    def __init__(self, name: str, documentation: str, *labels: str) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._lock = Lock()

    def add(self, *values: str) -> None:
        with self._lock:
            self._counts[values] += 1

    def collect(self) -> Iterator[Metric]:
        yield _counter(self._name, self._documentation, self._labels, dict(self._counts))


class Times:
    """The durations of one set of label values, in seconds."""

    def __init__(self) -> None:
        self._buckets = [0] * len(_LE)
        self._sum = 0.0
        self._lock = Lock()

    def observe(self, seconds: float) -> None:
        with self._lock:
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._sum += seconds

    @property
    def count(self) -> int:
        return sum(self._buckets)

    def cumulated(self) -> tuple[list[tuple[str, float]], float]:
        """How many took at most `le` seconds, for each `le`; and the sum of all."""
        with self._lock:
            return list(zip(_LE, map(float, accumulate(self._buckets)), strict=True)), self._sum


class Durations(Collector):
    """A histogram for each set of label values, and a counter of what was timed."""

    def __init__(self, name: str, counter: str, documentation: str, *labels: str) -> None:
        self._name, self._counter = name, counter
        self._documentation, self._labels = documentation, labels
        self._times: dict[tuple[str, ...], Times] = {}

    def of(self, *values: str) -> Times:
        return self._times.get(values) or self._times.setdefault(values, Times())

    def counts(self) -> dict[tuple[str, ...], int]:
        """How many there were, for each set of label values."""
        return {values: times.count for values, times in dict(self._times).items()}

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            self._name, f"{self._documentation}: seconds", labels=self._labels
        )
        for values, times in (dict(self._times) or {(): Times()}).items():
            family.add_metric(values, *times.cumulated())
        yield family
        yield _counter(self._counter, self._documentation, self._labels, self.counts())


def _counter(
    name: str, documentation: str, labels: Sequence[str], counts: Mapping[tuple[str, ...], int]
) -> Metric:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in (counts or {(): 0}).items():
        family.add_metric(values, count)
    return family


_state_transitions = Counts(
    "asap_state_transitions", "State transitions of tasks", "from_status", "to_status"
)
_sends = Durations(
    "asap_transport_send_duration_seconds",
    "asap_transport_send",
    "Envelopes that clients sent",
    "status",
)
_send_errors = Counts("asap_transport_send_errors", "Envelopes that clients gave up", "reason")
_retries = Counts("asap_transport_retries", "Further attempts of clients")

PROCESS: Final = CollectorRegistry()
for _collector in (_state_transitions, _sends, _send_errors, _retries):
    PROCESS.register(_collector)


def count_state_transition(from_status: str, to_status: str) -> None:
    _state_transitions.add(from_status, to_status)


def count_send(seconds: float) -> None:
    """A client's envelope was answered."""
    _sends.of("success").observe(seconds)


def count_send_error(error: BaseException, seconds: float) -> None:
    """A client gave an envelope up."""
    _sends.of("error").observe(seconds)
    _send_errors.add(type(error).__name__)


def count_retry() -> None:
    _retries.add()


class PayloadMetrics:
    """The series of one payload type, looked up once for all requests of that type."""

    def __init__(self, metrics: "ServerMetrics", payload_type: str) -> None:
        self.request_succeeded = metrics.requests.of(payload_type, "success").observe
        self.handler_ran = metrics.handlers.of(payload_type).observe


class ServerMetrics(Collector):
    """What one app counts; durations are in seconds."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._by_payload_type: dict[str, PayloadMetrics] = {}
        self.requests = Durations(
            "asap_request_duration_seconds", "asap_requests", "Requests", "payload_type", "status"
        )
        self.handlers = Durations(
            "asap_handler_duration_seconds",
            "asap_handler_executions",
            "Handler calls",
            "payload_type",
        )
        self._errors = Counts(
            "asap_requests_error", "Requests refused", "error_type", "payload_type"
        )
        self._handler_errors = Counts(
            "asap_handler_errors", "Handler calls that raised", "payload_type"
        )
        self._validation_errors = Counts(
            "asap_validation_errors", "Requests with invalid params", "reason"
        )
        self._refusals = {
            "parse_error": Counts("asap_parse_errors", "Bodies that are not JSON"),
            "auth_failed": Counts("asap_auth_failures", "Requests without a valid token"),
            "sender_mismatch": Counts("asap_sender_mismatch", "Senders without their token"),
            "invalid_timestamp": Counts("asap_invalid_timestamp", "Envelopes out of time"),
            "invalid_nonce": Counts("asap_invalid_nonce", "Malformed or repeated nonces"),
        }

    def of(self, payload_type: str) -> PayloadMetrics:
        """The series of a payload type. It must be one of few: each stays for good."""
        found = self._by_payload_type.get(payload_type)
        if found is None:
            found = self._by_payload_type[payload_type] = PayloadMetrics(self, payload_type)
        return found

    def request_failed(self, error_type: str, payload_type: str, seconds: float) -> None:
        self.requests.of(payload_type, "error").observe(seconds)
        self._errors.add(error_type, payload_type)
        if error_type in self._refusals:
            self._refusals[error_type].add()
        if error_type in {"invalid_envelope", "missing_envelope", "invalid_params"}:
            self._validation_errors.add(error_type)

    def handler_failed(self, payload_type: str) -> None:
        self._handler_errors.add(payload_type)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type: Prometheus' text format, or OpenMetrics where `accept` asks."""
        if "application/openmetrics-text" in accept:
            body: bytes = openmetrics.generate_latest(self)  # type: ignore[no-untyped-call] # the library left it untyped
            return body, openmetrics.CONTENT_TYPE_LATEST
        return generate_latest(self), CONTENT_TYPE_PLAIN_0_0_4

    def collect(self) -> Iterator[Metric]:
        """All families of metrics, those of the process among them."""
        yield from self.requests.collect()
        yield self._successes()
        yield from self.handlers.collect()
        for counts in (
            self._errors,
            self._validation_errors,
            self._handler_errors,
            *self._refusals.values(),
        ):
            yield from counts.collect()
        yield from PROCESS.collect()
        yield self._uptime()

    def _successes(self) -> Metric:
        requests = self.requests.counts()
        successes = {key[:1]: count for key, count in requests.items() if key[1] == "success"}
        return _counter("asap_requests_success", "Requests answered", ["payload_type"], successes)

    def _uptime(self) -> Metric:
        uptime = round(time.monotonic() - self._started, 3)
        return GaugeMetricFamily("asap_process_uptime_seconds", "Time since the start", uptime)
