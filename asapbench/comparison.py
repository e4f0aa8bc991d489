"""Two sets of results of the same things: by what factor they differ, and whether they do.

Pure: results in, rows out. `baselines` reads results from files.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Literal

import numpy as np
from scipy import special

from asapbench.model import Note

ALPHA = 0.05  # the chance that any row of a comparison of equals is called different
POWER = 0.9  # with which the smallest change would have been seen
REFERENCE = "reference/"  # begins the keys of work that never changes
EXCHANGE = f"{REFERENCE}exchange"  # to ask another process, which an agent is too
COMMON = 0.02  # a change of the machine that is worth a word
_ANYTHING = (-math.inf, math.inf)

Change = Literal["slower", "faster", "~"]


@dataclass(frozen=True)
class Sized:
    """The logarithm of a size, where more is worse: its standard error, and how sure that is.

    Of what may be zero it is the size itself, and a change of it is told as a share of `base`.
    `bounds` are those of what was judged: one that is not finite was not found.
    """

    centre: float
    error: float
    freedom: float
    n: int
    base: float | None = None
    bounds: tuple[float, float] | None = None

    @property
    def open(self) -> bool:
        """Whether it is known to one side only: at least, or at most, so much."""
        return self.bounds is not None and not all(map(math.isfinite, self.bounds))


@dataclass(frozen=True)
class Results:
    """What a file says: `conditions` are facts that should agree before two are compared.

    `command` and `plan` have to; of other tools' results they are empty. `void` is a measurement
    that is not valid, of which nothing is compared.
    `drift` is by how much (in logarithms) all together changed from the first half of the run to
    the second, beyond what chance makes of halves. `served` are the keys of what an agent has a
    part in.
    """

    name: str
    sizes: Mapping[str, Sized]
    conditions: Mapping[str, str] = field(default_factory=dict)
    drift: float = 0.0
    notes: tuple[Note, ...] = ()
    command: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    void: bool = False
    served: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """New over old: a `ratio` above 1 is worse. The bounds are those that decide `change`.

    Measured by the clock and by each reference it is the weakest of these that is told.
    Of what may be zero there is no ratio: it is 1 and the change as a share `of` its limit.
    `smallest` is the least change that would have been seen, as a share, with 90 % probability.
    Where one of the two is known to one side only, so is the ratio, which is then its bound.
    """

    key: str
    ratio: float
    low: float
    high: float
    smallest: float
    change: Change
    of: Literal["old", "limit"] = "old"


@dataclass(frozen=True)
class Comparison:
    """Rows of what is in both; `only_old` and `only_new` are in one of them alone.

    `allowed` is the share by which something may become worse.
    """

    old: str
    new: str
    allowed: float
    rows: tuple[Row, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def too_slow(self) -> tuple[Row, ...]:
        """The rows that are proven to be worse by more than is allowed."""
        most = 1 + self.allowed
        return tuple(row for row in self.rows if row.change == "slower" and row.low > most)


def sized(values: Sequence[float]) -> Sized:
    """Of independent numbers, one a process."""
    logs = np.log(np.asarray(values, float))
    n = len(logs)
    error = float(np.std(logs, ddof=1) / math.sqrt(n)) if n > 1 else math.inf
    return Sized(float(np.mean(logs)), error, max(n - 1.0, 0.0), n)


def compare(old: Results, new: Results, allowed: float = 0.05) -> Comparison:
    """Welch's test of each pair, Holm (1979) over all; `~` where nothing is proven.

    A row differs only if it still does when measured by each reference, work that never changes:
    what it has in common with one is the machine's. By the exchange with another process only that
    is measured which an agent has a part in. The drift within each run counts as an error.
    What is known to one side only is compared by its bounds.
    """
    pairs = {key: (old.sizes[key], new.sizes[key]) for key in _own(old) if key in new.sizes}
    machine = _machine(old, new)
    own_core = {key: each for key, each in machine.items() if key != EXCHANGE}
    tested = {key: pair for key, pair in pairs.items() if not any(size.open for size in pair)}
    beside = {key: machine if key in new.served else own_core for key in tested}
    drift = math.hypot(old.drift, new.drift) / 2
    rows = {row.key: row for row in _tested(tested, drift, beside)}
    rows |= {key: _by_bounds(key, *pair) for key, pair in pairs.items() if key not in tested}
    return Comparison(
        old=old.name,
        new=new.name,
        allowed=allowed,
        rows=tuple(rows[key] for key in pairs),
        only_old=tuple(key for key in _own(old) if key not in new.sizes),
        only_new=tuple(key for key in _own(new) if key not in old.sizes),
        notes=(*_unlike(old, new), *old.notes, *new.notes, *_changed(own_core)),
    )


def _tested(
    pairs: Mapping[str, tuple[Sized, Sized]],
    drift: float,
    beside: Mapping[str, Mapping[str, _Difference]],
) -> Iterator[Row]:
    ways = [_ways(_difference(*pair, drift), beside[key]) for key, pair in pairs.items()]
    levels = holm([_of_all(those) for those in ways])
    shares = [old.base is not None for old, _ in pairs.values()]
    return map(_row, pairs, ways, levels, shares)


def _by_bounds(key: str, old: Sized, new: Sized) -> Row:
    """Changed where all that the one may be lies beyond all that the other may be."""
    ends = new.bounds, old.bounds
    unit = old.base or 1.0
    (new_low, new_high), (old_low, old_high) = (bounds or _ANYTHING for bounds in ends)
    low, high = (new_low - old_high) / unit, (new_high - old_low) / unit
    change: Change = "slower" if low > 0 else "faster" if high < 0 else "~"
    factor = _one_and if old.base else _exp
    found = [factor(bound) for bound in (low, high) if math.isfinite(bound)]
    return Row(
        key=key,
        ratio=found[0] if found else math.nan,
        low=factor(low),
        high=factor(high),
        smallest=math.inf,
        change=change,
        of="limit" if old.base else "old",
    )


def holm(chances: Sequence[float], alpha: float = ALPHA) -> list[float]:
    """The level that each is tested at; once one is not below its own, no later one is tighter."""
    levels = [0.0] * len(chances)
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    rank = 0
    for at in order:
        levels[at] = alpha / (len(chances) - rank)
        if chances[at] <= levels[at]:
            rank += 1
    return levels


@dataclass(frozen=True)
class _Difference:
    """Of two logarithms; `foreign` is what of it seems to be the machine's."""

    value: float
    error: float
    freedom: float
    foreign: float = 0.0

    def reach(self, chance: float) -> float:
        """How far from its value it may be with this probability, to one side."""
        return float(special.stdtrit(_finite(self.freedom), chance)) * self.error

    def bounded(self, chance: float) -> tuple[float, float, float]:
        """The value and, with this probability each, its bounds."""
        reach = self.reach(chance)
        return self.value, self.value - reach, self.value + reach


