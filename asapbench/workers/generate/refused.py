"""The exchange of calls that a server has to refuse: leaks live on the paths of errors too."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import from_json

from asap.models.constants import ASAP_VERSION_HEADER
from asapbench.offer import Outcome
from asapbench.workers.generate.failure import Failure, excerpt
from asapbench.workers.generate.headers import head, merge

_JSON = {"Content-Type": "application/json", ASAP_VERSION_HEADER: "2.2"}
# %d is the request's number, 16 digits long
_BODIES = (
    b'{"jsonrpc":"2.0","method":"asap.none","params":{},"id":"req-%d"}',  # method not found
    b'{"jsonrpc":"2.0","method":"asap.send","params":{"envelope":{}},"id":"req-%d"}',  # no envelope
    b'{"jsonrpc":"2.0","method":"asap.send","id":"req-%d"',  # no JSON
)


class RefusedExchange:
    """Writes calls with a mistake, of each kind in turn; right is an answer with an error."""

    def __init__(self, target: str, headers: Mapping[str, str]) -> None:
        lengths = [len(body % 10**15) for body in _BODIES]
        fields = [merge(_JSON, headers) | {"Content-Length": str(length)} for length in lengths]
        self._heads = [head("POST", target, each) for each in fields]

    def request(self, number: int) -> bytes:
        kind = number % len(_BODIES)
        return self._heads[kind] + _BODIES[kind] % number

    def check(self, _number: int, body: bytes) -> Failure | None:
        try:
            reply = from_json(body)
        except ValueError:
            return Failure(Outcome.INVALID, 200, f"no JSON: {excerpt(body)}")
        if isinstance(reply, dict) and isinstance(reply.get("error"), dict):
            return None
        return Failure(
            Outcome.INVALID, 200, f"a call with a mistake was not refused: {excerpt(body)}"
        )
