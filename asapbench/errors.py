"""Errors that end a command; each carries its exit code and is printed once, as one line."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes, as promised to CI."""

    PASS = 0
    MISSED = 1
    USAGE = 2
    NO_VERDICT = 3
    BROKEN = 4
    INTERRUPTED = 130


EXITS = {
    Exit.PASS: "every target is met",
    Exit.MISSED: "a target is missed",
    Exit.USAGE: "an option, a plan or a table was refused; nothing was started",
    Exit.NO_VERDICT: "no verdict: too close to call, or the measurement is not valid",
    Exit.BROKEN: "the run itself broke",
    Exit.INTERRUPTED: "interrupted; what was measured until then is reported",
}

# of a run that came to its end
EXIT_OF = {
    "pass": Exit.PASS,
    "fail": Exit.MISSED,
    "inconclusive": Exit.NO_VERDICT,
    "invalid": Exit.NO_VERDICT,
}


class BenchError(Exception):
    """The message names what is wrong and the way out."""

    exit_code = Exit.BROKEN


class UsageError(BenchError):
    """An option, plan or target table that cannot be accepted; nothing was started."""

    exit_code = Exit.USAGE


class BrokenRun(BenchError):
    """Something the run depends on failed."""


class ServerDied(BrokenRun):
    """The system under test ended while it was measured: the load gets no verdict."""

    exit_code = Exit.NO_VERDICT


class Interrupted(BenchError):
    """Ctrl-C while there is no report."""

    exit_code = Exit.INTERRUPTED

    def __init__(self, message: str = "interrupted before anything was measured") -> None:
        super().__init__(message)
