"""The pure parts of a load: when a request is due, whose it is, and what it asks for."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.workers.generate.deck import deck
from asapbench.workers.generate.turns import Turns

STARTS = st.floats(1, 1e6)
RATES = st.floats(0.1, 10_000)
SEATS = st.integers(1, 200)


@given(STARTS, RATES, SEATS)
def test_slot_k_is_at_start_plus_k_over_rate_and_its_seat_is_k_modulo_seats(
    start: float, rate: float, seats: int
) -> None:
    turns = Turns(start, rate, seats)
    slots = list(turns.due(start + 50.5 / rate))
    assert slots == [(start + k / rate, k % seats) for k in range(len(slots))]
    assert 50 <= len(slots) <= 52


@given(STARTS, RATES, SEATS, st.lists(st.floats(0, 20), max_size=20))
def test_each_slot_is_given_out_once_however_irregular_the_looks(
    start: float, rate: float, seats: int, looks: list[float]
) -> None:
    turns = Turns(start, rate, seats)
    times = sorted(start + look / rate for look in looks)
    slots = [slot for now in times for slot in turns.due(now)]
    assert slots == [(start + k / rate, k % seats) for k in range(len(slots))]
    assert all(planned <= times[-1] for planned, _ in slots)
    assert not times or turns.next > times[-1]


@given(STARTS, RATES, SEATS)
def test_a_user_s_slots_are_seats_over_rate_apart(start: float, rate: float, seats: int) -> None:
    turns = Turns(start, rate, seats)
    own = [planned for planned, seat in turns.due(start + 3 * seats / rate) if seat == 0]
    assert [later - one for one, later in pairwise(own)] == pytest.approx(
        [seats / rate] * (len(own) - 1), abs=1e-9
    )


def test_a_long_plan_does_not_drift() -> None:
    turns = Turns(1000.0, 997.0, 7)
    slots = sum(1 for _ in turns.due(1000.0 + 3600.0))
    assert slots == 997 * 3600 + 1
    assert turns.next == 1000.0 + slots / 997.0


def test_nothing_is_due_before_the_first_slot() -> None:
    assert list(Turns(10.0, 100.0, 3).due(9.999)) == []


@given(st.lists(st.integers(1, 20), min_size=1, max_size=3), st.integers(0, 2**32))
def test_every_deck_holds_each_endpoint_as_often_as_its_weight(
    weights: list[int], seed: int
) -> None:
    size = sum(weights)
    cards = Counter(islice(deck(weights, seed), 3 * size))
    assert cards == {index: 3 * weight for index, weight in enumerate(weights)}


def test_the_order_of_a_deck_is_decided_by_its_seed() -> None:
    one, same, other = (list(islice(deck((8, 1, 1), seed), 40)) for seed in (1, 1, 2))
    assert one == same != other


def test_weights_with_a_common_divisor_make_the_smallest_deck() -> None:
    assert Counter(islice(deck((80, 10, 10), 0), 10)) == {0: 8, 1: 1, 2: 1}
