"""Show that the instrument is right on this machine, against servers of known truth.

Each row starts a server whose truth is known, measures it in the normal way, and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field, field_validator

from asapbench.errors import BrokenRun, Exit
from asapbench.model import Command, Value
from asapbench.terminal import width_of_stdout
from asapbench.writable import STDOUT, writable

if TYPE_CHECKING:
    from asapbench.selfcheck.row import Result, Row

RowName = Literal[
    "fixed",
    "two-point",
    "exponential",
    "stopped",
    "fast-errors",
    "starved",
    "known-capacity",
    "objects-200",
    "objects-2000",
    "bytes-200",
    "bytes-2000",
    "native-200",
    "native-2000",
    "healthy",
    "cache",
    "warm-up",
    "ref-cycles",
]


class SelfcheckOptions(Value):
    """Which rows, how long, and where to write it."""

    quick: bool = Field(
        False, description="Shorter runs, and only of load: a minute at most where none is off"
    )
    row: tuple[RowName, ...] = Field(
        (),
        description="Only this row, may be repeated: " + ", ".join(get_args(RowName)),
    )
    json_: Path | None = Field(
        None, description="Write the rows as JSON to FILE, - for standard output"
    )

    @field_validator("json_")
    @classmethod
    def _can_be_written(cls, file: Path | None) -> Path | None:
        return writable(file)  # asked before the runs, which take a minute


def run(options: SelfcheckOptions) -> tuple[str, Exit]:
    """Run the rows, each shown when it is done; the answer is what there is to say of all."""
    from asapbench.selfcheck.render import document, exit_code, heading, summary
    from asapbench.selfcheck.rows import ROWS  # psutil and more: not for --help

    rows = [row for row in ROWS if _chosen(row, options)]
    silent = options.json_ == STDOUT
    _say([] if silent else [heading()])
    results = []
    for number, row in enumerate(rows, start=1):
        title = f"{row.name} ({number} of {len(rows)}): {row.about}"
        results.append(_done(row, title, options, silent=silent))
    code = exit_code(results)
    if silent:
        return document(results), code
    if options.json_:
        _put(options.json_, document(results))
    return f"\n{summary(results)}\n", code


def _chosen(row: Row, options: SelfcheckOptions) -> bool:
    """Those named, or all; those of stress and memory take long, so a quick check has none."""
    if options.row:
        return row.name in options.row
    return not (options.quick and row.long)


def _done(row: Row, title: str, options: SelfcheckOptions, *, silent: bool) -> Result:
    from asapbench.live import watching
    from asapbench.selfcheck.perform import perform
    from asapbench.selfcheck.render import lines
    from asapbench.selfcheck.row import doubtful, settled

    with watching(quiet=False, title=title, below=True) as watch:
        runs = [perform(row, watch, quick=options.quick)]
        while doubtful(runs):
            runs.append(perform(row, watch, quick=options.quick))
    result = settled(runs)
    width = max(60, width_of_stdout(100))
    _say([] if silent else list(lines(result, width)))
    return result


def _say(lines: list[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def _put(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BrokenRun(f"--json: {str(file)!r} cannot be written: {error.strerror}") from error


COMMAND = Command(
    name="selfcheck",
    options=SelfcheckOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench selfcheck --quick", "the rows of load, in a minute"),
        ("asapbench selfcheck --row fixed --row cache", "these alone"),
    ),
    own_exits={
        Exit.PASS: "all is right",
        Exit.MISSED: "a row is off",
        Exit.BROKEN: "a row could not be run",
    },
)
