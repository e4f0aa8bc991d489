"""Numbers as a line of text."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """One character a value, from the least to the most; more than `width` are thinned out."""
    if not values:
        return ""
    step = max(1.0, len(values) / width)
    shown = [values[int(index * step)] for index in range(int(len(values) / step))]
    shown[-1] = values[-1]
    least, span = min(shown), max(shown) - min(shown)
    return "".join(_BARS[int((value - least) / span * 7) if span else 0] for value in shown)
