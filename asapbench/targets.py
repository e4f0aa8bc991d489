"""The target table: read it, refuse what no bench produces, judge metrics by it."""

from __future__ import annotations

import difflib
import math
import operator
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asapbench.errors import UsageError
from asapbench.model import Metric, Outcome, Target, Verdict, metric_key
from asapbench.units import parse_quantity, show, show_interval

SHIPPED = "targets.toml"
_MARKED = "stress"  # whose rows may mark the steps of a ladder

# dimensions whose metrics are never below zero; memory and an exponent can be
_NEVER_NEGATIVE = {"s": "a time", "req/s": "a rate", "ratio": "a share", "cores": "CPU use"}
_LIMIT = re.compile(r"\s*(<=|>=|<|>)\s*(.+)")
_METRIC = re.compile(r"\s*([\w.]+)\s*(?:\{(.*)\})?\s*")
_LABEL = re.compile(r'\s*(\w+)\s*=\s*"([^"]*)"\s*(?:,|$)')
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Limit:
    """A comparison with a value in SI base units."""

    sign: str
    value: float
    dimension: str

    def allows(self, number: float) -> bool:
        """Whether a number lies on the good side."""
        return _OPERATORS[self.sign](number, self.value)


def parse_limit(text: str) -> Limit:
    """Read "<= 5 ms". Raises ValueError saying what is allowed."""
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not <=, >=, < or > and a quantity, such as '<= 5 ms'")
    value, dimension = parse_quantity(match[2])
    return Limit(match[1], value, dimension)


def shipped_text() -> str:
    """The table that ships with the package, as TOML."""
    return resources.files("asapbench").joinpath(SHIPPED).read_text(encoding="utf-8")


def read_table(command: str, file: Path | None) -> tuple[Target, ...]:
    """The rows for a command, of the user's file or of the table that ships with the package.

    A row that marks steps takes the place of the shipped one of its state and metric alone: a table
    that says when latency is too much still has servers break that fail.
    """
    if file is None:
        return _rows(command, tomllib.loads(shipped_text()), SHIPPED)
    own = own_rows(command, file)
    if command != _MARKED:
        return own
    replaced = {(target.marks, _key(target)) for target in own}
    shipped = (row for row in read_table(command, None) if row.marks)
    return (*own, *(row for row in shipped if (row.marks, _key(row)) not in replaced))


def own_rows(command: str, file: Path) -> tuple[Target, ...]:
    """The rows for a command that stand in the user's file. Raises UsageError naming the row."""
    return _rows(command, _content(file), str(file))


def has_rows(command: str, file: Path) -> bool:
    """Whether a table of the user's own is for a command."""
    return bool(_content(file).get(command))


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--targets: {str(file)!r} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--targets: {str(file)!r} is not TOML: {error}") from error


def check_table(
    targets: Iterable[Target], produced: Mapping[str, str], left_out: Collection[str] = ()
) -> tuple[Target, ...]:
    """Refuse a row that names no metric of this run, or a limit in the wrong unit.

    Returns the rows with each metric written in its canonical form. A row without labels, of a
    metric that there is with labels only, becomes one for each of them. Rows of metrics that were
    `left_out` on purpose are dropped.
    """
    return tuple(
        _checked(each, produced)
        for target in targets
        for each in _each(target, produced)
        if _key(each) in produced or _key(each) not in left_out
    )


def judge(
    targets: Iterable[Target],
    metrics: Iterable[Metric],
    invalid: str = "",
    remarks: Mapping[str, str] | None = None,
) -> tuple[Verdict, ...]:
    """One verdict a target. `invalid` is the reason why nothing can be judged, if there is one.

    Rows that mark the steps of a ladder are no verdicts. `remarks` says by metric what a reader of
    its verdict has to know; of a metric that there is not, why.
    """
    by_key = {metric.key: metric for metric in metrics}
    said = remarks or {}
    return tuple(
        _verdict(target, by_key.get(target.metric), invalid, said.get(target.metric, ""))
        for target in targets
        if not target.marks
    )


def outcome_of(verdicts: Iterable[Verdict]) -> Outcome:
    """The outcome of all verdicts: fail wins over no verdict, no verdict over pass."""
    outcomes = {verdict.outcome for verdict in verdicts}
    worst_first: tuple[Outcome, ...] = ("fail", "invalid", "inconclusive", "pass")
    return next((outcome for outcome in worst_first if outcome in outcomes), "invalid")