def _difference(old: Sized, new: Sized, drift: float) -> _Difference:
    """With Welch's and Satterthwaite's degrees of freedom."""
    unit = old.base or 1.0
    squares = ((old.error / unit) ** 2, (new.error / unit) ** 2)
    total = sum(squares)
    value = (new.centre - old.centre) / unit
    if not math.isfinite(total):
        return _Difference(value, math.inf, 1.0)
    parts = sum(
        square**2 / one.freedom
        for square, one in zip(squares, (old, new), strict=True)
        if one.freedom > 0
    )
    freedom = total**2 / parts if parts else math.inf
    return _Difference(value, math.sqrt(total + drift**2), freedom)


def _own(results: Results) -> list[str]:
    return [key for key in results.sizes if not key.startswith(REFERENCE)]


def _machine(old: Results, new: Results) -> dict[str, _Difference]:
    """Of each reference that is in both."""
    return {
        key: _difference(size, new.sizes[key], 0.0)
        for key, size in old.sizes.items()
        if key.startswith(REFERENCE) and key in new.sizes
    }


def _ways(raw: _Difference, machine: Mapping[str, _Difference]) -> list[_Difference]:
    """A difference by the clock, and as measured by each reference."""
    common = statistics.fmean(each.value for each in machine.values()) if machine else 0.0
    by_clock = replace(raw, foreign=common)
    return [by_clock, *(_less(by_clock, each) for each in machine.values())]


