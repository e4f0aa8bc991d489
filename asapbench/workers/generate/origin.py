"""Where the requests go: the server's addresses, looked up once, and how to name it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from socket import SOCK_STREAM
from urllib.parse import urlsplit

from gevent.monkey import get_original

_getaddrinfo = get_original("socket", "getaddrinfo")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """A server; its addresses are (family, address) as `socket` takes them, the best one first."""

    host: str
    authority: str
    prefix: str
    addresses: tuple[tuple[int, tuple[str, int]], ...]
    tls: ssl.SSLContext | None


def origin_of(url: str, verify_tls: bool) -> Origin:
    """Look up the server of a URL.

    Raises ValueError for a URL that is none, OSError for a host that is not found.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("the URL must be http://HOST[:PORT][/PATH] or https://…, without a user")
    port = parts.port or _PORTS[parts.scheme]
    try:
        found = _getaddrinfo(parts.hostname, port, type=SOCK_STREAM)
    except OSError as error:
        raise OSError(f"the host {parts.hostname} is not found: {error.strerror}") from error
    return Origin(
        host=parts.hostname,
        authority=parts.netloc,
        prefix=parts.path.rstrip("/"),
        addresses=tuple((family, address) for family, _, _, _, address in found),
        tls=_client_context(verify_tls) if parts.scheme == "https" else None,
    )


def _client_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
