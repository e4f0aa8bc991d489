"""Numbers and names fixed by the protocol; durations in seconds, sizes in bytes."""

from typing import Final

ASAP_PROTOCOL_VERSION: Final = "0.1"
ASAP_VERSION_HEADER: Final = "ASAP-Version"
ASAP_DEFAULT_TRANSPORT_VERSION: Final = "2.2"
ASAP_SUPPORTED_TRANSPORT_VERSIONS: Final = frozenset({"2.1", "2.2"})

DEFAULT_MANIFEST_TTL_SECONDS: Final = 300
DEFAULT_TIMEOUT_SECONDS: Final = 600
MAX_TASK_DEPTH: Final = 10
MAX_REQUEST_SIZE: Final = 10 * 1024 * 1024

MAX_ENVELOPE_AGE_SECONDS: Final = 300
MAX_FUTURE_TOLERANCE_SECONDS: Final = 30
NONCE_TTL_SECONDS: Final = 600

# Applied with re.match, whose `$` also matches before a trailing newline. Peers accept that
# newline, so this is part of the protocol.
AGENT_URN_PATTERN: Final = r"^urn:asap:agent:[a-z0-9-]+(?::[a-z0-9-]+)?$"
MAX_URN_LENGTH: Final = 256

SUPPORTED_AUTH_SCHEMES: Final = frozenset({"bearer", "basic"})

DEFAULT_BASE_DELAY: Final = 1.0
DEFAULT_MAX_DELAY: Final = 60.0
DEFAULT_CIRCUIT_BREAKER_THRESHOLD: Final = 5
DEFAULT_CIRCUIT_BREAKER_TIMEOUT: Final = 60.0
