"""Where the results of a command go."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pydantic import Field, field_validator

from asapbench.errors import BrokenRun
from asapbench.model import Report, Value

STDOUT = Path("-")


class Outputs(Value):
    """The output options that all commands have in common."""

    json_: Path | None = Field(
        None, description="Write the report as JSON to FILE, - for standard output"
    )
    csv: Path | None = Field(
        None, description="Write CSV tables to PREFIX_metrics.csv, _endpoints.csv, _steps.csv …"
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

    @property
    def stdout_taken(self) -> bool:
        """Whether a machine-readable output has standard output for itself."""
        return self.json_ == STDOUT


def write(report: Report, outputs: Outputs) -> None:
    """Write the files that were asked for. Raises BrokenRun naming one that cannot be written."""
    from asapbench.report.document import render_json  # only what is asked for is imported
    from asapbench.report.tables import render_csv

    if outputs.json_:
        _put(outputs.json_, render_json(report))
    if outputs.csv:
        for name, text in render_csv(report).items():
            _put(outputs.csv.with_name(f"{outputs.csv.name}_{name}.csv"), text)


def _put(file: Path, text: str) -> None:
    if file == STDOUT:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BrokenRun(f"{str(file)!r} cannot be written: {error.strerror}") from error
