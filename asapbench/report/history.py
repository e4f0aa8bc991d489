"""A metric over several runs, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from asapbench.model import Metric
from asapbench.units import show, show_interval

_LEAST = 10  # columns of the drawing, below which it is left out
_COMMIT = 7


@dataclass(frozen=True)
class Point:
    """What one run says of the metric."""

    run: str
    commit: str
    metric: Metric


def render_history(
    points: Sequence[Point], changed: int | None, *, left_out: Mapping[str, int], width: int
) -> str:
    """One line a run, the oldest first; `changed` is the first run after a change.

    `left_out` says of which kind how many runs are not among them.
    """
    first = points[0]
    lines = [f"{first.metric.key}, {len(points)} run{'s' * (len(points) > 1)}", ""]
    texts = [_text(point) for point in points]
    room = width - max(map(len, texts)) - 2
    bars = _bars([point.metric for point in points], room)
    for index, (text, bar) in enumerate(zip(texts, bars, strict=True)):
        if index == changed:
            lines.append(_change(points, index))
        lines.append(f"{text:<{max(map(len, texts))}}  {bar}".rstrip())
    counts = [f"{number} more {kind}" for kind, number in left_out.items() if number]
    if counts:
        lines += ["", f"{' and '.join(counts)} were left out"]
    return "\n".join(lines) + "\n"


def _text(point: Point) -> str:
    metric = point.metric
    value = show_interval(metric.value, metric.low, metric.high, metric.unit)
    return f"{point.run}  {point.commit[:_COMMIT]:<{_COMMIT}}  {value}"


def _change(points: Sequence[Point], index: int) -> str:
    before, after = (
        show(median(point.metric.value for point in part), points[0].metric.unit)
        for part in (points[:index], points[index:])
    )
    return f"── changed here: median {before} before, {after} after"


def _bars(metrics: Sequence[Metric], room: int) -> list[str]:
    """The bounds as a line and the value as a dot, all on one scale that begins at zero."""
    ends = [_ends(metric) for metric in metrics]
    top, least = max(high for _, high in ends), min(0.0, *(low for low, _ in ends))
    if room < _LEAST or top <= least:
        return [""] * len(metrics)

    def column(value: float) -> int:
        return round((value - least) / (top - least) * (room - 1))

    return [
        " " * column(low)
        + "─" * (column(metric.value) - column(low))
        + "●"
        + "─" * (column(high) - column(metric.value))
        for metric, (low, high) in zip(metrics, ends, strict=True)
    ]


def _ends(metric: Metric) -> tuple[float, float]:
    """The bounds; the value itself where there is none."""
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    return low, high
