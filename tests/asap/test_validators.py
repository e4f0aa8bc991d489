"""PROTOCOL.md §2.8."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap.errors import InvalidNonceError, InvalidTimestampError
from asap.models.envelope import Envelope
from asap.transport.validators import (
    InMemoryNonceStore,
    validate_envelope_nonce,
    validate_envelope_timestamp,
)

NOW = datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC)
TICK = timedelta(microseconds=1)
OLDEST, NEWEST = NOW - timedelta(seconds=300), NOW + timedelta(seconds=30)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def envelope(timestamp: datetime | None = None, extensions: Any = None) -> Envelope:
    return Envelope(
        id="e1",
        asap_version="0.1",
        timestamp=timestamp,
        sender="urn:asap:agent:alice",
        recipient="urn:asap:agent:bob",
        payload_type="note",
        payload={},
        extensions=extensions,
    )


@pytest.mark.parametrize("timestamp", [OLDEST, NOW, NEWEST])
def test_a_timestamp_up_to_the_exact_bound_passes(timestamp: datetime) -> None:
    validate_envelope_timestamp(envelope(timestamp), now=NOW)


@pytest.mark.parametrize("timestamp", [OLDEST - TICK, NEWEST + TICK])
def test_a_timestamp_one_microsecond_past_the_bound_is_refused(timestamp: datetime) -> None:
    with pytest.raises(InvalidTimestampError, match="timestamp"):
        validate_envelope_timestamp(envelope(timestamp), now=NOW)


ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
NEAR_THE_BOUNDS = st.timedeltas(timedelta(seconds=-31), timedelta(seconds=301)).map(NOW.__sub__)


@given(NEAR_THE_BOUNDS | st.datetimes(timezones=ZONES))
def test_a_timestamp_passes_exactly_within_its_bounds(timestamp: datetime) -> None:
    try:
        validate_envelope_timestamp(envelope(timestamp), now=NOW)
        passed = True
    except InvalidTimestampError:
        passed = False
    assert passed == (OLDEST <= timestamp <= NEWEST)


def test_a_naive_timestamp_is_utc() -> None:
    validate_envelope_timestamp(envelope(OLDEST.replace(tzinfo=None)), now=NOW)
    with pytest.raises(InvalidTimestampError):
        validate_envelope_timestamp(envelope((OLDEST - TICK).replace(tzinfo=None)), now=NOW)


def test_a_timestamp_of_another_zone_is_compared_as_an_instant() -> None:
    there = timezone(timedelta(hours=9))
    validate_envelope_timestamp(envelope(OLDEST.astimezone(there)), now=NOW)


def test_a_missing_timestamp_is_filled_in_and_passes() -> None:
    validate_envelope_timestamp(envelope(None))


def test_a_timestamp_is_compared_with_the_clock_of_the_host() -> None:
    with pytest.raises(InvalidTimestampError):
        validate_envelope_timestamp(envelope(datetime.now(UTC) - timedelta(seconds=301)))


def test_a_stale_timestamp_is_32002_with_its_age_and_the_limit() -> None:
    with pytest.raises(InvalidTimestampError) as refusal:
        validate_envelope_timestamp(envelope(NOW - timedelta(seconds=400)), now=NOW)
    assert refusal.value.rpc_code == -32002
    assert refusal.value.details == {
        "timestamp": "2030-05-06T07:01:29+00:00",
        "age_seconds": 400.0,
        "envelope_id": "e1",
        "max_age_seconds": 300,
    }


def test_a_timestamp_ahead_is_32002_with_its_offset_and_the_limit() -> None:
    with pytest.raises(InvalidTimestampError) as refusal:
        validate_envelope_timestamp(envelope(NOW + timedelta(seconds=40)), now=NOW)
    assert refusal.value.rpc_code == -32002
    assert refusal.value.details == {
        "timestamp": "2030-05-06T07:08:49+00:00",
        "future_offset_seconds": 40.0,
        "envelope_id": "e1",
        "max_future_tolerance_seconds": 30,
    }


@pytest.mark.parametrize("extensions", [None, {}, {"other": 1}])
def test_an_envelope_without_a_nonce_passes(extensions: Any) -> None:
    store = InMemoryNonceStore()
    validate_envelope_nonce(envelope(extensions=extensions), store)
    validate_envelope_nonce(envelope(extensions=extensions), store)


@pytest.mark.parametrize("nonce", ["", 5, None, ["n"], True])
def test_a_nonce_that_is_not_a_filled_string_is_32003(nonce: object) -> None:
    with pytest.raises(InvalidNonceError) as refusal:
        validate_envelope_nonce(envelope(extensions={"nonce": nonce}), InMemoryNonceStore())
    assert refusal.value.rpc_code == -32003


def test_a_repeated_nonce_is_32003() -> None:
    store = InMemoryNonceStore()
    validate_envelope_nonce(envelope(extensions={"nonce": "n"}), store)
    with pytest.raises(InvalidNonceError) as refusal:
        validate_envelope_nonce(envelope(extensions={"nonce": "n"}), store)
    assert refusal.value.rpc_code == -32003
    assert refusal.value.details == {"nonce": "n", "envelope_id": "e1"}


def test_without_a_store_no_nonce_is_checked() -> None:
    for nonce in ("n", "n", ""):
        validate_envelope_nonce(envelope(extensions={"nonce": nonce}), None)


def test_the_id_of_an_envelope_is_not_a_nonce() -> None:
    store = InMemoryNonceStore()
    validate_envelope_nonce(envelope(extensions={"nonce": "one"}), store)
    validate_envelope_nonce(envelope(extensions={"nonce": "two"}), store)


@pytest.mark.parametrize(("elapsed", "seen"), [(599.0, True), (600.0, False)])
def test_a_nonce_may_come_again_after_600_seconds(elapsed: float, seen: bool) -> None:
    clock = Clock()
    store = InMemoryNonceStore(clock)
    validate_envelope_nonce(envelope(extensions={"nonce": "n"}), store)
    clock.now += elapsed
    assert store.check_and_mark("n", 600) is seen


def test_a_repeat_does_not_prolong_the_life_of_a_nonce() -> None:
    clock = Clock()
    store = InMemoryNonceStore(clock)
    store.check_and_mark("n", 10)
    clock.now += 9
    store.check_and_mark("n", 10)
    clock.now += 1
    assert not store.check_and_mark("n", 10)


def test_nonces_of_different_lives_expire_each_at_its_own_time() -> None:
    clock = Clock()
    store = InMemoryNonceStore(clock)
    store.check_and_mark("long", 100)
    store.check_and_mark("short", 1)
    clock.now += 1
    assert not store.check_and_mark("short", 100)
    assert store.check_and_mark("long", 100)


def test_expired_nonces_are_forgotten() -> None:
    clock = Clock()
    store = InMemoryNonceStore(clock)
    for number in range(100):
        store.check_and_mark(str(number), 600)
    clock.now += 600
    store.check_and_mark("new", 600)
    assert len(store) == 1


def test_a_nonce_costs_no_more_memory_the_longer_it_is() -> None:
    store = InMemoryNonceStore()
    nonce = "n" * 1_000_000
    validate_envelope_nonce(envelope(extensions={"nonce": nonce}), store)
    with pytest.raises(InvalidNonceError) as refused:
        validate_envelope_nonce(envelope(extensions={"nonce": nonce}), store)
    assert len(str(refused.value)) < 1000
    assert len(pickle.dumps(store)) < 1000
