"""What grew in an instrumented run, in every cycle and in proportion to the requests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

_LEAST = 4.0  # bytes a request
_LEAST_OBJECTS = 0.02  # a request
_PROPORTION = 0.5  # what the second half must grow by, of the first
_SOME = 0.75  # of the cycles: storage grows by steps
_TOP = 10
_ALIKE = 0.3


def explanation(told: dict[str, Any], size: int) -> dict[str, Any]:
    """Sites, types and keeper, per request; `size` is how many requests lie between snapshots.

    The statement that puts objects into the growing container comes first, then the sites by size.
    """
    sites = [_site(site, size) for site in told["sites"]]
    replaced = [-_slope(series, size) for series in zip(*told["replaced"], strict=True)]
    sites = [site for site in sites if site["bytes"] >= _LEAST and not _is_cache(site, replaced)]
    keeper = told["keeper"]
    types = [
        {"type": row["type"], "whose": row["whose"], "objects": _slope(row["series"], size)}
        for row in told["types"]
        if _goes_on(row["series"]) and _slope(row["series"], size) >= _LEAST_OBJECTS
    ]
    found: dict[str, Any] = {
        "sites": sites[:_TOP],
        "types": types[:_TOP],
        "chain": told["chain"] if keeper or types else [],
        "keeper": None,
    }
    if keeper and _goes_on(keeper["series"]):
        items = _slope(keeper["series"], size)
        found["keeper"] = {name: keeper[name] for name in ("type", "of", "at")} | {"items": items}
    return found | {"text": _text(found)}


def _site(site: dict[str, Any], size: int) -> dict[str, Any]:
    sizes, counts = zip(*site["series"], strict=True)
    amount = _slope(sizes, size) if _goes_on(sizes) else 0.0
    place = {name: site[name] for name in ("file", "line", "code", "whose", "via")}
    return {**place, "bytes": amount, "objects": _slope(counts, size)}


def _is_cache(site: dict[str, Any], replaced: Sequence[float]) -> bool:
    """Whether these are the strings that take the place of others in pydantic's cache.

    They are counted where a request is read, and as many go elsewhere.
    """
    found = (site["bytes"], site["objects"])
    return site["whose"] != "agent" and all(
        0 < grown <= gone * (1 + _ALIKE) for grown, gone in zip(found, replaced, strict=True)
    )


def _slope(series: Sequence[float], size: int) -> float:
    return (series[-1] - series[0]) / (size * (len(series) - 1))


def _goes_on(series: Sequence[float]) -> bool:
    """Never less, more in most cycles, and in the second half about as much as in the first."""
    steps = [later - earlier for earlier, later in pairwise(series)]
    half = len(steps) // 2
    first, second = sum(steps[:half]), sum(steps[half:])
    # storage that doubles grows in few cycles, but by much
    often = sum(step > 0 for step in steps) >= _SOME * len(steps) or min(first, second) > 0
    return min(steps) >= 0 and often and first > 0 and second >= _PROPORTION * first


def _text(found: dict[str, Any]) -> str:
    if found["sites"] or found["keeper"]:
        return ""
    return (
        "nothing that Python allocates grows with the requests: what grows is native memory (a C "
        "extension, ctypes) or how pages are used; a native profiler such as memray shows that"
    )
