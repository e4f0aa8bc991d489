"""What a server says of itself: read with an end to its size and its time, and checked."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from http import HTTPStatus
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import from_json

from asap.discovery.wellknown import WELLKNOWN_MANIFEST_PATH

if TYPE_CHECKING:
    import httpx

_LARGEST = 1 << 20  # bytes; a manifest has a few thousand
_LONGEST = 5.0  # seconds from the first look at the address to the last byte
_SHOWN = 200  # characters of what a server sent

# what a server may say while it starts, or a gateway before it, as they may say 5xx
_NOT_YET = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

_T = TypeVar("_T")


class NoManifest(Exception):
    """The manifest could not be had; the message says why.

    `answered`: the server gave one that will hardly change while it starts.
    """

    def __init__(self, why: str, *, answered: bool = False) -> None:
        super().__init__(why if len(why) <= _SHOWN else why[:_SHOWN] + "…")
        self.answered = answered


def read_manifest(url: str, headers: Mapping[str, str], *, verify_tls: bool) -> dict[str, Any]:
    """The manifest of the server at a URL, a JSON object with the id of an agent.

    Raises NoManifest.
    """
    try:
        content = _within(_LONGEST, lambda: _fetched(url, headers, verify_tls=verify_tls))
    except TimeoutError as error:
        raise NoManifest(f"no whole answer within {_LONGEST:.0f} s") from error
    return _checked(content)


def _within(seconds: float, call: Callable[[], _T]) -> _T:
    """Call something that may take without an end, and leave it to itself if it does.

    The time limits of an HTTP client are each for one read: a server that sends a byte now and then
    would never meet them, nor would a name that is looked up for long.
    """
    outcome: Future[_T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, daemon=True, name="manifest").start()
    return outcome.result(seconds)


def _fetched(url: str, headers: Mapping[str, str], *, verify_tls: bool) -> bytes:
    import httpx  # 60 ms that only a run has to pay

    given = httpx.Headers(headers)
    given["Accept-Encoding"] = "identity"
    try:
        with httpx.stream(
            "GET",
            url.rstrip("/") + WELLKNOWN_MANIFEST_PATH,
            headers=given,
            # what the generator trusts: the system's, or SSL_CERT_FILE
            verify=ssl.create_default_context() if verify_tls else False,
            timeout=_LONGEST,
            trust_env=False,
        ) as answer:
            _check_status(answer)
            return _body(answer)
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoManifest(str(error) or type(error).__name__) from error


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == HTTPStatus.OK:
        return
    moved = f", which names {answer.headers['location']!a}" if "location" in answer.headers else ""
    later = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_YET
    raise NoManifest(f"HTTP {status}{moved}", answered=not later)


def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    for part in answer.iter_raw():
        body += part
        if len(body) > _LARGEST:
            raise NoManifest(f"the answer is larger than {_LARGEST >> 20} MiB", answered=True)
    return bytes(body)


def _checked(body: bytes) -> dict[str, Any]:
    from asap.models.validators import validate_agent_urn  # pydantic's models: 0.1 s

    try:
        content = from_json(body)
    except ValueError as error:  # also where it is nested too deeply
        raise NoManifest(f"the answer is not JSON ({error})", answered=True) from error
    if not isinstance(content, dict):
        raise NoManifest("the answer is not a JSON object", answered=True)
    identity = content.get("id")
    try:
        validate_agent_urn(identity if isinstance(identity, str) else "")
    except ValueError as error:
        given = f"is {identity!a}" if "id" in content else "is missing"
        why = f'the "id" of the agent {given}; it must read urn:asap:agent:NAME'
        raise NoManifest(why, answered=True) from error
    return content
