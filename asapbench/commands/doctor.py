"""Say what on this machine would spoil a measurement, and what helps.

Watches for --sample and changes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from asapbench.errors import Exit, UsageError
from asapbench.model import Command, Seconds, Value
from asapbench.terminal import color_on_stdout, width_of_stdout
from asapbench.writable import STDOUT, writable

if TYPE_CHECKING:
    from asapbench.doctor.finding import Finding
    from asapbench.doctor.machine import Machine


class DoctorOptions(Value):
    """How long to watch, and where to write it."""

    sample: Seconds = Field(1, ge=0.1, le=60, description="Watch what else runs here for so long")
    json_: Path | None = Field(
        None, description="Write facts and findings as JSON to FILE, - for standard output"
    )

    @field_validator("json_")
    @classmethod
    def _can_be_written(cls, file: Path | None) -> Path | None:
        return writable(file)


def run(options: DoctorOptions) -> tuple[str, Exit]:
    """What there is to say, and 1 if any of it is bad."""
    from asapbench.doctor.judge import examine
    from asapbench.doctor.read import read_machine  # psutil: not for --help
    from asapbench.doctor.render import render_findings

    machine = read_machine(options.sample)
    findings = examine(machine)
    code = Exit.MISSED if any(finding.state == "bad" for finding in findings) else Exit.PASS
    if options.json_:
        document = _document(machine, findings)
        if options.json_ == STDOUT:
            return document, code
        _put(options.json_, document)
    color = color_on_stdout()
    width = max(40, width_of_stdout(100))
    return render_findings(machine, findings, width=width, color=color), code


def _document(machine: Machine, findings: tuple[Finding, ...]) -> str:
    content = {
        "schema": "asapbench.doctor/1",
        "findings": [finding.model_dump() for finding in findings],
        "machine": machine.model_dump(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _put(file: Path, text: str) -> None:
    try:
        file.write_text(text)
    except OSError as error:
        raise UsageError(f"--json: {str(file)!r} cannot be written: {error.strerror}") from error


COMMAND = Command(
    name="doctor",
    options=DoctorOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench doctor", "what to mend before measuring"),
        ("asapbench doctor --sample 10s --json -", "watch for longer, for a script"),
    ),
    own_exits={Exit.PASS: "nothing is bad", Exit.MISSED: "something is"},
)
