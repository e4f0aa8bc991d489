"""Quantities as people write them, and the SI base units used everywhere inside.

The dimensions are s, B, req/s, B/s, ratio and count; the prefixes live here and nowhere else.
"""

from __future__ import annotations

import math
import re

# written form → (dimension, factor to the base unit)
UNITS: dict[str, tuple[str, float]] = {
    "ns": ("s", 1e-9),
    "us": ("s", 1e-6),
    "µs": ("s", 1e-6),
    "ms": ("s", 1e-3),
    "s": ("s", 1.0),
    "m": ("s", 60.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "B": ("B", 1.0),
    "kB": ("B", 1e3),
    "MB": ("B", 1e6),
    "GB": ("B", 1e9),
    "req/s": ("req/s", 1.0),
    "kB/h": ("B/s", 1e3 / 3600),
    "MB/h": ("B/s", 1e6 / 3600),
    "B/s": ("B/s", 1.0),
    "%": ("ratio", 0.01),
    "cores": ("cores", 1.0),
    "": ("", 1.0),
}

# dimension → the units its values are shown in, small to large
_SHOWN: dict[str, tuple[str, ...]] = {
    "s": ("ns", "µs", "ms", "s"),
    "B": ("B", "kB", "MB", "GB"),
    "B/s": ("MB/h",),
    "req/s": ("req/s",),
    "ratio": ("%",),
    "cores": ("cores",),
    "count": ("",),
}

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s]*)\s*")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")


def parse_quantity(text: str) -> tuple[float, str]:
    """Read "5 ms" as (0.005, "s"); a bare number has the dimension "".

    Raises ValueError, naming what was understood as units.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number with a unit, such as '5 ms'")
    number, unit = match.groups()
    if unit not in UNITS:
        known = ", ".join(name for name in UNITS if name)
        raise ValueError(f"{unit!r} is not a unit; known are {known}")
    dimension, factor = UNITS[unit]
    return float(number) * factor, dimension


def parse_duration(value: str | float) -> float:
    """Read 90, "90", "90s", "5m", "1h" or "1h30m" as seconds.

    Raises ValueError for anything else.
    """
    if not isinstance(value, str):
        return float(value)
    text = value.strip().replace(" ", "")
    try:
        return float(text)
    except ValueError:
        parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("a duration is seconds or 90s, 5m, 1h, 1h30m")
    return sum(float(number) * UNITS[unit][1] for number, unit in parts)


def show(value: float, dimension: str, digits: int = 3) -> str:
    """Write 0.00345 s as "3.45 ms"."""
    unit, factor = _fitting(value, dimension)
    return f"{_number(value / factor, _decimals(value / factor, digits))} {unit}".rstrip()


def show_interval(value: float, low: float, high: float, dimension: str) -> str:
    """Write a value and its bounds in one unit, with digits enough to tell them apart."""
    unit, factor = _fitting(value, dimension)
    decimals = _decimals(value / factor, _digits(value, low, high))
    shown = [_number(number / factor, decimals) for number in (value, low, high)]
    return f"{shown[0]} {unit} [{shown[1]}, {shown[2]}]".replace("  ", " ")


def show_duration(seconds: float) -> str:
    """Write 90 s as "1m30s", 7.25 s as "7.2s"."""
    if seconds < 60:
        return f"{seconds:.1f}s".replace(".0s", "s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m{rest:02d}s" if hours else f"{minutes}m{rest:02d}s"


def _fitting(value: float, dimension: str) -> tuple[str, float]:
    choices = [(unit, UNITS[unit][1]) for unit in _SHOWN.get(dimension, ("",))]
    fitting = [choice for choice in choices if abs(value) >= choice[1]]
    if fitting:
        return fitting[-1]
    return choices[0] if dimension != "s" or value else ("ms", 1e-3)


def _digits(value: float, low: float, high: float) -> int:
    """Significant digits of `value` that show the width of its interval to two digits."""
    width = high - low
    if not value or not width or not math.isfinite(width):
        return 3
    return min(6, max(3, math.ceil(math.log10(abs(value) / width)) + 2))


def _decimals(number: float, digits: int) -> int:
    if not number:
        return 0
    return min(6, max(0, digits - 1 - math.floor(math.log10(abs(number)))))


def _number(number: float, decimals: int) -> str:
    return f"{number:,.{decimals}f}"
