"""What to offer next, and what is known so far: a state machine without clock or socket.

Up the ladder a step at a time; a load that breaks the server is offered once more before it
counts. Then between the highest good and the lowest bad load, until the two are close. What an
overloaded server still answers tells about where its capacity is, so the search asks just below
and just above that first; where that is no use (it collapses, or it was a guess) it bisects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import ceil, fsum, log, sqrt
from typing import Literal

from asapbench.ladder.rung import Role, Rung

Outcome = Literal["good", "bad", "open", "limited"]

WITHIN = 0.05  # of the interval, when the search is done
BESIDE = 0.0175  # how far beside the capacity that is supposed the search asks
NARROW = 0.015  # between the highest good and the lowest bad load: closer is mere noise
NEARER = 1.1  # times the lowest load that is too much
LITTLE_LESS = 0.9  # of what is sustained; a server that answers less than that has collapsed
SHORT = 0.95  # of what was offered; a server that answers as much may have broken by its latency
ATTEMPTS = 3  # of a load, where the instrument is in doubt
NEAR = 1.15  # times the lowest load that is too much: beyond, servers may collapse
SURE = 1.96  # standard errors
PROBES = 16  # steps of the search, repeats among them
BEYOND = 1.5  # factor from step to step above the ladder's top


@dataclass(frozen=True)
class Ladder:
    """`step` more each time up to `top`; then, if `beyond`, on up to `most`. Levels, not users.

    A level is a rate in req/s, or, where `whole`, a number of users.
    """

    step: float
    top: float
    most: float
    beyond: bool = False
    whole: bool = False
    probes: int = PROBES

    @property
    def rungs(self) -> int:
        """The loads up to the last one, where none of them breaks the server."""
        beyond = ceil(log(self.most / self.top, BEYOND)) if self.most > self.top else 0
        return ceil(self.top / self.step) + (beyond if self.beyond else 0)

    @property
    def steps(self) -> int:
        """The most that a climb takes: each load may seem too much, and then turn out not to."""
        return (self.rungs + 1) * (ATTEMPTS + self.probes)


@dataclass(frozen=True)
class Next:
    """The load to offer next."""

    level: float
    role: Role


@dataclass(frozen=True)
class Trial:
    """All attempts at one load, whenever they were; the last of them counts."""

    attempts: tuple[Rung, ...]

    @property
    def level(self) -> float:
        """The load of all of them."""
        return self.attempts[0].level

    @property
    def outcome(self) -> Outcome:
        """Good as soon as one attempt is; bad once two are whose instrument is beyond doubt."""
        if not self.attempts[-1].broken:
            return "good"
        if self.attempts[-1].final:
            return "limited" if self.attempts[-1].doubt else "bad"
        if sum(rung.broken and not rung.doubt for rung in self.attempts) >= 2:
            return "bad"
        return "limited" if len(self.attempts) >= ATTEMPTS else "open"

    @property
    def rung(self) -> Rung:
        """The attempt that counts."""
        return self.attempts[-1]


def trials(history: Sequence[Rung]) -> list[Trial]:
    """The loads in the order in which they were last offered."""
    attempts: dict[float, tuple[Rung, ...]] = {}
    for rung in history:
        attempts[rung.level] = (*attempts.pop(rung.level, ()), rung)
    return [Trial(group) for group in attempts.values()]


def next_load(history: Sequence[Rung], ladder: Ladder) -> Next | None:
    """What to offer after all that was offered; None when nothing more is to be learned."""
    tried = trials(history)
    if not tried:
        return Next(min(ladder.step, ladder.top), "ladder")
    last = tried[-1]
    if last.outcome == "open":
        return Next(last.level, "repeat")
    bad = _bad(tried)
    if bad is not None:
        return _between(history, tried, bad, ladder)
    if last.outcome == "limited":
        return None
    return _further(max(rung.level for rung in history if rung.role == "ladder"), ladder)


def _further(level: float, ladder: Ladder) -> Next | None:
    if level < ladder.top:
        return Next(min(level + ladder.step, ladder.top), "ladder")
    if ladder.beyond and level < ladder.most:
        return Next(min(level * BEYOND, ladder.most), "ladder")
    return None


def _between(
    history: Sequence[Rung], tried: Sequence[Trial], bad: Trial, ladder: Ladder
) -> Next | None:
    good = _good(tried, bad)
    low = good.level if good else 0.0
    searched = sum(1 for _ in takewhile(lambda rung: rung.role != "ladder", reversed(history)))
    if tried[-1].outcome == "limited" or tried[-1].rung.final:
        return None
    if searched >= ladder.probes:
        return None
    if _close(tried, ladder):
        again = good is not None and _collapsed(bad, good) and len(bad.attempts) < ATTEMPTS
        return Next(bad.level, "repeat") if again else None
    if not ladder.whole and bad.level - low <= NARROW * bad.level:
        return Next(_just_above(tried, bad), "search")
    level = next((level for level in _supposed(bad, low) if low < level < bad.level), 0.0)
    level = level or (low + bad.level) / 2
    if ladder.whole:
        level = float(round(level))
        if not low < level < bad.level:
            return None
    return Next(level, "search")


def _just_above(tried: Sequence[Trial], bad: Trial) -> float:
    """A load that is a little more too much than those before: what it answers is the capacity."""
    near = [trial.level for trial in tried if trial.level <= NEARER * bad.level]
    return max(near) * (1 + BESIDE / 2)


def _collapsed(bad: Trial, good: Trial) -> bool:
    """Whether it answered less of the load that was too much than of a lower one.

    Some servers do; but a disturbance that lasted for two attempts looks the same.
    """
    return max(rung.achieved for rung in bad.attempts) < LITTLE_LESS * good.level


def _supposed(bad: Trial, low: float) -> Iterator[float]:
    """Loads beside the capacity that shows in what an overloaded server answers.

    Where a little more than that was sustained, the load just above that.
    """
    rung = bad.rung
    if rung.offered is None or not rung.achieved or _tells_nothing(bad):
        return
    yield rung.achieved * (1 - BESIDE)
    yield rung.achieved * (1 + BESIDE)
    if rung.achieved > LITTLE_LESS * low:
        yield low * (1 + 2 * BESIDE)


def _tells_nothing(bad: Trial) -> bool:
    """Whether what it answered says nothing of what it can: no queue grew, so it broke otherwise.

    One that turns away what is too much answers its capacity; but only where it answers less than
    was asked, and not where a load that was supposed by that has broken too.
    """
    if any(rung.capacity is not None for rung in bad.attempts):
        return False
    return bad.attempts[0].role == "search" or bad.rung.achieved >= SHORT * bad.level


def _close(tried: Sequence[Trial], ladder: Ladder) -> bool:
    bad = _bad(tried)
    good = bad and _good(tried, bad)
    if bad is None or good is None:
        return False
    if ladder.whole:
        return bad.level - good.level <= max(1.0, WITHIN * bad.level)
    low, high = _bounds(tried, good, bad)
    return high - low <= WITHIN * (high + low) / 2


def _bounds(tried: Sequence[Trial], good: Trial | None, bad: Trial) -> tuple[float, float]:
    """Between which rates the capacity lies.

    Above what was sustained and below what was not, and around what the overloaded steps near
    there answered: a step that saw none of the pauses that come now and then flatters the server.
    """
    low = good.rung.low if good else 0.0
    high = max(low, bad.level if bad.rung.high is None else bad.rung.high)
    centre, reach = _answered(tried, bad, LITTLE_LESS * good.level if good else 0.0)
    return (min(low, centre - reach), max(high, centre + reach)) if centre else (low, high)


def _answered(tried: Sequence[Trial], bad: Trial, least: float) -> tuple[float, float]:
    """What steps that were a little too much answered on average, and how far that may be off.

    Those that answered less than `least` collapsed: they do not tell of a capacity.
    """
    rungs = [r for t in tried for r in t.attempts if r.broken and r.level <= NEAR * bad.level]
    known = [
        (rung.capacity, rung.capacity_error)
        for rung in rungs
        if rung.capacity is not None and rung.capacity_error is not None and not rung.doubt
        if rung.capacity >= least
    ]
    if not known:
        return 0.0, 0.0
    number = len(known)
    centre = fsum(value for value, _ in known) / number
    error = sqrt(fsum(error**2 for _, error in known)) / number
    spread = sqrt(fsum((value - centre) ** 2 for value, _ in known) / max(1, number - 1) / number)
    return centre, SURE * max(error, spread)


def _bad(tried: Sequence[Trial]) -> Trial | None:
    """The lowest load that was too much; not one far below a load that was sustained."""
    good = (t.level for t in tried if t.outcome == "good" and not t.rung.doubt)
    most = max(good, default=0.0)
    return min(
        (trial for trial in tried if trial.outcome == "bad" and NEAR * trial.level > most),
        key=lambda trial: trial.level,
        default=None,
    )


def _good(tried: Sequence[Trial], bad: Trial | None) -> Trial | None:
    """The highest load that was sustained, of those below one that was not."""
    return max(
        (
            trial
            for trial in tried
            if trial.outcome == "good" and (bad is None or trial.level < bad.level)
        ),
        key=lambda trial: trial.level,
        default=None,
    )


def _doubtful(trial: Trial) -> Rung:
    """The last attempt that was in doubt: it says why."""
    return next((rung for rung in reversed(trial.attempts) if rung.doubt), trial.rung)


@dataclass(frozen=True)
class Finding:
    """What a ladder shows: `low` and `high` of what can be sustained, and between which steps.

    `high` is None where nothing broke. `limited` is the step that the generator could not offer;
    where there is a `bad` one all the same, that is `unclear`, and the interval wider than it need.
    """

    low: float
    high: float | None
    good: Rung | None
    bad: Rung | None
    limited: Rung | None
    unclear: Rung | None = None


def find(history: Sequence[Rung]) -> Finding:
    """What is known from these steps, as far as they go."""
    tried = trials(history)
    bad = _bad(tried)
    good = _good(tried, bad)
    limited = next((_doubtful(trial) for trial in tried if trial.outcome == "limited"), None)
    low, high = _bounds(tried, good, bad) if bad else (good.rung.low if good else 0.0, None)
    return Finding(
        low=low,
        high=high,
        good=good.rung if good else None,
        bad=bad.rung if bad else None,
        limited=None if bad else limited,
        unclear=limited if bad else None,
    )