def _less(one: _Difference, machine: _Difference) -> _Difference:
    return _Difference(
        value=one.value - machine.value,
        error=math.hypot(one.error, machine.error),
        freedom=min(one.freedom, machine.freedom),
        foreign=one.foreign - machine.value,
    )


def _of_all(differences: Sequence[_Difference]) -> float:
    """The chance of the likeliest of these; one where they point different ways."""
    signs = {math.copysign(1, one.value) for one in differences}
    return max(map(_chance, differences)) if len(signs) == 1 else 1.0


def _chance(one: _Difference) -> float:
    """Of a difference so far from none, either way, if there is none."""
    if not math.isfinite(one.error):
        return 1.0
    if one.error == 0:
        return 1.0 if one.value == 0 else 0.0
    return float(2 * special.stdtr(_finite(one.freedom), -abs(one.value) / one.error))


def _row(key: str, ways: Sequence[_Difference], level: float, share: bool) -> Row:
    factor = _one_and if share else _exp
    value, low, high = _weakest(ways, level)
    change: Change = "~"
    if _of_all(ways) <= level:
        change = "slower" if value > 0 else "faster"
    return Row(
        key=key,
        ratio=factor(value),
        low=factor(low),
        high=factor(high),
        smallest=factor(max(_seen(one, level) for one in ways)) - 1,
        change=change,
        of="limit" if share else "old",
    )


def _weakest(ways: Sequence[_Difference], level: float) -> tuple[float, float, float]:
    """The value and the bounds that prove least; all bounds where they point different ways."""
    told = [one.bounded(1 - level / 2) for one in ways]
    if all(value >= 0 for value, *_ in told):
        return min(told, key=itemgetter(1))
    if all(value <= 0 for value, *_ in told):
        return max(told, key=itemgetter(2))
    values, lows, highs = zip(*told, strict=True)
    return min(values, key=abs), min(lows), max(highs)


def _seen(one: _Difference, level: float) -> float:
    """The least change of the code that is likely to be proven, also against the machine's own."""
    return one.reach(1 - level / 2) + one.reach(POWER) + abs(one.foreign)


def _finite(freedom: float) -> float:
    return min(freedom, 1e6)


def _one_and(value: float) -> float:
    return 1 + value


def _exp(value: float) -> float:
    return math.exp(value) if value < 700 else math.inf


def _unlike(old: Results, new: Results) -> list[Note]:
    differing = [
        f"{name} ({old.conditions[name]} / {new.conditions[name]})"
        for name in old.conditions
        if name in new.conditions and old.conditions[name] != new.conditions[name]
    ]
    if not differing:
        return []
    return [
        Note(
            code="not-alike",
            text=f"the two were not measured under the same conditions: {', '.join(differing)}",
            hint="what differs may come from that: measure both on one machine, with one Python",
        )
    ]


def _changed(machine: Mapping[str, _Difference]) -> list[Note]:
    if all(abs(one.value) <= COMMON for one in machine.values()):
        return []
    shares = ", ".join(f"{math.expm1(one.value):+.1%}" for one in machine.values())
    return [
        Note(
            code="machine-changed",
            text=f"the machine itself changed: work that never changes took {shares} of time",
            hint="a row counts as changed only where it changed by more than any of that",
        )
    ]
