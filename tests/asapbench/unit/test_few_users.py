"""Users that cannot offer a rate to any server, told from a server that cannot bear it."""

from collections.abc import Callable
from typing import Any

import pytest

from asapbench.few_users import too_few_users
from asapbench.model import Note, Run

MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]


@pytest.fixture
def note(make_run: MakeRun, row: MakeRow) -> Callable[..., Note | None]:
    """Of requests that took so many seconds, one after the other, at 100 req/s by 10 users."""

    def find(*took: float, **more: Any) -> Note | None:
        rows = [row(k / 100, sent=k / 100, done=k / 100 + t, **more) for k, t in enumerate(took)]
        return next(too_few_users(make_run(rows), 100.0, 10), None)

    return find


@pytest.mark.parametrize(("takes", "said"), [(0.001, False), (0.089, False), (0.091, True)])
def test_a_user_who_waits_all_the_time_cannot_offer_its_share(
    note: Callable[..., Note | None], takes: float, said: bool
) -> None:
    assert (note(*[takes] * 60) is not None) == said


def test_an_overloaded_server_is_known_by_its_first_answers(
    note: Callable[..., Note | None],
) -> None:
    assert note(*[0.002] * 40, *[0.5] * 1000) is None


def test_a_cold_start_is_passed_over(note: Callable[..., Note | None]) -> None:
    assert note(*[1.0] * 10, *[0.002] * 50) is None


def test_the_number_of_users_that_would_do_is_named(note: Callable[..., Note | None]) -> None:
    found = note(*[0.2] * 60)
    assert found is not None
    assert "as it began 10 users with one request each can ask 50.0 req/s at most" in found.text
    assert "--users 40" in found.hint


def test_of_a_few_requests_nothing_is_said(note: Callable[..., Note | None]) -> None:
    assert note(*[0.2] * 9) is None
