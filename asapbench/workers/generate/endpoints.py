"""The exchange of each endpoint that an offer names."""

from __future__ import annotations

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asapbench.headers import expand_headers
from asapbench.offer import Offer
from asapbench.workers.generate.clock import Clock
from asapbench.workers.generate.exchange import Exchange
from asapbench.workers.generate.fetch import ManifestExchange, MetricsExchange
from asapbench.workers.generate.headers import common_headers
from asapbench.workers.generate.origin import Origin
from asapbench.workers.generate.refused import RefusedExchange
from asapbench.workers.generate.send import SendExchange


def exchanges_of(offer: Offer, origin: Origin, clock: Clock) -> list[Exchange]:
    """Prepare the exchanges, in the order of the offer's endpoints."""
    headers = common_headers(origin.authority, expand_headers(offer.headers))

    def exchange(name: str) -> Exchange:
        if name == "manifest":
            return ManifestExchange(origin.prefix + WELLKNOWN_MANIFEST_PATH, headers)
        if name == "metrics":
            return MetricsExchange(f"{origin.prefix}/asap/metrics", headers)
        if name == "refused":
            return RefusedExchange(f"{origin.prefix}/asap", headers)
        return SendExchange(offer, f"{origin.prefix}/asap", headers, clock)

    return [exchange(endpoint.name) for endpoint in offer.endpoints]
