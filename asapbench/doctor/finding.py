"""What the doctor says about one thing."""

from __future__ import annotations

from typing import Literal

from asapbench.doctor.machine import Facts

State = Literal["ok", "warn", "bad", "unknown"]


class Finding(Facts):
    """One line: the text has the number, the hint is the remedy of what is not well."""

    code: str
    state: State
    text: str
    hint: str = ""


def found(code: str, state: State, text: str, remedy: str) -> Finding:
    """A finding, with its remedy if it needs one."""
    ill = state in {"warn", "bad"}
    return Finding(code=code, state=state, text=text, hint=remedy if ill else "")


def unseen(code: str, why: str = "cannot be seen here") -> Finding:
    """A finding about what could not be read."""
    return Finding(code=code, state="unknown", text=why)


def grade(value: float, warn: float, bad: float) -> State:
    """How bad it is that a value is above its thresholds."""
    if value > bad:
        return "bad"
    return "warn" if value > warn else "ok"
