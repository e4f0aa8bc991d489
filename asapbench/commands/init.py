"""Write an asapbench.toml with every option in it, and a workflow for GitHub Actions.

The workflow measures a pull request and its base branch on the same runner and compares them. \
Nothing that exists is written over.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic.fields import FieldInfo

from asapbench.errors import Exit, UsageError
from asapbench.model import Bench, Command, Value, option_name
from asapbench.outputs import options_of

OPTIONS = Path("asapbench.toml")
WORKFLOW = Path(".github") / "workflows" / "asapbench.yml"
_HEAD = """\
# Options of asapbench, by command. What is commented out is the default; the command line and
# ASAPBENCH_... variables win over this file. `asapbench targets --write limits.toml` starts a table
# of your own, which `targets = "limits.toml"` then names.
"""


class InitOptions(Value):
    """Where."""

    folder: Path = Field(
        Path(),
        json_schema_extra={"argument": True, "metavar": "FOLDER"},
        description="Of the project; the current folder",
    )


def run(options: InitOptions) -> tuple[str, Exit]:
    """Write both files. Raises UsageError for one that exists or cannot be written."""
    texts = {OPTIONS: options_text(), WORKFLOW: workflow_text()}
    for file in texts:
        if (options.folder / file).exists():
            raise UsageError(f"{str(options.folder / file)!r} exists already; remove it first")
    for file, text in texts.items():
        _write(options.folder / file, text)
    return f"wrote {' and '.join(str(options.folder / file) for file in texts)}\n", Exit.PASS


def options_text() -> str:
    """Every option of every command that measures, commented out, with its default."""
    from asapbench.commands import benches

    return "\n".join([_HEAD, *(line for bench in benches().values() for line in _table(bench))])


def workflow_text() -> str:
    """The workflow that ships with the package."""
    return resources.files("asapbench").joinpath("workflow.yml").read_text(encoding="utf-8")


def _table(bench: Bench) -> Iterator[str]:
    yield f"[{bench.name}]"
    for model in options_of(bench):
        for name, field in model.model_fields.items():
            yield f"# {option_name(name)[2:]} = {_toml(field)}  # {field.description}"
    yield ""


def _toml(field: FieldInfo) -> str:
    """The default, or an empty text where there is none."""
    default: Any = field.default
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return f"{default:g}"
    return f'"{default or ""}"'


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{str(file)!r} cannot be written: {error.strerror}") from error


COMMAND = Command(
    name="init",
    options=InitOptions,
    run=run,
    doc=__doc__,
    examples=(("asapbench init", "in the root folder of a project"),),
)
