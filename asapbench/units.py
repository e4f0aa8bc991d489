"""Quantities as people write them, and the SI base units used everywhere inside.

The dimensions are s, B, req/s, B/s, ratio, cores and count (a bare number); the prefixes live here
and nowhere else.
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
    "": ("count", 1.0),
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

# significant digits; three where a dimension is not named
_DIGITS = {"ratio": 2, "cores": 2}

_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s]*)\s*")
_PART = r"(?:(\d+(?:\.\d+)?)\s*{unit})?\s*"
_DURATION = re.compile("".join(_PART.format(unit=unit) for unit in "hms"))
_MOST = 9  # decimals; what would need more is written with an exponent
_NO_DURATION = "a duration is seconds or 90s, 5m, 1h, 1h30m"


def parse_quantity(text: str) -> tuple[float, str]:
    """Read "5 ms" as (0.005, "s"); a bare number has the dimension "count".

    Raises ValueError, naming what was understood as units.
    """
    # on some keyboards µ is the Greek letter, not the sign
    match = _QUANTITY.fullmatch(text.replace("\N{GREEK SMALL LETTER MU}", "µ"))
    if match is None or not math.isfinite(float(match[1])):
        raise ValueError(f"{text!r} is not a number with a unit, such as '5 ms'")
    number, unit = match.groups()
    if unit not in UNITS:
        known = ", ".join(name for name in UNITS if name)
        raise ValueError(f"{unit!r} is not a unit; known are {known}")
    dimension, factor = UNITS[unit]
    return float(number) * factor, dimension


def parse_duration(value: object) -> float:
    """Read 90, "90", "90s", "5m", "1h" or "1h30m" as seconds.

    Raises ValueError for anything else.
    """
    if isinstance(value, str):
        seconds = _spelled_duration(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise ValueError(_NO_DURATION)  # noqa: TRY004 - pydantic makes a refusal of a ValueError
    if not math.isfinite(seconds):
        raise ValueError(_NO_DURATION)
    return seconds


def parse_share(value: object) -> float:
    """Read 0.05, "0.05" or "5%" as 0.05. Raises ValueError for anything else.

    What is above 1 has to be written with %: whoever writes 5 means 5 %.
    """
    number, dimension = math.inf, ""
    if isinstance(value, str):
        number, dimension = parse_quantity(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number, dimension = float(value), "count"
    if dimension == "ratio" or (dimension == "count" and number <= 1):
        return number
    if dimension == "count":
        raise ValueError(f"a share above 1 is written with %: {number:g}% or {100 * number:g}%")
    raise ValueError("a share is written 5% or 0.05")


def show(value: float, dimension: str) -> str:
    """Write 0.00345 s as "3.45 ms"."""
    unit, factor = _fitting(value, dimension)
    number = value / factor
    whole = dimension in {"B", "count"} and factor == 1 and number == round(number)
    decimals = 0 if whole else _decimals(number, _DIGITS.get(dimension, 3))
    return f"{_number(number, decimals)} {unit}".rstrip()


def show_interval(value: float, low: float | None, high: float | None, dimension: str) -> str:
    """Write a value and its bounds in one unit, with digits enough to tell them apart.

    Without bounds, the value alone; a value that is a bound is "at least" or "at most" that.
    """
    if low is None or high is None:
        return show(value, dimension)
    if value in {low, high} and math.inf in {high, -low}:
        return f"{'at least' if value == low else 'at most'} {show(value, dimension)}"
    unit, factor = _fitting(value or max(abs(low), abs(high)), dimension)
    numbers = [number / factor for number in (value, low, high)]
    decimals = max(_decimals(numbers[0], _DIGITS.get(dimension, 3)), _telling(*numbers[1:]))
    shown = [_number(number, min(decimals, _MOST)) for number in numbers]
    return f"{shown[0]} {unit}".rstrip() + f" [{shown[1]}, {shown[2]}]"


def unit_for(value: float, dimension: str) -> tuple[str, float]:
    """The unit that `show` writes a value in, and what one of it is in the base unit."""
    return _fitting(value, dimension)


def show_duration(seconds: float) -> str:
    """Write 90 s as "1m30s", 7.25 s as "7.2s"."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s".replace(".0s", "s")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m{rest:02d}s" if hours else f"{minutes}m{rest:02d}s"


def _spelled_duration(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(_NO_DURATION)
    return sum(
        float(number or 0) * UNITS[unit][1]
        for number, unit in zip(match.groups(), "hms", strict=True)
    )


def _fitting(value: float, dimension: str) -> tuple[str, float]:
    """The largest unit in which the value is not below 1, as it is after rounding."""
    choices = [(unit, UNITS[unit][1]) for unit in _SHOWN.get(dimension, ("",))]
    fitting = [choice for choice in choices if abs(_rounded(value, 3)) >= choice[1]]
    if fitting:
        return fitting[-1]
    return choices[0] if dimension != "s" or value else ("ms", 1e-3)


def _telling(low: float, high: float) -> int:
    """Decimals that show the width of an interval to two digits if it begins low, else to one.

    That is the rule of the Particle Data Group: a width of 0.13 is told to 0.01, one of 0.4 to 0.1.
    """
    width = high - low
    if not width or not math.isfinite(width):
        return 0
    return -math.floor(math.log10(width / 3.55))


def _decimals(number: float, digits: int) -> int:
    rounded = _rounded(number, digits)
    if not rounded or not math.isfinite(rounded):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(rounded))))


def _rounded(number: float, digits: int) -> float:
    return float(f"{number:.{digits - 1}e}")


def _number(number: float, decimals: int) -> str:
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if decimals > _MOST:
        return f"{number:.2e}"
    return f"{number:,.{decimals}f}"
