"""The words that all formats say a comparison in, so that they agree to the last digit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Row

_NONE = "–"
_NAMED = 5  # benchmarks that are in one of the two alone


def title_of(comparison: Comparison) -> str:
    """What is compared with what."""
    return f"{comparison.new} against {comparison.old}"


def name_of(row: Row) -> str:
    """What is compared; of what may be zero not a ratio but a change, as a share of its limit."""
    return row.key if row.of == "old" else f"{row.key}, 1 + change / limit"


def ratio_of(row: Row) -> tuple[str, str]:
    """The ratio and its interval; in words where it is known to one side only."""
    below = math.isfinite(row.low) and (row.low > 0 or row.of == "limit")
    above = math.isfinite(row.high)
    if below and above:
        return f"{row.ratio:.3f}", f"[{row.low:.3f}, {row.high:.3f}]"
    if below:
        return f"at least {row.low:.3f}", _NONE
    if above:
        return f"at most {row.high:.3f}", _NONE
    return (f"{row.ratio:.3f}" if math.isfinite(row.ratio) else _NONE), _NONE


def in_one(row: Row) -> str:
    """Ratio and interval, where there is no column for each."""
    ratio, interval = ratio_of(row)
    return ratio if interval == _NONE else f"{ratio} {interval}"


def share_of(row: Row) -> str:
    """The least change that would have been seen."""
    return f"{row.smallest:.1%}" if math.isfinite(row.smallest) else _NONE


def result_of(comparison: Comparison) -> str:
    """One sentence on all rows."""
    if not comparison.rows:
        return "NOTHING TO COMPARE: nothing that was measured is in both"
    allowed = f"{comparison.allowed * 100:.3g}%"
    if beyond := comparison.too_slow:
        return f"SLOWER BY MORE THAN {allowed}: {', '.join(row.key for row in beyond)}"
    counts = dict.fromkeys(("slower", "faster", "~"), 0)
    for row in comparison.rows:
        counts[row.change] += 1
    return (
        f"NOTHING IS PROVEN TO BE SLOWER BY MORE THAN {allowed} "
        f"({counts['slower']} slower, {counts['faster']} faster, {counts['~']} undecided)"
    )


def alone_in(comparison: Comparison) -> Iterator[str]:
    """What is in one of the two alone, a line each."""
    for label, keys in (("only before", comparison.only_old), ("only now", comparison.only_new)):
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            yield f"{label}: {', '.join(keys[:_NAMED])}{more}"
