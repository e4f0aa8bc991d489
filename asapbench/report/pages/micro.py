"""The charts of a micro run: how long each benchmark took in each process, and growth with size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asapbench.model import Outcome, Report, Verdict
from asapbench.report.figures import (
    COLOURS,
    Chart,
    Scale,
    Series,
    limit_text,
    line,
    plain,
    rule,
    scale_for,
    with_legend,
)
from asapbench.report.histogram import allowed
from asapbench.report.lanes import in_lanes, marks
from asapbench.targets import parse_limit

Row = Mapping[str, Any]

_UNJUDGED = "not judged"
_LANES = {"fail": "--fail", "invalid": "--invalid", "inconclusive": "--inconclusive"}
_LANES |= {"pass": "--pass", _UNJUDGED: "--c1"}
_THICK = 0.34  # of a lane


def charts(report: Report) -> list[Chart]:
    """A chart a group, each of its benchmarks a lane; then time over size."""
    groups: dict[str, list[Row]] = {}
    for row in report.details.get("benchmarks") or ():
        groups.setdefault(row["group"], []).append(row)
    verdicts = {verdict.metric: verdict for verdict in report.verdicts}
    lanes = [_group(name, rows, verdicts) for name, rows in sorted(groups.items())]
    return [*lanes, *_by_size(report, groups)]


def _group(name: str, rows: Sequence[Row], verdicts: Mapping[str, Verdict]) -> Chart:
    limits = [allowed(row, verdicts.get(row["metric"])) for row in rows]
    times = [*limits, *(value for row in rows for value in row["values"])]
    xs = scale_for(times, "s", decades=1.0)
    data = list(_boxes(rows, verdicts, xs))
    known = [(limit, lane) for lane, limit in enumerate(limits) if limit is not None]
    if known:
        data.append(marks("limit", known, xs))
    says = "Time of an operation, a dot for each process that timed it."
    return in_lanes(f"group-{name}", name, says, data, [row["name"] for row in rows], xs.axis())


def _boxes(
    rows: Sequence[Row], verdicts: Mapping[str, Verdict], xs: Scale
) -> Iterator[dict[str, Any]]:
    """A trace for each outcome."""
    for outcome, colour in _LANES.items():
        lanes = [k for k, row in enumerate(rows) if _outcome(row, verdicts) == outcome]
        if lanes:
            yield _box(outcome, colour, [(lane, rows[lane]) for lane in lanes], xs)


def _outcome(row: Row, verdicts: Mapping[str, Verdict]) -> Outcome | str:
    verdict = verdicts.get(row["metric"])
    return verdict.outcome if verdict else _UNJUDGED


def _box(name: str, colour: str, lanes: Sequence[tuple[int, Row]], xs: Scale) -> dict[str, Any]:
    dots = [
        (xs.of(value), lane, plain(row["name"]), number)
        for lane, row in lanes
        for value, number in zip(row["values"], row["numbered"], strict=True)
    ]
    return {
        "type": "box",
        "orientation": "h",
        "name": name,
        "x": [x for x, *_ in dots],
        "y": [lane for _, lane, *_ in dots],
        "customdata": [[row, number] for *_, row, number in dots],
        "hovertemplate": "%{customdata[0]}, round %{customdata[1]}: %{x}<extra></extra>",
        "hoveron": "points",
        "width": _THICK,
        "boxpoints": "all",
        "jitter": 0.6,
        "pointpos": 0,
        "marker": {"size": 4, "color": colour},
        "line": {"color": colour, "width": 1},
        "fillcolor": f"{colour}-soft",
    }


def _by_size(report: Report, groups: Mapping[str, Sequence[Row]]) -> Iterator[Chart]:
    """Time over size where the exponent is a metric of the group."""
    limits = {verdict.metric: verdict.limit for verdict in report.verdicts}
    for name, rows in sorted(groups.items()):
        if found := report.find(name):
            sized = sorted((row for row in rows if row["size"]), key=lambda row: row["size"])
            says = f"Time of an operation by size: it grows with the power {found.value:.3g}."
            yield _size(name, says, sized, limits.get(name))


def _size(name: str, says: str, rows: Sequence[Row], limit: str | None) -> Chart:
    points = [(row["size"], row["median"]) for row in rows]
    xs = scale_for([size for size, _ in points], "B", log=True)
    ys = scale_for([seconds for _, seconds in points], "s", log=True)
    look = {"mode": "lines+markers", "marker": {"size": 7, "color": COLOURS[0]}}
    data = [line(Series("median", points, COLOURS[0], look), xs, ys)]
    if limit is not None:
        data.append(_steepest(limit, points, xs, ys))
    layout = {"xaxis": xs.axis(), "yaxis": ys.axis(), "hovermode": "closest"}
    return Chart(f"size-{name}", f"{name} by size", says, data, with_legend(layout, data))


def _steepest(
    limit: str, points: Sequence[tuple[float, float]], xs: Scale, ys: Scale
) -> dict[str, Any]:
    """The line from the smallest size on whose exponent is the limit."""
    (first, seconds), (last, _) = points[0], points[-1]
    most = seconds * (last / first) ** parse_limit(limit).value
    start, end = (first / xs.factor, seconds / ys.factor), (last / xs.factor, most / ys.factor)
    return rule(limit_text(f"exponent {limit}"), start, end)
