"""The state machine of a task."""

from datetime import UTC, datetime
from itertools import product

import pytest

from asap.errors import InvalidTransitionError
from asap.models import Task, TaskStatus
from asap.state import machine
from asap.state.machine import VALID_TRANSITIONS, can_transition, transition
from asap.transport.metrics import PROCESS

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

ALLOWED = {
    ("submitted", "working"),
    ("submitted", "cancelled"),
    ("working", "completed"),
    ("working", "failed"),
    ("working", "cancelled"),
    ("working", "input_required"),
    ("input_required", "working"),
    ("input_required", "cancelled"),
}
EVERY_PAIR = pytest.mark.parametrize(("old", "new"), list(product(TaskStatus, TaskStatus)))


def task(status: TaskStatus) -> Task:
    return Task(
        id="t", conversation_id="c", status=status, created_at=LONG_AGO, updated_at=LONG_AGO
    )


@EVERY_PAIR
def test_only_these_transitions_are_possible(old: TaskStatus, new: TaskStatus) -> None:
    assert can_transition(old, new) is ((old.value, new.value) in ALLOWED)


def test_the_table_has_every_status_and_nothing_leaves_the_terminal_ones() -> None:
    assert set(VALID_TRANSITIONS) == set(TaskStatus)
    assert {old for old, new in VALID_TRANSITIONS.items() if not new} == (
        TaskStatus.terminal_states()
    )


def test_the_machine_offers_the_status_too() -> None:
    assert machine.TaskStatus is TaskStatus


def test_a_transition_gives_a_copy_updated_now() -> None:
    old = task(TaskStatus.SUBMITTED)
    before = datetime.now(UTC)
    new = transition(old, TaskStatus.WORKING)
    assert new == old.model_copy(
        update={"status": TaskStatus.WORKING, "updated_at": new.updated_at}
    )
    assert before <= new.updated_at <= datetime.now(UTC)
    assert old.status is TaskStatus.SUBMITTED


def test_an_impossible_transition_is_refused_with_both_states() -> None:
    with pytest.raises(InvalidTransitionError) as caught:
        transition(task(TaskStatus.COMPLETED), TaskStatus.WORKING)
    assert (caught.value.from_state, caught.value.to_state) == ("completed", "working")


def count(old: str, new: str) -> float:
    labels = {"from_status": old, "to_status": new}
    return PROCESS.get_sample_value("asap_state_transitions_total", labels) or 0.0


def test_a_transition_is_counted() -> None:
    before = count("working", "failed")
    transition(task(TaskStatus.WORKING), TaskStatus.FAILED)
    assert count("working", "failed") == before + 1


def test_a_refused_transition_is_not_counted() -> None:
    before = count("failed", "working")
    with pytest.raises(InvalidTransitionError):
        transition(task(TaskStatus.FAILED), TaskStatus.WORKING)
    assert count("failed", "working") == before
