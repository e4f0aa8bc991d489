"""The fields of a model as options for typer, declared once: in the model."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from asapbench.cli.completion import values_of
from asapbench.model import Plan, Value, extra_of, option_name
from asapbench.webui import WebPlan


def signature_of(*models: type[Value]) -> inspect.Signature:
    """A function of so many options."""
    fields = (item for model in models for item in _own_first(model))
    return inspect.Signature([_parameter(name, field) for name, field in fields])


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Those that were given on the command line."""
    return {name: value for name, value in options.items() if value not in (None, [])}


def _own_first(model: type[Value]) -> list[tuple[str, FieldInfo]]:
    """The fields of a plan: what only this command has, then exploring, then what all have."""
    fields = model.model_fields.items()
    if not issubclass(model, Plan):
        return list(fields)
    shared = (Plan.model_fields, WebPlan.model_fields)
    return sorted(fields, key=lambda item: [item[0] in names for names in shared])


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """An option without a default, so that what is not given can be looked for elsewhere."""
    extra = extra_of(field)
    flags = [_flag(name, field), *([str(extra["short"])] if "short" in extra else [])]
    say: dict[str, Any] = {
        "help": _help(field),
        "metavar": metavar(field),
        "show_default": False,
        "rich_help_panel": extra.get("panel"),
        "autocompletion": values_of(field, extra),
    }
    option = typer.Argument(**say) if "argument" in extra else typer.Option(*flags, **say)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_kind(field), option],
    )


def _flag(name: str, field: FieldInfo) -> str:
    positive = option_name(name)
    return positive if field.default is not True else f"{positive}/--no-{positive[2:]}"


def _help(field: FieldInfo) -> str:
    default = default_of(field)
    return f"{field.description}" + (f" [{default}]" if default else "")


def default_of(field: FieldInfo) -> str:
    """The default as help shows it; nothing for a flag, or where there is none."""
    default = field.default
    if field.is_required() or default is None or isinstance(default, bool | tuple):
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _kind(field: FieldInfo) -> Any:
    """Typer sees flags, lists and text; all checks are the Plan's."""
    if field.annotation is bool:
        return bool | None
    return list[str] | None if get_origin(field.annotation) is tuple else str | None


def metavar(field: FieldInfo) -> str:
    """What stands for the value; nothing for a flag."""
    extra = extra_of(field)
    if field.annotation is bool:
        return ""
    if "metavar" in extra:
        return str(extra["metavar"])
    if any(isinstance(rule, BeforeValidator) for rule in field.metadata):
        return "TIME"
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    kinds: dict[Any, str] = {int: "N", float: "X", Path | None: "FILE"}
    return kinds.get(field.annotation, "TEXT")
