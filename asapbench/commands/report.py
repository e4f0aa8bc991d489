"""Show a run that was kept once more, in any of the formats.

It is analysed and judged anew from its raw numbers, by the table that it was judged by then.
"""

from __future__ import annotations

from pydantic import Field

from asapbench import store
from asapbench.errors import Exit
from asapbench.model import Command, Report
from asapbench.outputs import Formats


class ReportOptions(Formats):
    """Which run, and where it goes."""

    run: str = Field(
        "last",
        json_schema_extra={"argument": True, "metavar": "RUN", "values": "runs"},
        description="A folder below .asapbench/runs, or last",
    )


def run(options: ReportOptions) -> tuple[Report, Exit]:
    """Read, analyse and judge it."""
    from asapbench.commands import benches
    from asapbench.conclusion import conclude  # psutil: not for --help

    found = store.recall(store.find(options.run))
    return conclude(benches()[found.story.command], found), Exit.PASS


COMMAND = Command(
    name="report",
    options=ReportOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench report", "the last run, on the terminal"),
        ("asapbench report last --html report.html", "as a page with charts"),
        ("asapbench report 20261124-1000 --json -", "any run, by the beginning of its name"),
    ),
    own_exits={Exit.PASS: "it could be shown, whatever the verdicts were"},
)
