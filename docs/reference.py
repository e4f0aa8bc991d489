"""What is made of the program itself: `make reference` writes it anew.

The pages of reference, the outputs that pages show of stored runs, and the pictures of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib import resources
from inspect import cleandoc
from typing import Any

from pydantic.fields import FieldInfo

from asapbench.cli.options import default_of, extra_of, metavar
from asapbench.commands import benches, commands
from asapbench.model import Bench, Command, Plan, Value, option_name
from asapbench.outputs import Outputs
from asapbench.targets import read_table
from docs.blocks import FOLDER, PAGES
from docs.shown import PICTURES, filled, picture

_MADE = "<!-- made by `make reference` -->\n\n"


def pages() -> dict[str, str]:
    """The text of each page by its file name."""
    return {
        "reference-cli.md": _MADE + "\n".join(_command_line()),
        "reference-targets.md": _MADE + "\n".join(_targets()),
        "reference-metrics.md": _MADE + "\n".join(_metrics()),
        "reference-report.md": _MADE + "\n".join(_report()),
    }


def _command_line() -> Iterator[str]:
    yield (
        "# Command line\n\nOptions of the commands that measure can also stand in "
        "`[tool.asapbench.<command>]` of `pyproject.toml`, in `[<command>]` of `asapbench.toml`, "
        "and in `ASAPBENCH_<OPTION>`; the command line wins over the environment, that over "
        "`asapbench.toml`, that over `pyproject.toml`. Durations are seconds, or `90s`, `5m`, "
        "`1h`. [Exit codes](reference-exit-codes.md) are the same for all that measure.\n"
    )
    for bench in benches().values():
        own = {k: v for k, v in bench.plan.model_fields.items() if k not in Plan.model_fields}
        alone = bench.outputs.model_fields if bench.outputs else {}
        yield from _command(bench, (own | alone).items())
    yield from _options("Common to the commands that measure", Plan.model_fields.items())
    yield from _options("Results of the commands that measure", Outputs.model_fields.items())
    for command in commands().values():
        yield from _command(command, command.options.model_fields.items())


def _command(found: Bench | Command, fields: Iterable[tuple[str, FieldInfo]]) -> Iterator[str]:
    examples = "\n".join(f"$ {line}  # {what}" for line, what in found.examples)
    text = f"{cleandoc(found.doc)}\n\n```console\n{examples}\n```\n"
    yield from _options(f"asapbench {found.name}", fields, text)
    if isinstance(found, Command):
        codes = "; ".join(f"{int(code)} {text}" for code, text in found.exits.items())
        yield f"Exit codes: {codes}.\n"


def _options(title: str, fields: Iterable[tuple[str, FieldInfo]], text: str = "") -> Iterator[str]:
    yield f"## {title}\n\n{text}"
    yield "| Option | Value | Default | |\n|---|---|---|---|"
    for name, field in fields:
        extra = extra_of(field)
        shown = option_name(name) if "argument" not in extra else str(extra["metavar"])
        short = f", `{extra['short']}`" if "short" in extra else ""
        off = f" / `--no-{shown[2:]}`" if field.default is True else ""
        value = metavar(field)
        cells = (
            f"`{shown}`{short}{off}",
            f"`{_cell(value)}`" if value else "",
            default_of(field),
            _cell(str(field.description)),
        )
        yield f"| {' | '.join(cells)} |"
    yield ""


def _targets() -> Iterator[str]:
    yield (
        "# Targets\n\nThe table that ships. `asapbench targets` prints the one in force, "
        "`asapbench targets --write FILE` starts one of your own, `--targets FILE` judges by it. "
        "A row may name any [metric](reference-metrics.md) of the run.\n"
    )
    for name in benches():
        yield f"## {name}\n\n| Metric | Limit | | Why |\n|---|---|---|---|"
        for row in read_table(name, None):
            marks = f"marks a step as {row.marks}" if row.marks else ""
            yield f"| `{row.metric}` | `{row.limit}` | {marks} | {row.why} |"
        yield ""


def _metrics() -> Iterator[str]:
    yield (
        "# Metrics\n\nWhat a run of each command gives, with the defaults of its plan, where there "
        'are samples enough. A label in braces chooses a part: `latency.p99{endpoint="asap"}`. '
        "[The words](terminology.md) says what they are. Each has its interval but for extremes: "
        "`min`, `max` and the most memory held (`rss`) are what was seen, and bound nothing.\n"
    )
    for bench in benches().values():
        yield f"## {bench.name}\n\n| Metric | Unit | Parts |\n|---|---|---|"
        produced = bench.produces(bench.plan())
        for name in dict.fromkeys(key.partition("{")[0] for key in produced):
            labels = [key for key in produced if key.startswith(name + "{")]
            unit = produced.get(name) or produced[labels[0]]
            kinds = sorted({label.partition("{")[2].partition("=")[0] for label in labels})
            yield f"| `{name}` | {unit} | {', '.join(kinds)} |"
        yield ""


def _report() -> Iterator[str]:
    schema = resources.files("asapbench.report").joinpath("schema.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(schema)
    yield f"# Report as JSON\n\n`--json FILE`. {content['description']} The JSON Schema:\n"
    yield f"```json\n{schema.rstrip()}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def fields_of(model: type[Value]) -> list[str]:
    """The options that a model makes."""
    return [option_name(name) for name in model.model_fields]


def main() -> None:
    """Write the pages of reference, then fill in what is shown."""
    for page, content in pages().items():
        (FOLDER / page).write_text(content, encoding="utf-8")
    for file in PAGES:
        file.write_text(filled(file.read_text(encoding="utf-8")), encoding="utf-8")
    for image, name in PICTURES.items():
        (FOLDER / "images" / image).write_text(picture(name), encoding="utf-8")


if __name__ == "__main__":
    main()
