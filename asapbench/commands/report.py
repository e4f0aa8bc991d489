"""Show a run that was kept once more, in any of the formats.

It is analysed and judged anew from its raw numbers, by the table that it was judged by then. The \
exit code is 0 where it could be shown, whatever the verdicts were.
"""

from __future__ import annotations

from pydantic import Field

from asapbench import store
from asapbench.conclusion import conclude
from asapbench.errors import Exit
from asapbench.model import Command, Report
from asapbench.outputs import Formats


class ReportOptions(Formats):
    """Which run, and where it goes."""

    run: str = Field(
        "last",
        json_schema_extra={"argument": True, "metavar": "RUN"},
        description="A folder below .asapbench/runs, or last",
    )


def run(options: ReportOptions) -> tuple[Report, Exit]:
    """Read, analyse and judge it."""
    from asapbench.commands import benches

    found = store.load(store.find(options.run))
    return conclude(benches()[found.story.command], found), Exit.PASS


COMMAND = Command(name="report", options=ReportOptions, run=run, doc=__doc__)
