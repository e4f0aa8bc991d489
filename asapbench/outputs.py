"""Where the results of a command go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from asapbench.errors import BrokenRun
from asapbench.model import Report, Value, option_name

STDOUT = Path("-")


_FORMATS = {
    "json_": ("document", "render_json"),
    "html": ("page", "render_html"),
    "markdown": ("markdown", "render_markdown"),
    "junit": ("junit", "render_junit"),
}


class Outputs(Value):
    """The output options that all commands have in common."""

    json_: Path | None = Field(
        None, description="Write the report as JSON to FILE, - for standard output"
    )
    html: Path | None = Field(
        None, description="Write a page with charts that opens offline; - for standard output"
    )
    markdown: Path | None = Field(
        None, description="Write it as Markdown, for a pull request; - for standard output"
    )
    junit: Path | None = Field(
        None, description="Write the verdicts as JUnit XML, for CI; - for standard output"
    )
    csv: Path | None = Field(
        None,
        json_schema_extra={"metavar": "PREFIX"},
        description="Write CSV tables: PREFIX_metrics.csv, _endpoints.csv, _seconds.csv, …",
    )
    save: bool = Field(True, description="Keep the run in .asapbench/runs")
    quiet: bool = Field(
        False, description="No progress, and only the verdicts", json_schema_extra={"short": "-q"}
    )

    @field_validator("json_", "html", "markdown", "junit", "csv")
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

    @model_validator(mode="after")
    def _one_on_stdout(self) -> Self:
        taken = [option_name(name) for name in _FORMATS if getattr(self, name) == STDOUT]
        if len(taken) > 1:
            raise ValueError(f"{' and '.join(taken)} cannot both go to standard output")
        return self

    @property
    def stdout_taken(self) -> bool:
        """Whether a machine-readable output has standard output for itself."""
        return any(getattr(self, name) == STDOUT for name in _FORMATS)


def write(report: Report, outputs: Outputs) -> None:
    """Write the files that were asked for. Raises BrokenRun naming one that cannot be written."""
    for name in _FORMATS:
        file = getattr(outputs, name)
        if file:
            _put(file, _rendered(name, report))
    if outputs.csv:
        from asapbench.report.tables import render_csv

        for name, text in render_csv(report).items():
            _put(outputs.csv.with_name(f"{outputs.csv.name}_{name}.csv"), text)
    _summarise(report)


def _rendered(name: str, report: Report) -> str:
    module, function = _FORMATS[name]  # only what is asked for is imported
    render: Callable[[Report], str] = getattr(import_module(f"asapbench.report.{module}"), function)
    return render(report)


def _summarise(report: Report) -> None:
    """Add the verdicts to the page of a job of GitHub Actions, where there is one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), Path(page).open("a", encoding="utf-8") as file:
            file.write(_rendered("markdown", report) + "\n")


def _put(file: Path, text: str) -> None:
    if file == STDOUT:
        sys.stdout.write(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BrokenRun(f"{str(file)!r} cannot be written: {error.strerror}") from error
