"""What a row of the selfcheck is: what is started, what is true, what was read, is that right."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from asapbench.commands import load
from asapbench.engine import Start
from asapbench.model import Bench, Measurement, Plan, Report, Run, Tick, Value


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

    `sound` says that the run has to be one that the instrument itself calls valid.
    """

    name: str
    about: str
    stage: Callable[[bool], Stage]
    judge: Callable[[Seen], tuple[Check, ...]]
    remark: Callable[[Seen], str] = lambda _: ""
    sound: bool = True


class Result(Value):
    """What came of a row; `text` says why it was not run, or what else is to be known."""

    row: str
    about: str
    verdict: Literal["right", "WRONG", "not run"]
    checks: tuple[Check, ...] = ()
    text: str = ""
    run: str = ""


def after(first: Result, again: Result) -> Result:
    """The second run of a row that was off, saying what the first one was off by."""
    off = ", ".join(check.what for check in first.checks if not check.right)
    text = "; ".join(part for part in (again.text, f"a first run was off ({off})") if part)
    return again.model_copy(update={"text": text})


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
