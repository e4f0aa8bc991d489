"""Fewer points of a long series, with every extreme kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

MOST = 900  # points: about as many as a wide screen can show side by side

Point = tuple[float, float | None]


def thin(points: Sequence[Point], most: int = MOST) -> list[Point]:
    """At most `most` points, in order: of each stretch the lowest, the highest and one gap.

    The first and the last stay too. A gap is a point whose value is None. A series that is short
    enough stays as it is.
    """
    if len(points) <= most:
        return list(points)
    stretches = max(1, (most - 2) // 3)
    borders = [round(len(points) * k / stretches) for k in range(stretches + 1)]
    kept = {0, len(points) - 1}
    for start, end in pairwise(borders):
        kept.update(_extremes(points, range(start, end)))
    return [points[index] for index in sorted(kept)]


def _extremes(points: Sequence[Point], stretch: range) -> Iterator[int]:
    values = {index: value for index in stretch if (value := points[index][1]) is not None}
    if values:
        yield min(values, key=values.__getitem__)
        yield max(values, key=values.__getitem__)
    if gaps := [index for index in stretch if points[index][1] is None]:
        yield gaps[0]
