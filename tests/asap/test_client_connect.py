"""PROTOCOL.md §4.1, making and entering a client."""

import logging
from typing import Any

import httpx
import pytest

from asap.errors import ASAPConnectionError
from asap.models import Envelope
from asap.transport import ASAPClient

ENVELOPE = Envelope(
    asap_version="0.1",
    sender="urn:asap:agent:alice",
    recipient="urn:asap:agent:bob",
    payload_type="note",
    payload={},
)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "http://",
        "http:///asap",
        "ftp://localhost",
        "ws://localhost",
        "http://localhost:99999",
        "http://localhost:x",
        "http://local\0host",
    ],
)
def test_a_base_url_without_http_or_a_host_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        ASAPClient(url)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com/", "https://example.com"),
        ("https://example.com/base//", "https://example.com/base"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_trailing_slashes_are_stripped(url: str, kept: str) -> None:
    assert ASAPClient(url).base_url == kept


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_plain_http_to_this_machine_warns(host: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ASAPClient(f"http://{host}:8000")
    assert "plain http" in caplog.text


@pytest.mark.parametrize("host", ["example.com", "localhost.example.com", "127.0.0.2", "0.0.0.0"])
def test_plain_http_to_another_machine_is_a_value_error(host: str) -> None:
    with pytest.raises(ValueError, match="require_https=False"):
        ASAPClient(f"http://{host}:8000")


@pytest.mark.parametrize("host", ["example.com", "localhost"])
def test_plain_http_can_be_asked_for(host: str, caplog: pytest.LogCaptureFixture) -> None:
    ASAPClient(f"http://{host}", require_https=False)
    assert caplog.text == ""


@pytest.mark.parametrize("versions", [[], ["9.9"], ["2.2", "9"]])
def test_unknown_or_no_transport_versions_are_a_value_error(versions: list[str]) -> None:
    with pytest.raises(ValueError, match=r"2\.1, 2\.2"):
        ASAPClient("https://example.com", supported_transport_versions=versions)


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.send(ENVELOPE),
        lambda client: client.send_batch([ENVELOPE]),
        lambda client: client.get_manifest(),
        lambda client: client.health_check(),
    ],
)
async def test_a_client_that_was_not_entered_is_not_connected(use: Any) -> None:
    with pytest.raises(ASAPConnectionError, match="Client not connected"):
        await use(ASAPClient("https://example.com"))


async def test_a_client_is_connected_from_entering_to_leaving() -> None:
    client = ASAPClient("https://example.com")
    states = [client.is_connected]
    async with client as entered:
        states.append(entered.is_connected)
    states.append(client.is_connected)
    assert states == [False, True, False]


async def test_a_client_that_was_left_is_not_connected() -> None:
    async with ASAPClient("https://example.com") as client:
        pass
    with pytest.raises(ASAPConnectionError, match="Client not connected"):
        await client.send(ENVELOPE)


@pytest.fixture
def http_options(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    options: dict[str, Any] = {}

    class Recorder(httpx.AsyncClient):
        def __init__(self, **given: Any) -> None:
            options.update(given)
            super().__init__(transport=httpx.MockTransport(lambda _: httpx.Response(200)))

    monkeypatch.setattr(httpx, "AsyncClient", Recorder)
    return options


async def test_by_default_http2_and_a_pool_of_100_are_asked_for(
    http_options: dict[str, Any],
) -> None:
    async with ASAPClient("https://example.com"):
        assert http_options == {
            "http2": True,
            "limits": httpx.Limits(
                max_connections=100, max_keepalive_connections=100, keepalive_expiry=5.0
            ),
            "timeout": httpx.Timeout(60.0, pool=5.0),
        }


async def test_pool_and_timeouts_follow_their_parameters(http_options: dict[str, Any]) -> None:
    options: dict[str, Any] = {
        "timeout": 2.0,
        "pool_connections": 3,
        "pool_maxsize": 4,
        "pool_timeout": 1.0,
        "http2": False,
    }
    async with ASAPClient("https://example.com", **options):
        assert http_options == {
            "http2": False,
            "limits": httpx.Limits(
                max_connections=4, max_keepalive_connections=3, keepalive_expiry=5.0
            ),
            "timeout": httpx.Timeout(2.0, pool=1.0),
        }


async def test_with_a_transport_pool_and_http2_are_its_own_affair(
    http_options: dict[str, Any],
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    async with ASAPClient("https://example.com", transport=transport):
        assert http_options == {
            "transport": transport,
            "timeout": httpx.Timeout(60.0, pool=5.0),
        }
