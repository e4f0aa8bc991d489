"""Show a run that was kept once more, in any of the formats; --list names all.

It is analysed and judged anew from its raw numbers, by the table that it was judged by then.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from asapbench import store
from asapbench.errors import BrokenRun, Exit, UsageError
from asapbench.model import Command, Report
from asapbench.outputs import Formats


class ReportOptions(Formats):
    """Which run, and where it goes."""

    run: str = Field(
        "last",
        json_schema_extra={"argument": True, "metavar": "RUN", "values": "runs"},
        description="A folder below .asapbench/runs, or last",
    )
    list_: bool = Field(False, description="Say which runs are kept, the newest last; show none")


def run(options: ReportOptions) -> tuple[str | Report, Exit]:
    """Read, analyse and judge it. Raises UsageError naming a run that is damaged or newer."""
    if options.list_:
        return _listing()
    from asapbench.commands import benches
    from asapbench.conclusion import conclude  # psutil: not for --help

    folder = store.find(options.run)
    others = [other for other in store.kept() if other.name != folder.name]
    rest = f"of the others {store.others(others)}" if others else "no other is kept"
    try:
        found = store.recall(folder)
        return conclude(benches()[found.story.command], found), Exit.PASS
    except BrokenRun as error:
        raise UsageError(f"{error}; {rest}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{str(folder)!r} is damaged, or of another asapbench: "
            f"{type(error).__name__}: {error}; {rest}"
        ) from error


def _listing() -> tuple[str, Exit]:
    """A line a run; those that cannot be read are named, and the exit code says that."""
    lines = [_line(folder) for folder in store.kept()]
    if not lines:
        raise UsageError(store.others([]))
    code = Exit.PASS if all(well for _, well in lines) else Exit.USAGE
    return "".join(f"{text}\n" for text, _ in lines), code


def _line(folder: Path) -> tuple[str, bool]:
    try:
        story = store.story_of(folder)
    except BrokenRun as error:
        return str(error), False
    report = _kept_report(folder / store.REPORT)
    outcome = report.get("outcome", "not judged")
    ended = "" if story.ended == "complete" else f", {story.ended}"
    return f"{folder.name:<24}  {outcome}{ended}", True


def _kept_report(file: Path) -> dict[str, Any]:
    """What was made of a run when it ended; nothing of one that was killed."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


COMMAND = Command(
    name="report",
    options=ReportOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench report", "the last run, on the terminal"),
        ("asapbench report last --html report.html", "as a page with charts"),
        ("asapbench report --list", "which runs there are"),
        ("asapbench report 20261124-1000 --json -", "any run, by the beginning of its name"),
    ),
    own_exits={
        Exit.PASS: "it could be shown, whatever the verdicts were",
        Exit.USAGE: "an option or a name was refused, or a run is damaged",
    },
)
