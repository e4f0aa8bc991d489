"""Errors that only a client meets."""

from asap.errors import FatalError


class ProtocolCorrelationError(FatalError):
    """A reply answers another request than the one that was sent."""

    def __init__(self, request_id: str | None, correlation_id: str | None) -> None:
        super().__init__(
            "asap:protocol/malformed_envelope",
            f"correlation_id mismatch: expected {request_id!r}, got {correlation_id!r}",
            {"request_id": request_id, "correlation_id": correlation_id},
            rpc_code=-32001,
        )
        self.request_id = request_id
        self.correlation_id = correlation_id
