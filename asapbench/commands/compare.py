"""Compare two results: ratios, their intervals, and what is proven to have changed.

Each of OLD and NEW is a name given to --save; a kept run, by the beginning of its name, or last; \
or a file: a report of asapbench (--json), of pyperf or of pytest-benchmark. Results of another \
command or another load are refused, with what differs.
"""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BeforeValidator, Field

from asapbench.errors import Exit, UsageError
from asapbench.model import Command, Value
from asapbench.terminal import color_on_stdout, width_of_stdout
from asapbench.units import parse_share

Share = Annotated[float, BeforeValidator(parse_share)]


class CompareOptions(Value):
    """What to compare, and what is too slow."""

    old: str = Field(
        description="What to compare with",
        json_schema_extra={"argument": True, "metavar": "OLD", "values": "results"},
    )
    new: str = Field(
        description="What is compared",
        json_schema_extra={"argument": True, "metavar": "NEW", "values": "results"},
    )
    max_slowdown: Share = Field(
        0.05, ge=0, json_schema_extra={"metavar": "SHARE"}, description="How much slower is allowed"
    )
    json_: bool = Field(False, description="Write JSON to standard output")


def run(options: CompareOptions) -> tuple[str, Exit]:
    """The comparison as text, and whether something is too slow."""
    from asapbench.alike import refuse_unlike
    from asapbench.baselines import read
    from asapbench.commands import benches
    from asapbench.comparison import compare  # numpy and scipy: not for --help
    from asapbench.report.comparison import render_comparison
    from asapbench.report.document import comparison_document

    old, new = read(options.old), read(options.new)
    refuse_unlike(old, new, {bench.name: bench.plan for bench in benches().values()})
    comparison = compare(old, new, options.max_slowdown)
    void = old.void or new.void
    if not comparison.rows and not void:
        raise UsageError(f"{options.old!r} and {options.new!r} have nothing to compare in common")
    code = Exit.NO_VERDICT if void else Exit.MISSED if comparison.too_slow else Exit.PASS
    if options.json_:
        document = comparison_document(comparison)
        return json.dumps(document, indent=2) + "\n", code
    width = width_of_stdout()
    color = color_on_stdout()
    return render_comparison(comparison, width=width, color=color), code


COMMAND = Command(
    name="compare",
    options=CompareOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench compare main branch", "two results that were kept by --save"),
        ("asapbench compare main last --max-slowdown 2%", "the last run, with less patience"),
        ("asapbench compare old.json new.json", "reports, also of pyperf or pytest-benchmark"),
    ),
    own_exits={
        Exit.PASS: "nothing is proven to be slower than is allowed",
        Exit.MISSED: "something is",
        Exit.NO_VERDICT: "one of the two is a measurement that is not valid",
    },
)
