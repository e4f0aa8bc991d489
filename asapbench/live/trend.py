"""Readings as a line of bars, against the limit that is in force for them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from asapbench.live.seen import Border

_BARS = "▁▂▃▄▅▆▇"
_BEYOND = "█"  # higher than any bar up to the limit: it is seen without colours too


def trend(values: Sequence[float], width: int, border: Border | None = None) -> Text:
    """One bar a value, the latest that fit; the lowest bar is next to nothing.

    The highest bar but one is the limit, if that is one from above; what is beyond it is red.
    """
    shown = values[-width:]
    most = _most(shown, border)
    text = Text(no_wrap=True)
    for value in shown:
        text.append(_bar(value, most), "red" if border and border.bad(value) else "cyan")
    return text


def _most(values: Sequence[float], border: Border | None) -> float:
    """What the highest bar stands for."""
    if border is None:
        return max(values, default=0.0)
    if border.from_above:
        return border.limit.value
    return max((border.limit.value, *values))


def _bar(value: float, most: float) -> str:
    if value > most:
        return _BEYOND
    return _BARS[round(value / most * (len(_BARS) - 1))] if most > 0 else _BARS[0]
