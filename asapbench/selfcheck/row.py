"""What a row of the selfcheck is: what is started, what is true, what was read, is that right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from asapbench.commands import load
from asapbench.engine import Start
from asapbench.model import Bench, Measurement, Plan, Report, Run, Tick, Value
from asapbench.units import show


class Check(Value):
    """One comparison. `allowed` is how far the reading may be from a truth that is a number."""

    what: str
    truth: float | str
    reading: float | str | None
    right: bool
    unit: str = ""
    allowed: float | None = None


@dataclass(frozen=True)
class Seen:
    """What a run left: the report that a user gets, and the evidence, the truth among it."""

    report: Report
    run: Run

    def table(self, name: str) -> Measurement:
        """The measurement of this name. Raises LookupError where nothing was written."""
        found = self.run.tables(name)
        if not found:
            raise LookupError(f"nothing was recorded as {name!r}")
        return found[0]

    def metric(self, key: str) -> float | None:
        """What the report says of a metric."""
        found = self.report.find(key)
        return found.value if found else None


def _ignore(_: Tick) -> None:
    """Most stages need no tick."""


@dataclass(frozen=True)
class Stage:
    """What is started: a plan, its server, what disturbs them, and by what it is judged.

    `limits` are (metric, limit); without any, the table that ships with the package.
    """

    plan: Plan
    start: Start
    watch: Callable[[Tick], None] = _ignore
    bench: Bench = load.BENCH
    limits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """`stage` is told whether it has to be quick; `judge` and `remark` are pure.

    `sound` says that the run has to be one that the instrument itself calls valid, `long` that it
    takes half a minute and more: too much for a quick check.
    """

    name: str
    about: str
    stage: Callable[[bool], Stage]
    judge: Callable[[Seen], tuple[Check, ...]]
    remark: Callable[[Seen], str] = lambda _: ""
    sound: bool = True
    long: bool = False


class Result(Value):
    """What came of a row; `text` says why it was not run, or what else is to be known.

    `void`: it ran, and the instrument itself called that invalid. `others` are further runs of it,
    which were needed because one was off or void.
    """

    row: str
    about: str
    verdict: Literal["right", "WRONG", "not run"]
    checks: tuple[Check, ...] = ()
    text: str = ""
    run: str = ""
    void: bool = False
    others: tuple[Result, ...] = ()


def doubtful(runs: Sequence[Result]) -> bool:
    """Whether a row has to be run again: a wrong instrument is wrong again, a moment's noise not.

    Two of three runs decide. One that is void says nothing, so another is run in its place. Where
    the next could not be run at all, what was off stays off.
    """
    count = Counter(run.verdict for run in runs)
    if len(runs) >= _MOST_RUNS or any(run.verdict == "not run" and not run.void for run in runs):
        return False
    return count["WRONG"] == 1 or all(run.void for run in runs)


def settled(runs: Sequence[Result]) -> Result:
    """What the runs of a row come to, the last of that verdict first; all that was read is kept."""
    count = Counter(run.verdict for run in runs)
    off = "right" if count["right"] > count["WRONG"] else "WRONG"
    verdict = off if count["WRONG"] else runs[-1].verdict
    chosen = max(number for number, run in enumerate(runs) if run.verdict == verdict)
    others = (*runs[:chosen], *runs[chosen + 1 :])
    text = "; ".join(filter(None, (runs[chosen].text, *map(_told, others))))
    return runs[chosen].model_copy(update={"text": text, "others": others})


def _told(other: Result) -> str:
    if other.verdict == "not run":
        return f"another run came to nothing: {other.text}"
    right = other.verdict == "right"
    told = (
        f"{check.what} {written(check.reading, check.unit)} for {written(check.truth, check.unit)}"
        for check in other.checks
        if check.right == right
    )
    return f"another run was {'right' if right else 'off'}: {', '.join(told)}"


def written(value: float | str | None, unit: str) -> str:
    """A truth or a reading, for people."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "unknown"
    return value if isinstance(value, str) else show(value, unit)


_MOST_RUNS = 3


def near(
    what: str,
    truth: float,
    reading: float | None,
    unit: str,
    *,
    relative: float,
    absolute: float = 0.0,
) -> Check:
    """Right if the reading lies within the larger of the two distances from the truth."""
    allowed = max(relative * abs(truth), absolute)
    # a truth or a reading that is no number compares false
    right = reading is not None and math.isfinite(truth) and abs(reading - truth) <= allowed
    return Check(what=what, truth=truth, reading=reading, right=right, unit=unit, allowed=allowed)


def same(what: str, truth: float | str, reading: float | str | None, unit: str = "count") -> Check:
    """Right if the two are equal."""
    return Check(what=what, truth=truth, reading=reading, right=truth == reading, unit=unit)
