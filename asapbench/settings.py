"""Options put together from the command line, the environment, files and defaults."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from asapbench.errors import UsageError
from asapbench.model import extra_of, option_name

_OWN_FILE = Path("asapbench.toml")
_PROJECT_FILE = Path("pyproject.toml")

Layer = tuple[str, Mapping[str, Any]]


def variable_name(field: str) -> str:
    """`spawn_rate` as it is written in the environment: `ASAPBENCH_SPAWN_RATE`."""
    return "ASAPBENCH_" + field.strip("_").upper()


def complete(
    models: Sequence[type[BaseModel]],
    command: str,
    given: Mapping[str, Any],
    commands: frozenset[str] = frozenset(),
    others: Sequence[type[BaseModel]] = (),
    unheard: Collection[str] = (),
) -> list[Any]:
    """One value of each model, from what was given and what stands elsewhere.

    Options of the `others` may stand there too; nobody asks for them now. Those `unheard` of are
    not looked for in the environment.

    The command line wins over the environment, that over `asapbench.toml`, that over
    `pyproject.toml`. Raises UsageError naming the option, its value, what is allowed, and where it
    was set; also where a file has a table for none of `commands`.
    """
    if commands:
        _refuse_unknown_tables(commands)
    fields = [field for model in (*models, *others) for field in model.model_fields]
    sources: dict[str, str] = {}
    values: dict[str, Any] = {}
    for where, layer in _layers(fields, command, given, unheard):
        for field, value in layer.items():
            values[field] = value
            sources[field] = where.format(option=option_name(field), variable=variable_name(field))
    return [_validated(model, values, sources) for model in models]


def _layers(
    fields: Sequence[str], command: str, given: Mapping[str, Any], unheard: Collection[str]
) -> Iterator[Layer]:
    """The weakest first, each with a template of how it names an option."""
    yield _file_layer(_PROJECT_FILE, ("tool", "asapbench", command), fields)
    yield _file_layer(_OWN_FILE, (command,), fields)
    heard = (field for field in fields if field not in unheard)
    variables = {field: os.environ.get(variable_name(field)) for field in heard}
    yield "{variable}", {field: value for field, value in variables.items() if value is not None}
    yield "{option}", given


def _file_layer(file: Path, keys: Sequence[str], fields: Sequence[str]) -> Layer:
    place = f"{file} [{'.'.join(keys)}]"
    by_option = {option_name(field)[2:]: field for field in fields}
    by_option |= {field.strip("_"): field for field in fields}
    table = _table(file, keys)
    unknown = [key for key in table if key not in by_option]
    if unknown:
        known = ", ".join(option_name(field)[2:] for field in fields)
        raise UsageError(f"{place}: there is no option {unknown[0]!r}, only {known}")
    return f"{{option}} (in {place})", {by_option[key]: value for key, value in table.items()}


def _refuse_unknown_tables(commands: frozenset[str]) -> None:
    for file, keys in ((_PROJECT_FILE, ("tool", "asapbench")), (_OWN_FILE, ())):
        for name in sorted(set(_table(file, keys)) - commands):
            known = ", ".join(sorted(commands))
            raise UsageError(f"{file}: there is no command {name!r}, only {known}")


def _table(file: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    if not os.path.lexists(file):
        return {}
    try:
        content: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    for key in keys:
        content = content.get(key, {})
        if not isinstance(content, dict):
            raise UsageError(f"{file}: {'.'.join(keys)} is not a table of options")
    return dict(content)


def _validated(
    model: type[BaseModel], values: Mapping[str, Any], sources: Mapping[str, str]
) -> BaseModel:
    own = {
        field: value.splitlines() if isinstance(value, str) and _is_list(model, field) else value
        for field, value in values.items()
        if field in model.model_fields
    }
    try:
        return model.model_validate(own)
    except ValidationError as error:
        raise UsageError(_one_line(error, model, sources)) from error


def _plain(value: Any) -> str:
    """A value as it may be shown: without the password that a URL may hold."""
    return re.sub(r"//\S*@", "//***@", repr(value))


def _is_list(model: type[BaseModel], field: str) -> bool:
    return get_origin(model.model_fields[field].annotation) is tuple


def _one_line(error: ValidationError, model: type[BaseModel], sources: Mapping[str, str]) -> str:
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if not first["loc"]:
        return re.sub(r"--[\w-]+", lambda option: _source(option[0], sources), message)
    field = str(first["loc"][0])
    if first["type"] == "missing":
        return f"{_argument(model, field)} is missing"
    # a list may hold headers, whose values are nobody's business
    shown = "" if _is_list(model, field) else f"{_plain(first['input'])} is refused: "
    return f"{sources.get(field, option_name(field))}: {shown}{message}"


def _argument(model: type[BaseModel], field: str) -> str:
    """What is given without a name is called as help calls it."""
    extra = extra_of(model.model_fields[field])
    return str(extra["metavar"]) if "argument" in extra else field


def _source(option: str, sources: Mapping[str, str]) -> str:
    """An option as it was set: `--host (in pyproject.toml …)`, or the variable that set it."""
    return next((where for field, where in sources.items() if option_name(field) == option), option)
