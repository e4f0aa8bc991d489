"""The states of a task and the ways between them."""

from datetime import UTC, datetime

from asap.errors import InvalidTransitionError
from asap.models.entities import Task
from asap.models.enums import TaskStatus
from asap.transport.metrics import count_state_transition

__all__ = ["VALID_TRANSITIONS", "TaskStatus", "can_transition", "transition"]

VALID_TRANSITIONS: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.SUBMITTED: frozenset({TaskStatus.WORKING, TaskStatus.CANCELLED}),
    TaskStatus.WORKING: frozenset(
        {
            TaskStatus.COMPLETED,
            TaskStatus.FAILED,
            TaskStatus.CANCELLED,
            TaskStatus.INPUT_REQUIRED,
        }
    ),
    TaskStatus.INPUT_REQUIRED: frozenset({TaskStatus.WORKING, TaskStatus.CANCELLED}),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}


def can_transition(from_status: TaskStatus, to_status: TaskStatus) -> bool:
    return to_status in VALID_TRANSITIONS[from_status]


def transition(task: Task, new_status: TaskStatus) -> Task:
    """The task in its new status, updated now; InvalidTransitionError if there is no such way."""
    if not can_transition(task.status, new_status):
        raise InvalidTransitionError(task.status, new_status)
    count_state_transition(task.status.value, new_status.value)
    return task.model_copy(update={"status": new_status, "updated_at": datetime.now(UTC)})
