"""The exchanges that fetch: the manifest and the metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping

from asap.models import Manifest
from asapbench.offer import Outcome
from asapbench.workers.generate.failure import Failure, excerpt
from asapbench.workers.generate.headers import head

# Text exposition line by line: comments, and samples of a name, labels, a value, a time. The
# quantifiers are possessive: a body of another kind fails at its first wrong line, at once.
_EXPOSITION = re.compile(
    rb"(?:(?:#[^\n]*+|[a-zA-Z_:][\w:]*+(?:\{[^\n]*\})?+[ \t]++[^\s]++(?:[ \t]++[^\n]++)?+|)\n)++"
)
_REQUESTS_TOTAL = b"asap_requests_total"


class ManifestExchange:
    """Fetches the manifest. One that was found valid is not read again byte for byte the same."""

    def __init__(self, target: str, headers: Mapping[str, str]) -> None:
        self._request = head("GET", target, headers)
        self._valid = b""

    def request(self, _number: int) -> bytes:
        return self._request

    def check(self, _number: int, body: bytes) -> Failure | None:
        if body == self._valid:
            return None
        try:
            Manifest.model_validate_json(body)
        except Exception as error:  # ASAP has a model raise more than ValidationError
            why = type(error).__name__
            return Failure(Outcome.INVALID, 200, f"no manifest ({why}): {excerpt(body)}")
        self._valid = body
        return None


class MetricsExchange:
    """Fetches the metrics, which must be text exposition with `asap_requests_total` in it."""

    def __init__(self, target: str, headers: Mapping[str, str]) -> None:
        self._request = head("GET", target, headers)

    def request(self, _number: int) -> bytes:
        return self._request

    def check(self, _number: int, body: bytes) -> Failure | None:
        if _REQUESTS_TOTAL in body and _EXPOSITION.fullmatch(body):
            return None
        return Failure(Outcome.INVALID, 200, f"no metrics: {excerpt(body)}")
