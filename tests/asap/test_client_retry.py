"""PROTOCOL.md §4.2, waiting and trying again, apart from HTTP."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from asap.errors import ASAPConnectionError
from asap.transport import metrics, retry
from asap.transport.retry import (
    Retryable,
    RetryConfig,
    backoff,
    delay_before_retry,
    parse_retry_after,
    with_retries,
)

STEADY = RetryConfig(jitter=False)
NOW = datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    delays: list[float] = []

    async def sleep(delay: float) -> None:
        delays.append(delay)

    monkeypatch.setattr(retry, "sleep", sleep)
    return delays


def attempts(*outcomes: str | Exception) -> Callable[[], Awaitable[str]]:
    remaining: Iterator[str | Exception] = iter(outcomes)

    async def attempt() -> str:
        outcome = next(remaining)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return attempt


def failure(message: str = "down", wait: float | None = None) -> Retryable:
    return Retryable(ASAPConnectionError(message), wait)


def retries_counted(registry: CollectorRegistry = metrics.PROCESS) -> float:
    return registry.get_sample_value("asap_transport_retries_total") or 0.0


def test_the_defaults_are_three_attempts_and_one_to_sixty_seconds() -> None:
    assert RetryConfig() == RetryConfig(max_retries=3, base_delay=1.0, max_delay=60.0, jitter=True)


def test_the_backoff_doubles_up_to_the_maximum() -> None:
    assert [backoff(k, STEADY) for k in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


@given(
    failures=st.integers(0, 10_000),
    base=st.floats(0, 1e6),
    longest=st.floats(0, 1e6),
)
def test_the_backoff_stays_within_its_bounds(failures: int, base: float, longest: float) -> None:
    config = RetryConfig(base_delay=base, max_delay=longest)
    floor = backoff(failures, RetryConfig(base_delay=base, max_delay=longest, jitter=False))
    assert 0 <= floor <= longest
    assert floor <= backoff(failures, config) <= floor * 1.1 * (1 + 1e-12)


def test_jitter_adds_between_nothing_and_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "uniform", lambda low, high: high)
    assert backoff(2, RetryConfig()) == pytest.approx(4.4)
    monkeypatch.setattr(retry, "uniform", lambda low, high: low)
    assert backoff(2, RetryConfig()) == 4.0


@pytest.mark.parametrize(
    ("wait", "delay"),
    [(None, 2.0), (7.5, 7.5), (0.0, 0.0), (-5.0, 0.0), (3600.0, 60.0), (float("nan"), 0.0)],
)
def test_what_the_peer_asks_for_replaces_the_backoff_up_to_the_maximum(
    wait: float | None, delay: float
) -> None:
    assert delay_before_retry(1, wait, STEADY) == delay


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("Mon, 06 May 99999999999999999999 07:08:39 GMT", None),
        ("120", 120.0),
        ("0", 0.0),
        ("Mon, 06 May 2030 07:08:39 GMT", 30.0),
        ("Mon, 06 May 2030 07:08:39 -0000", 30.0),
        ("Mon, 06 May 2030 07:07:09 GMT", -60.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.text())
def test_any_retry_after_can_be_waited_for(header: str) -> None:
    delay = delay_before_retry(0, parse_retry_after(header, NOW), STEADY)
    assert 0 <= delay <= STEADY.max_delay


async def test_the_first_success_is_the_result(slept: list[float]) -> None:
    assert await with_retries(attempts("reply"), STEADY) == "reply"
    assert slept == []


async def test_failures_wait_longer_each_time(slept: list[float]) -> None:
    outcomes = attempts(failure(), failure(), "reply")
    assert await with_retries(outcomes, STEADY) == "reply"
    assert slept == [1.0, 2.0]


async def test_the_error_of_the_last_attempt_is_raised_after_max_retries_attempts(
    slept: list[float],
) -> None:
    outcomes = attempts(failure("one"), failure("two"), failure("three"), "too late")
    with pytest.raises(ASAPConnectionError, match="three"):
        await with_retries(outcomes, STEADY)
    assert slept == [1.0, 2.0]


async def test_the_cause_of_the_failure_is_kept(slept: list[float]) -> None:
    cause, caught = OSError("refused"), failure()
    caught.__cause__ = cause
    with pytest.raises(ASAPConnectionError) as raised:
        await with_retries(attempts(caught), RetryConfig(max_retries=1))
    assert raised.value.__cause__ is cause


async def test_another_error_is_raised_at_once(slept: list[float]) -> None:
    with pytest.raises(KeyError):
        await with_retries(attempts(KeyError("bug"), "reply"), STEADY)
    assert slept == []


async def test_no_attempts_allowed_is_a_connection_error(slept: list[float]) -> None:
    with pytest.raises(ASAPConnectionError, match="max_retries is 0"):
        await with_retries(attempts("reply"), RetryConfig(max_retries=0))


async def test_every_further_attempt_is_counted(slept: list[float]) -> None:
    before = retries_counted()
    await with_retries(attempts(failure(), failure(), "reply"), STEADY)
    assert retries_counted() - before == 2
