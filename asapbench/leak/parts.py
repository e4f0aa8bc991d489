"""The parts of an agent that are measured by themselves."""

from __future__ import annotations

LIVE = "live_envelopes"
LIVE_COUNT = 10_000

# operations a cycle
PARTS: dict[str, int] = {
    "envelope_creation": 2000,
    "serialization": 4000,
    "deserialization": 2000,
    "jsonrpc": 2000,
    "client_send": 250,
    "server_request": 1000,
}
