"""Where the results of a command go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from asapbench.errors import EXITS, BenchError, BrokenRun, Exit, UsageError
from asapbench.model import Bench, Plan, Report, Value, option_name
from asapbench.report.outcome import void
from asapbench.store import BASELINES
from asapbench.terminal import mute, tell
from asapbench.units import parse_share
from asapbench.writable import STDOUT, same_files, why_not_made, writable

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Results

# what --csv may write, after the prefix
TABLES = ("metrics", "endpoints", "seconds", "steps", "processes", "cycles", "components")

_FORMATS = {
    "json_": ("document", "render_json"),
    "html": ("page", "render_html"),
    "markdown": ("markdown", "render_markdown"),
    "junit": ("junit", "render_junit"),
}


class Formats(Value):
    """In which formats a report is written, and where."""

    json_: Path | None = Field(
        None,
        description="Write the report as JSON to FILE, - for standard output",
        json_schema_extra={"panel": "Output"},
    )
    html: Path | None = Field(
        None,
        description="Write a page with charts that opens offline; - for standard output",
        json_schema_extra={"panel": "Output"},
    )
    markdown: Path | None = Field(
        None,
        description="Write it as Markdown, for a pull request; - for standard output",
        json_schema_extra={"panel": "Output"},
    )
    junit: Path | None = Field(
        None,
        description="Write the verdicts as JUnit XML, for CI; - for standard output",
        json_schema_extra={"panel": "Output"},
    )
    csv: Path | None = Field(
        None,
        json_schema_extra={"panel": "Output", "metavar": "PREFIX"},
        description="Write CSV tables: PREFIX_metrics.csv, _endpoints.csv, _steps.csv, …",
    )
    quiet: bool = Field(
        False,
        description="No progress, and only the verdicts",
        json_schema_extra={"panel": "Output", "short": "-q"},
    )

    @field_validator("json_", "html", "markdown", "junit")
    @classmethod
    def _can_be_written(cls, value: Path | None) -> Path | None:
        return writable(value)

    @field_validator("csv")
    @classmethod
    def _is_prefix(cls, value: Path | None) -> Path | None:
        if value == STDOUT or (value is not None and value.is_dir()):
            raise ValueError("must be the beginning of file names, since there are several tables")
        for file in _tables_at(value) if value else ():
            writable(file)
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


class Outputs(Formats):
    """The output options of the commands that measure."""

    no_save: bool = Field(
        False,
        description="Do not keep the run in .asapbench/runs",
        json_schema_extra={"panel": "Output"},
    )
    save: str | None = Field(
        None,
        pattern=r"^[\w.@+-]+$",
        json_schema_extra={"panel": "Output", "metavar": "NAME"},
        description="Keep the result under NAME, to compare others with",
    )
    baseline: str | None = Field(
        None,
        json_schema_extra={"panel": "Judging", "metavar": "NAME", "values": "results"},
        description="Compare with the result kept under NAME, or in this file",
    )
    max_slowdown: Annotated[float, BeforeValidator(parse_share)] = Field(
        0.05,
        ge=0,
        json_schema_extra={"panel": "Judging", "metavar": "SHARE"},
        description="With --baseline: exit 1 where something is proven to be slower by more",
    )

    @field_validator("save")
    @classmethod
    def _can_be_saved(cls, value: str | None) -> str | None:
        if value is not None and (why := why_not_made(BASELINES / f"{value}.json")):
            raise ValueError(why)
        return value


def options_of(bench: Bench) -> tuple[type[Value], ...]:
    """What is given to a command that measures: its plan, where results go, what else it has."""
    return (bench.plan, Outputs, *((bench.outputs,) if bench.outputs else ()))


def baseline_of(outputs: Outputs, command: str, plan: Plan) -> Results | None:
    """What --baseline names, read before the run: after it, `last` is the run itself.

    Raises UsageError for one that cannot be read, is not valid, or is of another command or load.
    """
    if outputs.baseline is None:
        return None
    from asapbench.alike import refuse_unlike
    from asapbench.baselines import read, refuse_void  # numpy: only for who compares
    from asapbench.comparison import Results

    baseline = read(outputs.baseline)
    refuse_void(baseline)
    this = Results("this run", {}, command=command, plan=plan.stored())
    refuse_unlike(baseline, this, {command: type(plan)})
    return baseline


def refuse_same(*models: Value) -> None:
    """Raises UsageError where one output would be written over another, or over what is read."""
    files = {name: file for model in models for name, file in _files_of(model)}
    if same := same_files(files):
        raise UsageError(
            f"{' and '.join(same)} are the same file, {str(files[same[0]])!r}: give each its own"
        )


def _files_of(model: Value) -> Iterator[tuple[str, Path]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name == "csv" and value:
            yield from ((f"{option_name(name)} ({file.name})", file) for file in _tables_at(value))
        elif isinstance(value, Path):
            yield option_name(name), value


def _tables_at(prefix: Path) -> list[Path]:
    """The files of --csv; each command has some of them."""
    return [prefix.with_name(f"{prefix.name}_{name}.csv") for name in TABLES]


def compared(report: Report, baseline: Results | None, allowed: float) -> Comparison | None:
    """What a report says against the baseline, if there is one."""
    if baseline is None:
        return None
    from asapbench.baselines import of_report
    from asapbench.comparison import compare
    from asapbench.report.document import document

    this = of_report("this run", document(report))
    return compare(baseline, this, allowed)


def write(report: Report, outputs: Formats, comparison: Comparison | None = None) -> None:
    """Write the files that were asked for. Raises BrokenRun naming those that cannot be written."""
    attempt(*_writers(report, outputs, comparison))


def attempt(*jobs: Callable[[], None]) -> None:
    """Do each, whatever becomes of the others. Raises BrokenRun with all that failed."""
    failed: list[BenchError | BrokenPipeError] = []
    for job in jobs:
        try:
            job()
        except (BenchError, BrokenPipeError) as error:
            failed.append(error)
    if said := [str(error) for error in failed if isinstance(error, BenchError)]:
        raise BrokenRun("; ".join(said))
    if failed:
        raise failed[0]


def _writers(
    report: Report, outputs: Formats, comparison: Comparison | None
) -> Iterator[Callable[[], None]]:
    for name in _FORMATS:
        if file := getattr(outputs, name):
            yield partial(_write, file, name, report, comparison)
    if outputs.csv:
        yield partial(_write_tables, outputs.csv, report)
    if isinstance(outputs, Outputs):
        if outputs.save:
            yield partial(_save, outputs.save, report)
        # a kept run was told there when it was measured
        yield partial(_summarise, report, comparison)


def _write(file: Path, name: str, report: Report, comparison: Comparison | None) -> None:
    _put(file, _rendered(name, report, comparison))


def _write_tables(prefix: Path, report: Report) -> None:
    from asapbench.report.tables import render_csv

    for name, text in render_csv(report).items():
        _put(prefix.with_name(f"{prefix.name}_{name}.csv"), text)


def _save(name: str, report: Report) -> None:
    """Keep a report to compare others with, if that can be done: a good one may be there."""
    from asapbench.baselines import save

    if why := _why_not_kept(report):
        tell(f"--save: not kept under {name!r}: {why}")
        return
    save(name, _rendered("json_", report))


def _why_not_kept(report: Report) -> str:
    """That a report is of a part, or of a measurement that is not valid; else nothing."""
    if report.exit_code in {Exit.BROKEN, Exit.INTERRUPTED}:
        return EXITS[report.exit_code]
    if void((verdict.outcome for verdict in report.verdicts), report.story.ended):
        reasons = [verdict.reason for verdict in report.verdicts] or [report.story.why]
        return f"the measurement is not valid: {reasons[0]}"
    return ""


def _rendered(name: str, report: Report, comparison: Comparison | None = None) -> str:
    module, function = _FORMATS[name]  # only what is asked for is imported
    render: Callable[[Report, Comparison | None], str] = getattr(
        import_module(f"asapbench.report.{module}"), function
    )
    return render(report, comparison)


def _summarise(report: Report, comparison: Comparison | None) -> None:
    """Add the verdicts to the page of a job of GitHub Actions, where there is one."""
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        with suppress(OSError), Path(page).open("a", encoding="utf-8") as file:
            file.write(_rendered("markdown", report, comparison) + "\n")


def say(text: str) -> None:
    """Write to standard output. Raises BrokenRun where that cannot be written, say a full disk."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        mute(sys.stdout)
        raise BrokenRun(f"standard output cannot be written: {error.strerror}") from error


def _put(file: Path, text: str) -> None:
    if file == STDOUT:
        say(text)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise BrokenRun(f"{str(file)!r} cannot be written: {error.strerror}") from error
