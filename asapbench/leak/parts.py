"""The parts of an agent that are measured by themselves."""

from __future__ import annotations

LIVE = "live_envelopes"
LIVE_COUNT = 10_000

# operations a cycle
PARTS: dict[str, int] = {
    "envelope_creation": 4000,
    "serialization": 8000,
    "deserialization": 4000,
    "jsonrpc": 4000,
    "client_send": 500,
    "server_request": 2000,
}
