"""Where a URL leads."""

from __future__ import annotations

import socket
from typing import NoReturn

import pytest

from asapbench.workers.generate import origin
from asapbench.workers.generate.origin import origin_of


@pytest.mark.parametrize(
    ("url", "authority", "prefix", "port"),
    [
        ("http://127.0.0.1", "127.0.0.1", "", 80),
        ("https://127.0.0.1/", "127.0.0.1", "", 443),
        ("http://127.0.0.1:8000/a/b/", "127.0.0.1:8000", "/a/b", 8000),
        ("http://[::1]:8000", "[::1]:8000", "", 8000),
    ],
)
def test_a_url_gives_host_port_and_path(url: str, authority: str, prefix: str, port: int) -> None:
    found = origin_of(url, verify_tls=True)
    assert (found.authority, found.prefix) == (authority, prefix)
    assert {address[1] for _, address in found.addresses} == {port}
    assert (found.tls is not None) == url.startswith("https")


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://a", "http://", "http://user:pw@127.0.0.1"])
def test_what_is_no_url_of_a_server_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        origin_of(url, verify_tls=True)
    assert "pw" not in str(refused.value)


def test_a_host_that_is_not_found_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_arguments: object, **_options: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(origin, "_getaddrinfo", nowhere)
    with pytest.raises(OSError, match=r"a\.test is not found: Name or service not known"):
        origin_of("http://a.test", verify_tls=True)
