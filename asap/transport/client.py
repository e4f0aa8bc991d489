"""The client: envelopes to an agent and back, over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload
from weakref import WeakValueDictionary

import httpx

from asap.discovery.health import WELLKNOWN_HEALTH_PATH, HealthStatus
from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH
from asap.errors import (
    ASAPConnectionError,
    ASAPError,
    ASAPRemoteError,
    ASAPTimeoutError,
    UnsupportedAuthSchemeError,
)
from asap.models.constants import ASAP_SUPPORTED_TRANSPORT_VERSIONS, ASAP_VERSION_HEADER
from asap.models.entities import Manifest
from asap.models.envelope import Envelope
from asap.models.ids import generate_id
from asap.transport.cache import ManifestCache
from asap.transport.compression import (
    COMPRESSION_THRESHOLD,
    CompressionAlgorithm,
    compress_payload,
    get_accept_encoding_header,
)
from asap.transport.jsonrpc import ASAP_METHOD
from asap.transport.limited import request_limited
from asap.transport.metrics import count_send, count_send_error
from asap.transport.reply import read_reply
from asap.transport.retry import Retryable, RetryConfig, with_retries

__all__ = [
    "ASAPClient",
    "ASAPConnectionError",
    "ASAPRemoteError",
    "ASAPTimeoutError",
    "RetryConfig",
]

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_MAX_PORT = 65535
_KEEPALIVE_SECONDS = 5.0
_MAX_DISCOVERY_SECONDS = 10.0


class ASAPClient:
    """A client of one agent, used as `async with ASAPClient(base_url) as client`.

    Times are in seconds, `compression_threshold` is in bytes. `retry_config` wins over
    `max_retries`, `base_delay`, `max_delay` and `jitter`. With a `transport`, `http2` and the pool
    limits are the transport's own affair.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
        require_https: bool = True,
        retry_config: RetryConfig | None = None,
        max_retries: int | None = None,
        base_delay: float | None = None,
        max_delay: float | None = None,
        jitter: bool | None = None,
        pool_connections: int = 100,
        pool_maxsize: int = 100,
        pool_timeout: float = 5.0,
        http2: bool = True,
        compression: bool = True,
        compression_threshold: int = COMPRESSION_THRESHOLD,
        manifest_cache_size: int = 1000,
        auth_token: str | None = None,
        supported_transport_versions: Iterable[str] | None = None,
    ) -> None:
        self.base_url = _checked_base_url(base_url, require_https)
        self._timeout = httpx.Timeout(timeout, pool=pool_timeout)
        self._transport = transport
        self._limits = httpx.Limits(
            max_connections=pool_maxsize,
            max_keepalive_connections=pool_connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        )
        self._http2 = http2
        self._retry = retry_config or _retry_config(
            max_retries=max_retries, base_delay=base_delay, max_delay=max_delay, jitter=jitter
        )
        self._compression_threshold = compression_threshold if compression else None
        self._headers = _request_headers(_versions(supported_transport_versions), auth_token)
        self._manifests = ManifestCache(max_size=manifest_cache_size)
        self._manifest_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._request_numbers = itertools.count(1)
        self._http: httpx.AsyncClient | None = None
        self._last_version: str | None = None

    async def __aenter__(self) -> Self:
        self._http = self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    @property
    def is_connected(self) -> bool:
        return self._http is not None

    @property
    def last_response_asap_version(self) -> str | None:
        """The transport version that the agent chose in its last answer to `send`."""
        return self._last_version

    async def send(self, envelope: Envelope) -> Envelope:
        """The agent's answer.

        Raises ASAPConnectionError, ASAPTimeoutError, ASAPRemoteError for an error that the agent
        answered, and ProtocolCorrelationError for an answer to another request.
        """
        if envelope is None:
            raise ValueError("envelope must not be None")
        http = self._connected(self.base_url)
        body, headers = self._encode(envelope)
        started = time.perf_counter()
        try:
            reply = await with_retries(
                lambda: self._attempt(http, body, headers, envelope), self._retry
            )
        except ASAPError as error:
            count_send_error(error, time.perf_counter() - started)
            raise
        count_send(time.perf_counter() - started)
        return reply

    @overload
    async def send_batch(
        self, envelopes: Sequence[Envelope], return_exceptions: Literal[False] = False
    ) -> list[Envelope]: ...
    @overload
    async def send_batch(
        self, envelopes: Sequence[Envelope], return_exceptions: bool
    ) -> list[Envelope | BaseException]: ...
    async def send_batch(
        self, envelopes: Sequence[Envelope], return_exceptions: bool = False
    ) -> list[Envelope] | list[Envelope | BaseException]:
        """Every envelope in a request of its own, at once; the answers in the same order."""
        if not envelopes:
            raise ValueError("envelopes must not be empty")
        return await asyncio.gather(*map(self.send, envelopes), return_exceptions=return_exceptions)

    async def get_manifest(self, url: str | None = None) -> Manifest:
        """The agent's manifest, fetched at most once in 300 s; ValueError if it is not valid."""
        url = url or self.base_url + WELLKNOWN_MANIFEST_PATH
        lock = self._manifest_locks.setdefault(url, asyncio.Lock())
        async with lock:
            manifest = self._manifests.get(url)
            if manifest is None:
                manifest = await self._fetch(url, _parse_manifest)
                self._manifests.set(url, manifest)
        return manifest

    async def health_check(self, base_url: str | None = None) -> HealthStatus:
        """The agent's health; an unhealthy one, 503, raises ASAPConnectionError."""
        url = (base_url or self.base_url).rstrip("/") + WELLKNOWN_HEALTH_PATH
        return await self._fetch(url, HealthStatus.model_validate)

    def _open(self) -> httpx.AsyncClient:
        if self._transport is not None:
            return httpx.AsyncClient(transport=self._transport, timeout=self._timeout)
        return httpx.AsyncClient(timeout=self._timeout, limits=self._limits, http2=self._http2)

    def _connected(self, url: str) -> httpx.AsyncClient:
        if self._http is None:
            raise ASAPConnectionError("Client not connected: use 'async with'", url=url)
        return self._http

    def _encode(self, envelope: Envelope) -> tuple[bytes, dict[str, str]]:
        key = generate_id()
        params = {"envelope": envelope.model_dump(mode="json"), "idempotency_key": key}
        number = next(self._request_numbers)
        call = {"jsonrpc": "2.0", "method": ASAP_METHOD, "params": params, "id": f"req-{number}"}
        body, coding = self._compress(json.dumps(call).encode())
        headers = self._headers | {"X-Idempotency-Key": key}
        if coding is not CompressionAlgorithm.IDENTITY:
            headers["Content-Encoding"] = coding.value
        return body, headers

    def _compress(self, body: bytes) -> tuple[bytes, CompressionAlgorithm]:
        if self._compression_threshold is None:
            return body, CompressionAlgorithm.IDENTITY
        return compress_payload(body, threshold=self._compression_threshold)

    async def _attempt(
        self, http: httpx.AsyncClient, body: bytes, headers: dict[str, str], envelope: Envelope
    ) -> Envelope:
        url = f"{self.base_url}/asap"
        try:
            response = await request_limited(http, "POST", url, content=body, headers=headers)
        except (httpx.ConnectError, httpx.TimeoutException) as error:
            raise Retryable(_transport_error(error, url, self._timeout)) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _transport_error(error, url, self._timeout) from error
        self._last_version = response.headers.get(ASAP_VERSION_HEADER)
        return read_reply(response, envelope)

    async def _fetch(self, url: str, parse: Callable[[Any], T]) -> T:
        http = self._connected(url)
        timeout = _discovery_timeout(self._timeout)
        try:
            response = await request_limited(http, "GET", url, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _transport_error(error, url, timeout) from error
        if response.status_code >= 400:
            raise ASAPConnectionError(f"HTTP {response.status_code} from {url}", url=url)
        try:
            return parse(response.json())
        except (ValueError, AttributeError, RecursionError, UnsupportedAuthSchemeError) as error:
            raise ValueError(f"invalid document at {url}: {error}") from error


def _checked_base_url(base_url: str, require_https: bool) -> str:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"base_url {base_url!r} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.host or (url.port or 0) > _MAX_PORT:
        raise ValueError(f"base_url {base_url!r} needs http:// or https:// and a host")
    if url.scheme == "http" and require_https:
        _allow_plain_http(url)
    return base_url.rstrip("/")


def _allow_plain_http(url: httpx.URL) -> None:
    if url.host not in _LOCAL_HOSTS:
        raise ValueError(f"{url.host} needs https; to use plain http, pass require_https=False")
    logger.warning("plain http to %s: fit for development only", url.host)


def _retry_config(**given: Any) -> RetryConfig:
    return RetryConfig(**{name: value for name, value in given.items() if value is not None})


def _versions(requested: Iterable[str] | None) -> list[str]:
    if requested is None:
        return sorted(ASAP_SUPPORTED_TRANSPORT_VERSIONS, reverse=True)
    versions = list(requested)
    unknown = [version for version in versions if version not in ASAP_SUPPORTED_TRANSPORT_VERSIONS]
    if unknown or not versions:
        allowed = ", ".join(sorted(ASAP_SUPPORTED_TRANSPORT_VERSIONS))
        raise ValueError(f"supported_transport_versions {versions}: give one or more of {allowed}")
    return versions


def _request_headers(versions: list[str], auth_token: str | None) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": get_accept_encoding_header(),
        ASAP_VERSION_HEADER: ", ".join(versions),
    }
    return headers if auth_token is None else headers | {"Authorization": f"Bearer {auth_token}"}


def _discovery_timeout(timeout: httpx.Timeout) -> httpx.Timeout:
    longest = min(timeout.read or _MAX_DISCOVERY_SECONDS, _MAX_DISCOVERY_SECONDS)
    return httpx.Timeout(longest, pool=timeout.pool)


def _transport_error(
    error: Exception, url: str, timeout: httpx.Timeout
) -> ASAPConnectionError | ASAPTimeoutError:
    if isinstance(error, httpx.TimeoutException):
        return ASAPTimeoutError(f"no answer from {url} within {timeout.read} s", timeout.read)
    return ASAPConnectionError(f"no connection to {url}: {error}", error, url)


def _parse_manifest(document: Any) -> Manifest:
    signed = isinstance(document, dict) and {"manifest", "signature"} <= document.keys()
    return Manifest.model_validate(document["manifest"] if signed else document)
