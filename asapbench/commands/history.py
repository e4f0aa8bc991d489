"""Draw a metric over the runs that were kept, and mark where it changed.

Only valid runs of one command, with the load and the server of the newest of them, are compared. \
A change is marked where Pettitt's test is surer than 99 % of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from asapbench import store
from asapbench.alike import offered
from asapbench.errors import Exit, UsageError
from asapbench.model import Command, Metric, Value
from asapbench.report.document import SCHEMA
from asapbench.report.outcome import void_document
from asapbench.terminal import width_of_stdout

_SUBJECT = frozenset({"host", "serve", "app"})  # of a plan: what was measured

Kept = tuple[str, Mapping[str, Any]]


class HistoryOptions(Value):
    """Of which metric."""

    metric: str = Field(
        json_schema_extra={"argument": True, "metavar": "METRIC", "values": "metrics"},
        description="As a table of targets names it: latency.p95",
    )
    command: str | None = Field(
        None,
        json_schema_extra={"metavar": "NAME", "values": "benches"},
        description="Of this command, where several have such a metric",
    )


def run(options: HistoryOptions) -> tuple[str, Exit]:
    """One line a run."""
    from asapbench.report.history import Point, render_history
    from asapbench.stats import change_point

    kept, damaged = _reports()
    reports = [report for report in kept if options.command in (None, report[1]["command"])]
    having = [(name, report) for name, report in reports if _find(report, options.metric)]
    if not having:
        raise UsageError("; ".join([_unknown(options, kept, reports), *damaged]))
    valid = [(name, report) for name, report in having if not void_document(report)]
    if not valid:
        raise UsageError("; ".join([_none_valid(options.metric, len(having)), *damaged]))
    newest = _comparable(valid[-1][1])
    alike = [(name, report) for name, report in valid if _comparable(report) == newest]
    points = [
        Point(run=name, commit=report["environment"]["commit"] or "", metric=metric)
        for name, report in alike
        if (metric := _find(report, options.metric))
    ]
    changed = change_point([point.metric.value for point in points])
    width = width_of_stdout(100)
    left_out = {
        "of another plan or machine": len(valid) - len(alike),
        "that are not valid": len(having) - len(valid),
    }
    text = render_history(points, changed, left_out=left_out, width=width)
    return "\n".join([text, *damaged]).rstrip() + "\n", Exit.USAGE if damaged else Exit.PASS


def _reports() -> tuple[list[Kept], list[str]]:
    """The reports of the runs that ended well, the oldest first; and what is damaged, in words."""
    reports, damaged = [], []
    for folder in store.kept():
        file = folder / store.REPORT
        try:
            report = _read(file) if file.is_file() else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            damaged.append(f"{str(file)!r} cannot be read: {error}; remove its folder")
            continue
        if report and report["ended"] == "complete":
            reports.append((folder.name, report))
    return reports, damaged


def _read(file: Path) -> Mapping[str, Any]:
    """Raises for one that holds no report of ours, or one of a newer asapbench."""
    content: Mapping[str, Any] = json.loads(file.read_bytes())
    if content["schema"] != SCHEMA:
        raise ValueError(f"it is of another asapbench ({content['schema']})")
    _find(content, "")
    _comparable(content)
    void_document(content)
    _ = content["ended"], content["environment"]["commit"]
    return content


def _find(report: Mapping[str, Any], key: str) -> Metric | None:
    metrics = (Metric.model_validate(metric) for metric in report["metrics"])
    return next((metric for metric in metrics if metric.key == key), None)


def _comparable(report: Mapping[str, Any]) -> Any:
    """What has to be the same: command, load, server and machine."""
    from asapbench.commands import benches

    same = {*offered(benches()[report["command"]].plan), *_SUBJECT}
    plan = {name: value for name, value in report["plan"].items() if name in same}
    return report["command"], plan, report["environment"]["hostname"]


def _none_valid(metric: str, number: int) -> str:
    runs = "1 kept run has" if number == 1 else f"{number} kept runs have"
    return f"{runs} a metric {metric!r}, and no measurement of it is valid: `asapbench report RUN`"


def _unknown(options: HistoryOptions, kept: Sequence[Kept], reports: Sequence[Kept]) -> str:
    """Why there is nothing to draw; `reports` are those of the command that was asked for."""
    if not kept:
        return f"no run is kept in {str(store.STORE)!r} below the current folder"
    if not reports:
        there = ", ".join(sorted({report["command"] for _, report in kept}))
        return f"no kept run is of {options.command!r}; there are: {there}"
    known = sorted({Metric.model_validate(m).key for m in reports[-1][1]["metrics"]})
    return f"no kept run has a metric {options.metric!r}; the newest has {', '.join(known)}"


COMMAND = Command(
    name="history",
    options=HistoryOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench history latency.p95", "a line a run, the oldest first"),
        ("asapbench history throughput --command load", "of one of the commands that have it"),
    ),
    own_exits={Exit.USAGE: "an option was refused, or a run is damaged; the others are drawn"},
)
