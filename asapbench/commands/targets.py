"""Print the targets in force, and where each comes from; or start a table of your own.

A table of your own is named by --targets, or by `targets` in asapbench.toml for a command. Other \
commands keep the table that ships with asapbench.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from asapbench.errors import Exit, UsageError
from asapbench.model import Bench, Command, Target, Value
from asapbench.outputs import options_of
from asapbench.targets import SHIPPED, has_rows, own_rows, read_table, shipped_text

_GAP = "  "


class TargetsOptions(Value):
    """Of which table, and where a copy of it goes."""

    targets: Path | None = Field(None, description="Show this table instead of those configured")
    write: Path | None = Field(
        None, description="Write the table that ships with asapbench to FILE, to be changed"
    )


def run(options: TargetsOptions) -> tuple[str, Exit]:
    """One line a row, by command."""
    from asapbench.commands import benches

    if options.write is not None:
        return _written(options.write), Exit.PASS
    tables = [_table(bench, options.targets) for bench in benches().values()]
    return "\n".join(line for table in tables for line in _lines(table)), Exit.PASS


def _table(bench: Bench, file: Path | None) -> list[tuple[str, ...]]:
    from asapbench.settings import complete

    if file is None:
        (plan,) = complete((bench.plan,), bench.name, {}, others=options_of(bench)[1:])
        file = plan.targets
    elif not has_rows(bench.name, file):
        file = None
    own = own_rows(bench.name, file) if file else ()
    return [
        _row(bench.name, target, str(file) if target in own else SHIPPED)
        for target in read_table(bench.name, file)
    ]


def _row(command: str, target: Target, source: str) -> tuple[str, ...]:
    marks = f"marks a step as {target.marks}" if target.marks else ""
    return command, target.metric, target.limit, marks, source, target.why


def _lines(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Aligned, with the reason below each row."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, why in rows:
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True) if width)
        yield _GAP.join(padded).rstrip()
        yield f"{' ' * (widths[0] + len(_GAP))}{why}"
    yield ""


def _written(file: Path) -> str:
    try:
        with file.open("x", encoding="utf-8") as fresh:
            fresh.write(shipped_text())
    except FileExistsError as error:
        raise UsageError(f"--write: {str(file)!r} exists already; give another name") from error
    except OSError as error:
        raise UsageError(f"--write: {str(file)!r} cannot be written: {error.strerror}") from error
    return f"{file} has the targets of all commands; judge by it with --targets {file}\n"


COMMAND = Command(
    name="targets",
    options=TargetsOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench targets", "the tables in force"),
        ("asapbench targets --write limits.toml", "one of your own, to be changed"),
        ("asapbench targets --targets limits.toml", "as it will be judged by it"),
    ),
)
