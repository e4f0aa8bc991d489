"""Which record of the truth server is which request of the generator."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

import numpy as np
import pytest

from asapbench.model import Measurement
from asapbench.offer import Flag
from asapbench.selfcheck.pairing import Asked, Pair, Served, pair


def requests(rows: Iterable[tuple[float, float, float, float, float]]) -> Measurement:
    """Rows of (user, planned, sent, done, flags)."""
    return _table("requests", ("user", "planned", "sent", "done", "flags"), rows)


def served(rows: Iterable[tuple[float, float, float, float]]) -> Measurement:
    """Rows of (connection, arrived, left, failed)."""
    return _table("served", ("connection", "arrived", "left", "failed"), rows)


def _table(name: str, columns: tuple[str, ...], rows: Iterable[tuple[float, ...]]) -> Measurement:
    values = [np.array(column, float) for column in zip(*rows, strict=True)]
    return Measurement(name, dict(zip(columns, values, strict=True)), {})


def times(pairs: list[Pair] | None) -> list[tuple[float, float]]:
    assert pairs is not None
    return sorted((asked.sent, record.arrived) for asked, record in pairs)


TWO_USERS = [(0, 1.0, 1.0, 1.4, 0), (1, 1.1, 1.1, 1.5, 0), (0, 2.0, 2.0, 2.4, 0)]


def test_a_request_belongs_to_the_record_that_its_times_enclose() -> None:
    records = [(7, 1.01, 1.39, 0), (9, 1.11, 1.49, 0), (7, 2.01, 2.39, 0)]
    found = times(pair(requests(TWO_USERS), served(records)))
    assert found == [(1.0, 1.01), (1.1, 1.11), (2.0, 2.01)]


def test_a_pair_keeps_all_that_both_sides_wrote_down() -> None:
    found = pair(requests([(0, 0.9, 1.0, 1.4, 0)]), served([(7, 1.01, 1.39, 1)]))
    assert found == [(Asked(0.9, 1.0, 1.4), Served(1.01, 1.39, failed=True))]


def test_users_and_connections_may_have_come_in_another_order() -> None:
    records = [(7, 1.11, 1.49, 0), (9, 1.01, 1.39, 0), (9, 2.01, 2.39, 0)]
    found = times(pair(requests(TWO_USERS), served(records)))
    assert found == [(1.0, 1.01), (1.1, 1.11), (2.0, 2.01)]


def test_a_connection_of_someone_else_is_left_over() -> None:
    records = [(3, 0.2, 0.3, 0), (7, 1.01, 1.39, 0), (9, 1.11, 1.49, 0), (7, 2.01, 2.39, 0)]
    assert len(times(pair(requests(TWO_USERS), served(records)))) == 3


@pytest.mark.parametrize(
    ("arrived", "left"), [(0.99, 1.39), (1.01, 1.41)], ids=["before it was sent", "after its end"]
)
def test_times_that_cannot_be_true_leave_no_pairs(arrived: float, left: float) -> None:
    assert pair(requests([(0, 1.0, 1.0, 1.4, 0)]), served([(7, arrived, left, 0)])) is None


def test_an_answered_request_that_the_server_never_saw_leaves_no_pairs() -> None:
    records = [(7, 1.01, 1.39, 0), (9, 1.11, 1.49, 0)]
    assert pair(requests(TWO_USERS), served(records)) is None


def test_a_request_that_the_generator_does_not_tell_of_leaves_no_pairs() -> None:
    records = [(7, 1.01, 1.2, 0), (7, 1.2, 1.39, 0)]
    assert pair(requests([(0, 1.0, 1.0, 1.4, 0)]), served(records)) is None


def test_of_two_connections_that_fit_the_tighter_one_is_taken() -> None:
    rows = [(0, 1.0, 1.0, 1.4, 0), (1, 1.02, 1.02, 1.38, 0)]
    records = [(7, 1.03, 1.37, 0), (9, 1.01, 1.39, 0)]
    assert times(pair(requests(rows), served(records))) == [(1.0, 1.01), (1.02, 1.03)]


@pytest.mark.parametrize("answered", [True, False])
def test_a_request_still_open_has_a_record_or_none_and_is_no_pair(answered: bool) -> None:
    rows = [(0, 1.0, 1.0, 1.4, 0), (0, 2.0, 2.0, 2.1, int(Flag.CENSORED))]
    records = [(7, 1.01, 1.39, 0), *([(7, 2.01, 2.2, 0)] if answered else [])]
    assert times(pair(requests(rows), served(records))) == [(1.0, 1.01)]


def test_a_slot_that_was_never_sent_is_no_request() -> None:
    rows = [(0, 1.0, 1.0, 1.4, 0), (0, 2.0, nan, 2.1, int(Flag.CENSORED | Flag.WAITED))]
    assert len(times(pair(requests(rows), served([(7, 1.01, 1.39, 0)])))) == 1
