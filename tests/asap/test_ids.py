"""Ids under clocks and threads that do what they want."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from asap.models import ids
from asap.models.ids import generate_id


def at(monkeypatch: pytest.MonkeyPatch, *milliseconds: int) -> list[str]:
    """The ids that a process of its own makes at these times."""
    clock: Iterator[int] = iter(milliseconds)
    monkeypatch.setattr(ids, "time_ns", lambda: next(clock) * 1_000_000)
    monkeypatch.setattr(ids, "_ulids", ids._Sequence())
    return [generate_id() for _ in milliseconds]


def numbers(found: list[str]) -> list[int]:
    return [int(ULID.from_str(ulid)) for ulid in found]


def test_within_a_millisecond_an_id_is_one_more_than_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second, third = numbers(at(monkeypatch, 5, 5, 5))
    assert (second, third) == (first + 1, first + 2)


def test_each_millisecond_begins_with_random_bits_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = numbers(at(monkeypatch, 5, 6))
    assert (first >> 80, second >> 80) == (5, 6)
    assert first % (1 << 80) != second % (1 << 80)


def test_ids_go_on_rising_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = at(monkeypatch, 9, 3, 4, 9, 10)
    assert sorted(set(found)) == found


@pytest.mark.parametrize("random", [b"\xff" * 10, b"\0" * 5 + b"\xff" * 5, b"\0" * 10])
def test_ids_go_on_rising_when_digits_overflow(
    monkeypatch: pytest.MonkeyPatch, random: bytes
) -> None:
    monkeypatch.setattr(ids, "urandom", lambda _: random)
    first, second, third = numbers(at(monkeypatch, 5, 5, 5))
    assert first == 5 << 80 | int.from_bytes(random, "big")
    assert (second, third) == (first + 1, first + 2)


@given(st.integers(1, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_written_as_the_library_writes_it(milliseconds: int, random: bytes) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ids, "urandom", lambda _: random)
        assert at(monkeypatch, milliseconds) == [
            str(ULID.from_bytes(milliseconds.to_bytes(6, "big") + random))
        ]


def test_threads_share_no_id() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda _: generate_id(), range(2000))]
    assert len(set(found)) == len(found)
