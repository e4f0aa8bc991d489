"""PROTOCOL.md §2.9, the limiter apart from the server."""

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from asap.transport.rate_limit import (
    DEFAULT_RATE_LIMIT,
    ASAPRateLimiter,
    RateLimitExceeded,
    create_limiter,
    create_test_limiter,
    get_remote_address,
)


def request(host: str | None = "192.0.2.1", **state: Any) -> Request:
    client = (host, 1234) if host else None
    return Request({"type": "http", "headers": [], "client": client, "state": state})


def refusal(limiter: ASAPRateLimiter, n: int = 1) -> RateLimitExceeded:
    with pytest.raises(RateLimitExceeded) as caught:
        limiter.check_n(request(), n)
    return caught.value


def test_the_default_is_10_a_second_and_100_a_minute() -> None:
    assert DEFAULT_RATE_LIMIT == "10/second;100/minute"
    assert [str(item) for item in create_limiter().limits] == [
        "10 per 1 second",
        "100 per 1 minute",
    ]


def test_the_limit_of_a_test_limiter_is_wide() -> None:
    assert [str(item) for item in create_test_limiter().limits] == ["100000 per 1 minute"]


def test_a_limit_that_cannot_be_read_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        create_limiter(["nonsense"])


def test_requests_pass_up_to_the_limit() -> None:
    limiter = create_limiter(["2/minute"])
    limiter.check(request())
    limiter.check(request())
    assert not limiter.test(request())
    refusal(limiter)


def test_a_refusal_names_the_limit_and_when_to_come_back() -> None:
    limiter = create_limiter(["2/minute"])
    limiter.check_n(request(), 2)
    error = refusal(limiter)
    assert (error.limit, error.detail) == ("2 per 1 minute", "Rate limit exceeded: 2 per 1 minute")
    assert 58 <= error.retry_after <= 60


def test_the_time_to_wait_is_rounded_up_so_that_waiting_it_is_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limiter = create_limiter(["1/minute"])
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    limiter.check(request())
    monkeypatch.setattr(time, "time", lambda: 1000.5)
    assert refusal(limiter).retry_after == 60
    monkeypatch.setattr(time, "time", lambda: 1060.5)
    limiter.check(request())


def test_a_refusal_has_defaults_for_its_hints() -> None:
    error = RateLimitExceeded("too fast")
    assert (str(error), error.retry_after, error.limit) == ("too fast", 60, "")


def test_the_limit_that_is_used_up_is_the_one_named() -> None:
    limiter = create_limiter(["100/hour;1/minute"])
    limiter.check(request())
    assert refusal(limiter).limit == "1 per 1 minute"


def test_testing_counts_nothing() -> None:
    limiter = create_limiter(["1/minute"])
    assert limiter.test(request())
    assert limiter.test(request())


def test_a_refused_request_is_charged_to_no_limit() -> None:
    limiter = create_limiter(["3/hour", "2/minute"])
    limiter.check_n(request(), 2)
    refusal(limiter)
    hour = limiter.limits[0]
    assert limiter._window.get_window_stats(hour, "192.0.2.1").remaining == 1


@given(st.lists(st.integers(1, 6), max_size=12))
def test_n_items_are_n_hits_all_or_none(batches: list[int]) -> None:
    limiter = create_limiter(["10/hour"])
    left = 10
    for n in batches:
        if n <= left:
            limiter.check_n(request(), n)
            left -= n
        else:
            refusal(limiter, n)
    assert limiter.test(request()) is (left > 0)


def test_a_batch_larger_than_the_limit_never_passes() -> None:
    limiter = create_limiter(["10/second"])
    assert refusal(limiter, 11).retry_after >= 1
    limiter.check_n(request(), 10)


def test_each_client_has_limits_of_its_own() -> None:
    limiter = create_limiter(["1/minute"])
    limiter.check(request("192.0.2.1"))
    limiter.check(request("192.0.2.2"))


def test_each_limiter_counts_for_itself() -> None:
    for _ in range(2):
        create_limiter(["1/minute"]).check(request())


def test_a_key_function_decides_who_is_who() -> None:
    limiter = create_test_limiter(["1/minute"], key_func=lambda _: "all of you")
    limiter.check(request("192.0.2.1"))
    with pytest.raises(RateLimitExceeded):
        limiter.check(request("192.0.2.2"))


@pytest.mark.parametrize(
    ("host", "address"), [("192.0.2.7", "192.0.2.7"), ("::1", "::1"), (None, "127.0.0.1")]
)
def test_the_address_is_the_client_or_loopback(host: str | None, address: str) -> None:
    assert get_remote_address(request(host)) == address


SENDER = "urn:asap:agent:alice"


@pytest.mark.parametrize(
    "state",
    [
        {"envelope": SimpleNamespace(sender=SENDER)},
        {"envelope": {"sender": SENDER}},
        {"rpc_request": SimpleNamespace(params={"envelope": {"sender": SENDER}})},
    ],
)
def test_a_sender_left_on_the_request_is_the_key(state: dict[str, Any]) -> None:
    limiter = create_limiter(["1/minute"])
    limiter.check(request("192.0.2.1", **state))
    with pytest.raises(RateLimitExceeded):
        limiter.check(request("192.0.2.2", **state))


@pytest.mark.parametrize(
    "state",
    [
        {"envelope": SimpleNamespace(sender=None)},
        {"rpc_request": SimpleNamespace(params={})},
        {"rpc_request": SimpleNamespace(params={"envelope": {}})},
    ],
)
def test_a_request_without_a_sender_falls_back_to_the_address(state: dict[str, Any]) -> None:
    limiter = create_limiter(["1/minute"])
    limiter.check(request("192.0.2.1", **state))
    limiter.check(request("192.0.2.2", **state))


def test_a_redis_backend_without_redis_is_an_import_error_that_keeps_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setenv("ASAP_RATE_LIMIT_BACKEND", "redis://:secret@localhost:1/0")
    with pytest.raises(ImportError, match="'redis' package") as caught:
        create_limiter()
    assert "secret" not in str(caught.value)


def test_a_test_limiter_ignores_the_backend_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASAP_RATE_LIMIT_BACKEND", "bogus://")
    create_test_limiter().check(request())


def test_an_asynchronous_backend_is_refused() -> None:
    with pytest.raises(TypeError, match="synchronous"):
        create_limiter(storage_uri="async+memory://")


def test_the_limits_library_is_loaded_only_when_a_limiter_is_made() -> None:
    program = "import sys, asap.transport.rate_limit; sys.exit('limits' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
