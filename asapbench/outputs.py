"""Where the results of a command go."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from asapbench.errors import BrokenRun, Exit
from asapbench.model import Report, Value
from asapbench.units import parse_share

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

STDOUT = Path("-")


class Outputs(Value):
    """The output options that all commands have in common."""

    json_: Path | None = Field(
        None, description="Write the report as JSON to FILE, - for standard output"
    )
    csv: Path | None = Field(
        None,
        json_schema_extra={"metavar": "PREFIX"},
        description="Write CSV tables: PREFIX_metrics.csv, _endpoints.csv, _seconds.csv, …",
    )
    save: str | None = Field(
        None,
        pattern=r"^[\w.@+-]+$",
        json_schema_extra={"metavar": "NAME"},
        description="Keep the result under NAME, to compare others with",
    )
    baseline: str | None = Field(
        None,
        json_schema_extra={"metavar": "NAME"},
        description="Compare with the result kept under NAME, or in this file",
    )
    max_slowdown: Annotated[float, BeforeValidator(parse_share)] = Field(
        0.05,
        ge=0,
        json_schema_extra={"metavar": "SHARE"},
        description="With --baseline: exit 1 where something is proven to be slower by more",
    )
    quiet: bool = Field(
        False, description="No progress, and only the verdicts", json_schema_extra={"short": "-q"}
    )

    @field_validator("json_", "csv")
    @classmethod
    def _can_be_written(cls, value: Path | None) -> Path | None:
        if value is None or value == STDOUT:
            return value
        if value.is_dir() or not os.access(value if value.exists() else value.parent, os.W_OK):
            raise ValueError("must be a file in a folder that exists and can be written")
        return value

    @field_validator("csv")
    @classmethod
    def _is_prefix(cls, value: Path | None) -> Path | None:
        if value == STDOUT:
            raise ValueError("must be the beginning of file names, since there are several tables")
        return value

    @field_validator("baseline")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        if value is not None:
            from asapbench.baselines import read  # numpy: only for who compares

            read(value)  # asked before the run, which takes a minute
        return value

    @property
    def stdout_taken(self) -> bool:
        """Whether a machine-readable output has standard output for itself."""
        return self.json_ == STDOUT


def compared(report: Report, outputs: Outputs) -> Comparison | None:
    """What a report says against the baseline, if one was named."""
    if outputs.baseline is None:
        return None
    from asapbench.baselines import of_report, read
    from asapbench.comparison import compare
    from asapbench.report.document import document

    return compare(read(outputs.baseline), of_report("this run", document(report)))


def exit_code(report: Report, comparison: Comparison | None, outputs: Outputs) -> int:
    """That of the verdicts, or 1 where something has become too slow.

    Without a target there is the comparison alone to go by.
    """
    if comparison is None or report.exit_code not in {Exit.PASS, Exit.NO_VERDICT}:
        return report.exit_code
    if comparison.slower_than(outputs.max_slowdown):
        return Exit.MISSED
    only_compared = not report.verdicts and comparison.rows
    return Exit.PASS if only_compared else report.exit_code


def write(report: Report, outputs: Outputs, comparison: Comparison | None = None) -> None:
    """Write the files that were asked for. Raises BrokenRun naming one that cannot be written."""
    from asapbench.report.document import render_json  # only what is asked for is imported
    from asapbench.report.tables import render_csv

    if outputs.save:
        from asapbench.baselines import save

        save(outputs.save, render_json(report))
    if outputs.json_:
        _put(outputs.json_, render_json(report, _told(comparison, outputs)))
    if outputs.csv:
        for name, text in render_csv(report).items():
            _put(outputs.csv.with_name(f"{outputs.csv.name}_{name}.csv"), text)


def _told(comparison: Comparison | None, outputs: Outputs) -> dict[str, Any] | None:
    if comparison is None:
        return None
    from asapbench.report.comparison import comparison_document

    return comparison_document(comparison, outputs.max_slowdown)


def _put(file: Path, text: str) -> None:
    if file == STDOUT:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BrokenRun(f"{str(file)!r} cannot be written: {error.strerror}") from error
