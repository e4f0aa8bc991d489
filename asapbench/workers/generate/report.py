"""Requests told to locust's statistics, where its page is looked at, instead of written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asapbench.headers import conceal
from asapbench.offer import Flag, Offer, Outcome
from asapbench.workers.generate.exchange import Exchange
from asapbench.workers.generate.failure import Failure
from asapbench.workers.generate.records import Records
from asapbench.workers.generate.scene import Scene

Fire = Callable[..., None]  # locust's event of a request

_NAMES = {
    "asap": ("POST", "/asap"),
    "manifest": ("GET", WELLKNOWN_MANIFEST_PATH),
    "metrics": ("GET", "/asap/metrics"),
}


def report_to(fire: Fire, scene: Scene, offer: Offer) -> None:
    """Let all requests of a scene be reported instead of recorded."""
    reports = Reports(fire, offer)
    scene.records = reports
    scene.exchanges = [_Measured(exchange, reports) for exchange in scene.exchanges]


class Reports(Records):
    """Each request as it ends; what was cut off or never sent is none.

    Failures of one kind have one text, that of the first: else each would be a row on the page.
    """

    def __init__(self, fire: Fire, offer: Offer) -> None:
        names = [endpoint.name for endpoint in offer.endpoints]
        super().__init__(self._take, names, lambda _: None)
        self.size = 0  # of the answer that is being taken
        self._fire = fire
        self._kinds = [_NAMES[name] for name in names]
        self._secrets = offer.headers
        self._texts: dict[tuple[int, int, int], str] = {}
        self._latency = 0.0

    def failed(self, endpoint: int, failure: Failure) -> None:
        """Report the failure whose row was taken just now."""
        kind = (endpoint, failure.outcome, failure.code)
        text = self._texts.setdefault(kind, conceal(failure.text, self._secrets))
        self._report(endpoint, text)

    def _take(
        self,
        planned: float,
        sent: float,
        done: float,
        _code: int,
        _user: int,
        endpoint: int,
        outcome: int,
        flags: int,
        *_split: float,
    ) -> None:
        if flags & Flag.CENSORED:
            return
        self._latency = done - (planned if flags & Flag.WAITED else sent)
        if outcome == Outcome.OK:
            self._report(endpoint, None)

    def _report(self, endpoint: int, exception: str | None) -> None:
        method, name = self._kinds[endpoint]
        self._fire(
            request_type=method,
            name=name,
            response_time=self._latency * 1e3,  # locust counts milliseconds
            response_length=self.size,
            exception=exception,
        )
        self.size = 0


class _Measured:
    """An exchange that says how long its answers were: a row does not."""

    def __init__(self, exchange: Exchange, reports: Reports) -> None:
        self._exchange = exchange
        self._reports = reports
        self.request = exchange.request

    def check(self, number: int, body: bytes) -> Any:
        self._reports.size = len(body)
        return self._exchange.check(number, body)