def _rows(command: str, content: dict[str, Any], source: str) -> tuple[Target, ...]:
    rows = content.get(command)
    if not isinstance(rows, list) or not rows:
        raise UsageError(f"--targets: {source!r} has no [[{command}]] rows; add one for each limit")
    return tuple(
        _row(row, command, f"{source!r}, [[{command}]] row {number}")
        for number, row in enumerate(rows, start=1)
    )


def _row(row: Any, command: str, place: str) -> Target:
    target = _validated(row, place)
    if target.marks and command != _MARKED:
        raise UsageError(
            f"--targets: {place}: marks = {target.marks!r} is for the steps of {_MARKED}, and "
            f"would leave {command} without this verdict; leave it out"
        )
    return target


def _validated(row: Any, place: str) -> Target:
    try:
        return Target.model_validate(row)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "row"
        raise UsageError(
            f"--targets: {place}: {key}: {first['msg'].lower()}; a row has metric, limit and why"
        ) from error


def _key(target: Target) -> str:
    try:
        return _canonical(target.metric)
    except ValueError:
        return target.metric


def _each(target: Target, produced: Mapping[str, str]) -> Iterable[Target]:
    """The row itself, or one for each label set of its metric where there is none without."""
    name = target.metric.strip()
    labelled = [key for key in produced if key.startswith(f"{name}{{")]
    if name in produced or not labelled:
        return [target]
    return [target.model_copy(update={"metric": key}) for key in labelled]


def _checked(target: Target, produced: Mapping[str, str]) -> Target:
    try:
        limit = parse_limit(target.limit)
        key = _canonical(target.metric)
    except ValueError as error:
        raise UsageError(f"--targets: {target.metric}: {error}") from error
    if key not in produced:
        raise UsageError(
            f"--targets: {target.metric!r} is not measured by this plan; {_nearest(key, produced)}"
        )
    if limit.dimension != produced[key]:
        raise UsageError(
            f"--targets: {target.metric}: limit {target.limit!r} is not in the unit of the metric, "
            f"which is like {show(1.0, produced[key])!r}"
        )
    if limit.value < 0 and limit.dimension in _NEVER_NEGATIVE:
        raise UsageError(
            f"--targets: {target.metric}: limit {target.limit!r} is below zero, which "
            f"{_NEVER_NEGATIVE[limit.dimension]} cannot be"
        )
    return target.model_copy(update={"metric": key})


def _canonical(metric: str) -> str:
    match = _METRIC.fullmatch(metric)
    if match is None:
        raise ValueError('a metric is written name or name{label="value"}')
    name, labels = match.groups()
    pairs = _LABEL.findall(labels or "")
    if _LABEL.sub("", labels or "").strip():
        raise ValueError('a metric is written name or name{label="value"}')
    return metric_key(name, dict(pairs))


def _nearest(key: str, produced: Mapping[str, str]) -> str:
    near = difflib.get_close_matches(key, produced, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "there are " + ", ".join(name for name in produced if "{" not in name)


def _verdict(target: Target, metric: Metric | None, invalid: str, remark: str) -> Verdict:
    outcome, reason = _decide(target, metric, invalid, remark)
    known = metric.model_dump(include={"value", "low", "high", "unit"}) if metric else {}
    return Verdict(
        metric=target.metric,
        limit=target.limit,
        why=target.why,
        outcome=outcome,
        reason=reason,
        remark="" if invalid else remark,
        **known,
    )


def _decide(
    target: Target, metric: Metric | None, invalid: str, remark: str
) -> tuple[Outcome, str]:
    if invalid:
        return "invalid", invalid
    if metric is None:
        return "invalid", remark or "too few samples to give this metric"
    outcome, reason = _compared(target, metric)
    return outcome, f"{reason}; {remark}" if remark else reason


def _compared(target: Target, metric: Metric) -> tuple[Outcome, str]:
    limit = parse_limit(target.limit)
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    if math.isnan(metric.value) or math.isnan(low) or math.isnan(high):
        return "invalid", "the measurement gave no number"
    shown = show_interval(metric.value, metric.low, metric.high, metric.unit)
    if limit.allows(low) and limit.allows(high):
        return "pass", f"{shown} meets {target.limit}"
    if not limit.allows(low) and not limit.allows(high):
        return "fail", f"{shown} misses {target.limit}"
    return "inconclusive", f"{shown} straddles {target.limit}: a longer run may narrow it"
