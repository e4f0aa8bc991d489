"""Draw a metric over the runs that were kept, and mark where it changed.

Only runs of one command, with the same plan as the newest of them, are compared. A change is \
marked where Pettitt's test is surer than 99 % of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from asapbench import store
from asapbench.errors import Exit, UsageError
from asapbench.model import Command, Metric, Value
from asapbench.terminal import width_of_stdout

_OWN = frozenset({"seed", "quick"})  # of a plan: they change the run, not what is measured


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

    reports = [report for report in _reports() if options.command in (None, report[1]["command"])]
    having = [(name, report) for name, report in reports if _find(report, options.metric)]
    if not having:
        raise UsageError(_unknown(options.metric, [report for _, report in reports]))
    newest = having[-1][1]
    alike = [
        (name, report) for name, report in having if _comparable(report) == _comparable(newest)
    ]
    points = [
        Point(run=name, commit=report["environment"]["commit"] or "", metric=metric)
        for name, report in alike
        if (metric := _find(report, options.metric))
    ]
    changed = change_point([point.metric.value for point in points])
    width = width_of_stdout(100)
    left_out = len(having) - len(alike)
    return render_history(points, changed, left_out=left_out, width=width), Exit.PASS


def _reports() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The reports of the runs that were kept and ended well, the oldest first."""
    for file in store.reports():
        report = _read(file)
        if report["ended"] == "complete":
            yield file.parent.name, report


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content: Mapping[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(file)!r} cannot be read: {error}; remove its folder") from error
    return content


def _find(report: Mapping[str, Any], key: str) -> Metric | None:
    metrics = (Metric.model_validate(metric) for metric in report["metrics"])
    return next((metric for metric in metrics if metric.key == key), None)


def _comparable(report: Mapping[str, Any]) -> Any:
    plan = {name: value for name, value in report["plan"].items() if name not in _OWN}
    return report["command"], plan, report["environment"]["hostname"]


def _unknown(metric: str, reports: Sequence[Mapping[str, Any]]) -> str:
    if not reports:
        return f"no run is kept in {str(store.STORE)!r} below the current folder"
    known = sorted({Metric.model_validate(m).key for m in reports[-1]["metrics"]})
    return f"no kept run has a metric {metric!r}; the newest has {', '.join(known)}"


COMMAND = Command(
    name="history",
    options=HistoryOptions,
    run=run,
    doc=__doc__,
    examples=(
        ("asapbench history latency.p95", "a line a run, the oldest first"),
        ("asapbench history throughput --command load", "of one of the commands that have it"),
    ),
)
