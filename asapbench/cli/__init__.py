"""The command line: one command a bench, its options derived from the Plan; errors → exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import NoReturn

import typer

import asap
from asapbench.cli.program import application
from asapbench.errors import BenchError, Exit, Interrupted, UsageError
from asapbench.terminal import open_closed, tell


def main() -> NoReturn:
    """Run the command line and exit; no traceback reaches a user."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    open_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without µ still gets its verdict
    try:
        _refuse_foreign_asap()
        code = application()(prog_name="asapbench", standalone_mode=False)
    except typer.TyperException as error:
        say = getattr(error, "format_message", error.__str__)
        code = _complain(say(), Exit.USAGE)
    except BenchError as error:
        code = _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain(str(Interrupted()), Exit.INTERRUPTED)
    except Exception as error:
        code = _apologise(error)
    _ignore_signals()  # all is said
    sys.exit(code)


def _refuse_foreign_asap() -> None:
    if getattr(asap, "__implementation__", None) != "asapbench":
        raise UsageError(
            "the Python package 'asap' that is installed here is not the one of asapbench "
            "(asap-protocol has the same import name); install asapbench as a tool of its own, "
            "from its folder: pipx install ., or uv tool install ."
        )


def _complain(message: str, code: int) -> int:
    tell(f"asapbench: {message}")
    return code


def _apologise(error: Exception) -> int:
    """Our own mistake: where it happened goes to a file, and a user reads one line."""
    said = f"a mistake of asapbench itself ({type(error).__name__}); please report it with "
    notes = getattr(error, "__notes__", [])
    return _complain("; ".join([said + (_crash_file(error) or _place(error)), *notes]), Exit.BROKEN)


def _crash_file(error: Exception) -> str:
    """Where all of it was written; empty where no file can be."""
    try:
        handle, name = tempfile.mkstemp(prefix="asapbench-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return ""
    return name


def _place(error: Exception) -> str:
    """Its last line of code, where that is all that can be told."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"its place, {Path(last.filename).name} line {last.lineno}"


def _interrupt(*_: object) -> NoReturn:
    # once is enough: what follows ends in seconds, and must not be cut short by an impatient hand
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
