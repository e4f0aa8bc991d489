"""What servers say of themselves, also those that say too much, too slowly, or something else."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme

from asapbench import manifest as manifest_module
from asapbench.manifest import NoManifest, read_manifest

OK = b"HTTP/1.1 200 OK\r\n"
Speak = Callable[[Callable[[bytes], None]], None]  # given a way to send


@contextmanager
def saying(speak: Speak, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers each request in this way, and hangs up."""
    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not gone.is_set():
                with suppress(OSError):
                    peer, _ = listener.accept()
                    with tls.wrap_socket(peer, server_side=True) if tls else peer as spoken:
                        spoken.recv(1 << 16)
                        speak(spoken.sendall)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            gone.set()
            with suppress(OSError):
                socket.create_connection(listener.getsockname(), 1).close()
            thread.join()


def whole(body: bytes, head: bytes = OK) -> Speak:
    return lambda send: send(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


def refusal(speak: Speak) -> NoManifest:
    with saying(speak) as url, pytest.raises(NoManifest) as refused:
        read_manifest(url, {}, verify_tls=True)
    return refused.value


def test_the_manifest_of_an_agent_is_read() -> None:
    with saying(whole(b'{"id": "urn:asap:agent:bob", "version": "2"}')) as url:
        assert read_manifest(url, {}, verify_tls=True)["version"] == "2"


def test_a_manifest_without_an_end_is_given_up_once_it_is_too_large() -> None:
    sent = 0

    def stream(send: Callable[[bytes], None]) -> None:
        nonlocal sent
        send(OK + b"\r\n")
        while True:
            send(b" " * (1 << 16))
            sent += 1 << 16

    assert str(refusal(stream)) == "the answer is larger than 1 MiB"
    assert sent < 64 << 20  # what fits into the buffers on the way


@pytest.mark.parametrize("head", [OK + b"\r\n", OK, b""], ids=["body", "headers", "status"])
def test_a_manifest_that_trickles_is_given_up_in_time(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest_module, "_LONGEST", 0.5)
    waiting = threading.Event()

    def trickle(send: Callable[[bytes], None]) -> None:
        send(head)
        for _ in range(50):
            send(b"x")
            waiting.wait(0.1)

    assert "no whole answer within" in str(refusal(trickle))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * 100_000, r"not JSON \(recursion limit exceeded"),
        (b'{"id": ' + b'{"a":' * 100_000, r"not JSON \(recursion limit exceeded"),
        (b"hello", r"not JSON \(expected value at line 1 column 1\)"),
        (b"[]", "not a JSON object"),
        (b"{}", 'the "id" of the agent is missing; it must read urn:asap:agent:NAME'),
        (b'{"id": "bob"}', "the \"id\" of the agent is 'bob'; it must read"),
        (b'{"id": 7}', 'the "id" of the agent is 7; it must read'),
        (b'{"id": null}', 'the "id" of the agent is None; it must read'),
        (b'{"id": "\\u001b[31m"}', r"the \"id\" of the agent is '\\x1b\[31m'; it must read"),
        (b'{"id": "urn:asap:agent:%s"}' % (b"x" * 99_999), "urn:asap:agent:x+…"),
    ],
)
def test_what_is_no_manifest_is_named(body: bytes, why: str) -> None:
    refused = refusal(whole(body))
    assert refused.answered
    assert len(str(refused)) < 250
    assert re.search(why, str(refused))


@pytest.mark.parametrize(
    ("status", "answered"), [(404, True), (401, True), (429, False), (503, False)]
)
def test_a_refusal_is_an_answer_unless_it_may_be_for_now(status: int, answered: bool) -> None:
    refused = refusal(whole(b"", b"HTTP/1.1 %d No\r\n" % status))
    assert str(refused) == f"HTTP {status}"
    assert refused.answered is answered


def test_where_an_agent_has_moved_to_is_said() -> None:
    head = b"HTTP/1.1 308 Moved\r\nLocation: https://there/\r\n"
    assert str(refusal(whole(b"", head))) == "HTTP 308, which names 'https://there/'"


def test_a_server_that_speaks_no_http_is_no_agent() -> None:
    assert "illegal status line" in str(refusal(lambda send: send(b"220 mail ready\r\n\r\n")))


def test_a_certificate_is_trusted_where_the_system_trusts_its_authority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    found = whole(b'{"id": "urn:asap:agent:bob"}')
    with saying(found, context) as url, authority.cert_pem.tempfile() as trusted:
        at = url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(NoManifest, match="certificate"):
            read_manifest(at, {}, verify_tls=True)
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        assert read_manifest(at, {}, verify_tls=True)["id"] == "urn:asap:agent:bob"
