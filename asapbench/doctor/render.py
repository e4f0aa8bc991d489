"""Findings as lines for a terminal, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import TextWrapper

from asapbench.doctor.finding import Finding, State
from asapbench.doctor.machine import Machine
from asapbench.units import show

_ORDER: tuple[State, ...] = ("bad", "warn", "ok", "unknown")
_COLOR: dict[State, str] = {"bad": "1;31", "warn": "33", "ok": "32", "unknown": "2"}
_SHOWN: dict[State, str] = {"bad": "BAD", "warn": "warn", "ok": "ok", "unknown": "?"}
_NARROW = 80
_INDENT = 6  # of all that follows the state


def render_findings(
    machine: Machine, findings: Sequence[Finding], *, width: int, color: bool
) -> str:
    """Lines at most `width` columns wide, with ANSI colours or without."""
    lines = [_heading(machine), ""]
    names = max(len(_name(finding)) for finding in findings)
    for finding in sorted(findings, key=lambda finding: _ORDER.index(finding.state)):
        lines += _lines(finding, names, width, color)
    return "\n".join([*lines, "", *_wrapped(_summary(findings), width)]) + "\n"


def _heading(machine: Machine) -> str:
    cpus, memory = len(machine.processor.allowed) or machine.processor.cores, machine.memory.total
    counted = f"{cpus} CPU{'s' if cpus > 1 else ''}" if cpus else ""
    parts = [machine.system, counted, show(memory, "B") if memory else ""]
    return ", ".join(part for part in parts if part)


def _lines(finding: Finding, names: int, width: int, color: bool) -> Iterator[str]:
    wide = width >= _NARROW
    column = _INDENT + names + 2 if wide else _INDENT
    name = f"{_name(finding):<{names}}  " if wide else f"{_name(finding)}: "
    text = _wrapped(name + finding.text, width - _INDENT, hang=column - _INDENT)
    yield _painted(f"{_SHOWN[finding.state]:<{_INDENT}}", finding.state, color) + text[0]
    yield from (" " * _INDENT + line for line in text[1:])
    hint = _wrapped("→ " + finding.hint, width - column, hang=2) if finding.hint else []
    yield from (" " * column + line for line in hint)


def _wrapped(text: str, width: int, hang: int = 0) -> list[str]:
    """Broken only at blanks, so that a command in it can be copied."""
    wrapper = TextWrapper(width, subsequent_indent=" " * hang, break_on_hyphens=False)
    return wrapper.wrap(text)


def _name(finding: Finding) -> str:
    return finding.code.replace("-", " ")


def _painted(text: str, state: State, color: bool) -> str:
    return f"\x1b[{_COLOR[state]}m{text}\x1b[0m" if color else text


def _summary(findings: Sequence[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in findings) for state in _ORDER}
    told = f"{counts['bad']} bad, {counts['warn']} warn, {counts['ok']} ok"
    told += f", {counts['unknown']} not to be seen" if counts["unknown"] else ""
    if counts["bad"]:
        return f"{told}: what is bad spoils a measurement, end that first."
    if counts["warn"]:
        return (
            f"{told}: nothing spoils a measurement, but what is warned of may widen its intervals."
        )
    return f"{told}: a good place to measure."
