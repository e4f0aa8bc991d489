"""Runs in the process that is measured: the private pipe over which its parent asks it.

Questions come on standard input, whose end is the end of the parent; answers leave on what was
standard output. What the program itself prints goes to the log, so that it is never an answer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

_CHUNK = 1024


def private_output() -> int:
    """Keep standard output for answers; what is printed from now on goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def answer_until_the_end(answers: int, answer: Callable[[str], str]) -> None:
    """Answer each line, one line each; return when there will be no more."""
    # raw reads, not sys.stdin: a buffered reader cannot be finalised while a thread is in it
    rest = b""
    while data := os.read(0, _CHUNK):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            os.write(answers, _answered(line.decode(), answer) + b"\n")


def _answered(question: str, answer: Callable[[str], str]) -> bytes:
    try:
        return answer(question).encode()
    except Exception as error:  # the server must live on; the parent says what went wrong
        return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
