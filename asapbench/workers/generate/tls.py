"""TLS between the bytes of a socket and those of HTTP, without waiting for either."""

from __future__ import annotations

from ssl import MemoryBIO, SSLContext, SSLWantReadError

_CHUNK = 1 << 16


class Tls:
    """The client's end of one TLS connection. Errors are `ssl.SSLError`."""

    def __init__(self, context: SSLContext, host: str) -> None:
        self._received, self._to_send = MemoryBIO(), MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)
        self.ready = False
        self.ended = False

    def shake(self, data: memoryview | bytes = b"") -> bytes:
        """Take the handshake further with what was received; return what to send."""
        self._received.write(data)
        try:
            self._tls.do_handshake()
            self.ready = True
        except SSLWantReadError:
            pass
        return self._to_send.read()

    def seal(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._to_send.read()

    def unseal(self, data: memoryview | bytes) -> bytes:
        """Decrypt what was received; `ended` tells that the peer will send no more."""
        self._received.write(data)
        parts = []
        try:
            while part := self._tls.read(_CHUNK):
                parts.append(part)
            self.ended = True
        except SSLWantReadError:
            pass
        return b"".join(parts)
