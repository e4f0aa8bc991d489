"""Which version of the transport both sides speak."""

from functools import lru_cache

from asap.models.constants import (
    ASAP_DEFAULT_TRANSPORT_VERSION,
    ASAP_SUPPORTED_TRANSPORT_VERSIONS,
)

DEFAULT_VERSION = ASAP_DEFAULT_TRANSPORT_VERSION.encode()


@lru_cache(maxsize=128)
def negotiate(requested: bytes) -> bytes | None:
    """The first version of the client's list that is supported; the default if it lists none."""
    tokens = [token.strip() for token in requested.decode("latin-1").split(",")]
    if not any(tokens):
        return DEFAULT_VERSION
    for token in tokens:
        if token in ASAP_SUPPORTED_TRANSPORT_VERSIONS:
            return token.encode()
    return None
