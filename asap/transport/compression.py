"""Compression of request bodies, and decompression that a bomb cannot exhaust."""

from __future__ import annotations

import gzip
import importlib.util
import io
import sys
import zlib
from collections.abc import Iterator
from enum import Enum
from functools import partial

COMPRESSION_THRESHOLD = 1024
GZIP_COMPRESSION_LEVEL = 6
BROTLI_QUALITY = 4

_CHUNK = 64 * 1024
_UNLIMITED = sys.maxsize


class CompressionAlgorithm(str, Enum):  # noqa: UP042 (StrEnum would change what str() gives)
    """A content coding; the value is its name in `Content-Encoding`."""

    GZIP = "gzip"
    BROTLI = "br"
    IDENTITY = "identity"


class DecompressionTooLarge(ValueError):
    """Inflating passed `limit` bytes and was stopped there."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"decompressed size exceeds {limit} bytes")
        self.limit = limit


def is_brotli_available() -> bool:
    """Whether there is a brotli that inflates piece by piece, as 1.2 and later do."""
    if importlib.util.find_spec("brotli") is None:
        return False
    import brotli

    return hasattr(brotli.Decompressor, "can_accept_more_data")


def compress_gzip(data: bytes) -> bytes:
    # mtime=0: equal input gives equal output, whatever the clock says
    return gzip.compress(data, compresslevel=GZIP_COMPRESSION_LEVEL, mtime=0)


def decompress_gzip(data: bytes) -> bytes:
    """Raises OSError for corrupt data, EOFError for truncated data."""
    return b"".join(_gzip_chunks(data))


def compress_brotli(data: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(data, quality=BROTLI_QUALITY))


def decompress_brotli(data: bytes) -> bytes:
    """Raises OSError for corrupt or truncated data."""
    return b"".join(_brotli_chunks(data))


def compress_payload(
    data: bytes,
    preferred_algorithm: CompressionAlgorithm | None = None,
    threshold: int = COMPRESSION_THRESHOLD,
    prefer_fast_compression: bool = False,
) -> tuple[bytes, CompressionAlgorithm]:
    """The body to send and its coding: IDENTITY wherever compressing would not make it smaller."""
    algorithm = _choose_algorithm(preferred_algorithm, prefer_fast_compression)
    if len(data) < threshold or algorithm is CompressionAlgorithm.IDENTITY:
        return data, CompressionAlgorithm.IDENTITY
    compress = compress_brotli if algorithm is CompressionAlgorithm.BROTLI else compress_gzip
    try:
        compressed = compress(data)
    except Exception:
        # Compression only saves bytes; a request goes out uncompressed rather than not at all.
        return data, CompressionAlgorithm.IDENTITY
    if len(compressed) >= len(data):
        return data, CompressionAlgorithm.IDENTITY
    return compressed, algorithm


def decompress_payload(data: bytes, encoding: str) -> bytes:
    """Raises ValueError for an unknown encoding, OSError or EOFError for corrupt data."""
    return decompress_limited(data, encoding, _UNLIMITED)


def decompress_limited(data: bytes, encoding: str, limit: int) -> bytes:
    """Like decompress_payload, but raises DecompressionTooLarge once the output passes `limit`.

    What is inflated never passes `limit` by more than a chunk, however far the data would go.
    """
    return _join_within(limit, _chunks(data, encoding.strip().lower()))


def get_supported_encodings() -> list[str]:
    return ["br", "gzip"] if is_brotli_available() else ["gzip"]


def get_accept_encoding_header() -> str:
    return ", ".join([*get_supported_encodings(), "identity"])


def select_best_encoding(accept_encoding: str | None) -> CompressionAlgorithm:
    """The supported coding with the highest `q` in an `Accept-Encoding`; the first one on a tie."""
    known = {*get_supported_encodings(), "identity"}
    offers = [_parse_offer(item) for item in (accept_encoding or "").lower().split(",")]
    usable = [offer for offer in offers if offer[0] in known]
    if not usable:
        return CompressionAlgorithm.IDENTITY
    name, _ = max(usable, key=lambda offer: offer[1])
    return CompressionAlgorithm(name)


def _choose_algorithm(
    preferred: CompressionAlgorithm | None, prefer_fast: bool
) -> CompressionAlgorithm:
    if preferred is None:
        preferred = CompressionAlgorithm.GZIP if prefer_fast else CompressionAlgorithm.BROTLI
    if preferred is CompressionAlgorithm.BROTLI and not is_brotli_available():
        return CompressionAlgorithm.GZIP
    return preferred


def _parse_offer(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip() for part in item.split(";"))
    weights = [value for value in parameters if value.startswith("q=")]
    try:
        return name, float(weights[0].removeprefix("q=")) if weights else 1.0
    except ValueError:
        return name, 1.0


def _chunks(data: bytes, encoding: str) -> Iterator[bytes]:
    if encoding in {"", "identity"}:
        return iter((data,))
    if encoding == "gzip":
        return _gzip_chunks(data)
    if encoding == "br" and is_brotli_available():
        return _brotli_chunks(data)
    supported = ", ".join([*get_supported_encodings(), "identity"])
    raise ValueError(f"Unsupported Content-Encoding: {encoding}. Supported: {supported}")


def _gzip_chunks(data: bytes) -> Iterator[bytes]:
    # GzipFile and not zlib.decompressobj: its buffer keeps a body of many tiny members linear.
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        try:
            yield from iter(partial(file.read, _CHUNK), b"")
        except zlib.error as error:
            raise OSError(f"Gzip decompression failed: {error}") from error


def _brotli_chunks(data: bytes) -> Iterator[bytes]:
    import brotli

    decompressor = brotli.Decompressor()
    try:
        chunk = decompressor.process(data, output_buffer_limit=_CHUNK)
        while chunk:
            yield chunk
            chunk = decompressor.process(b"", output_buffer_limit=_CHUNK)
        if not decompressor.is_finished():
            raise OSError("Brotli decompression failed: data ends too early")
    except brotli.error as error:
        raise OSError(f"Brotli decompression failed: {error}") from error


def _join_within(limit: int, chunks: Iterator[bytes]) -> bytes:
    output = bytearray()
    for chunk in chunks:
        output += chunk
        if len(output) > limit:
            raise DecompressionTooLarge(limit)
    return bytes(output)
