"""Whether two results are of one plan: only then their difference is one of what was measured.

What has to be the same is what is offered. How long, how surely and by which table, the seed and
the server may differ: the server is what is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from asapbench.errors import UsageError
from asapbench.model import Plan, extra_of, option_name

if TYPE_CHECKING:
    from asapbench.comparison import Results


def offered(plan: type[Plan]) -> tuple[str, ...]:
    """The options that say what is measured: those of the load, and those that say so."""
    extras = {name: extra_of(field) for name, field in plan.model_fields.items()}
    return tuple(name for name, e in extras.items() if e.get("alike", e.get("panel") == "Load"))


def refuse_unlike(old: Results, new: Results, plans: Mapping[str, type[Plan]]) -> None:
    """Raises UsageError with what differs. Of the results of other tools nothing is known."""
    if not old.command or not new.command:
        return
    if old.command != new.command:
        raise UsageError(
            f"{old.name!r} is of {old.command} and {new.name!r} of {new.command}: "
            "only results of one command can be compared"
        )
    if plan := plans.get(old.command):
        differing = _differing(offered(plan), old.plan, new.plan)
        if differing:
            raise UsageError(
                f"{old.name!r} and {new.name!r} are of different plans: {', '.join(differing)}; "
                "measure both by the same"
            )


def _differing(names: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Options that a newer asapbench added are not known of an older result."""
    return [
        f"{option_name(name)} {_written(old[name])} / {_written(new[name])}"
        for name in names
        if name in old and name in new and old[name] != new[name]
    ]


def _written(value: Any) -> str:
    if value in (None, "", []):
        return "(none)"
    return f"{value:g}" if isinstance(value, float) else str(value)
