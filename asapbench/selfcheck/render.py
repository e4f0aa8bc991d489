"""Results as lines of a table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from asapbench.errors import Exit
from asapbench.selfcheck.row import Check, Result, written
from asapbench.units import show

SCHEMA = "asapbench.selfcheck/1"
_WIDTHS = (13, 13, 15, 15, 11)
_INDENT = " " * _WIDTHS[0]


def heading() -> str:
    """The names of the columns."""
    return _line("row", "metric", "truth", "reading", "allowed", "verdict")


def lines(result: Result, width: int) -> Iterator[str]:
    """The lines of one row: one a comparison, then what else there is to know."""
    name = result.row
    for check in result.checks:
        verdict = _verdict(result, check)
        allowed = "" if check.allowed is None else f"± {show(check.allowed, check.unit)}"
        truth, reading = (written(value, check.unit) for value in (check.truth, check.reading))
        yield _line(name, check.what, truth, reading, allowed, verdict)
        name = ""
    if not result.checks:
        yield _line(name, "", "", "", "", result.verdict)
    yield from (_INDENT + line for line in wrap(result.text, width - len(_INDENT)))
    if result.verdict != "right" and result.run:
        yield f"{_INDENT}kept in {result.run}"


def _verdict(result: Result, check: Check) -> str:
    if result.verdict == "not run":
        return result.verdict
    return "right" if check.right else "WRONG"


def summary(results: Sequence[Result]) -> str:
    """One sentence on all rows."""
    count = {verdict: _count(results, verdict) for verdict in ("right", "WRONG", "not run")}
    told = ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number)
    if count["WRONG"]:
        return (
            f"{told}: do not trust a verdict from this machine before you know why; "
            "`asapbench doctor` says what else is going on here."
        )
    if count["not run"]:
        return f"{told}: what could be checked is right."
    return f"{told}: the instrument reads here what is true."


def exit_code(results: Sequence[Result]) -> Exit:
    """A wrong row decides, then one that was not run."""
    if _count(results, "WRONG"):
        return Exit.MISSED
    return Exit.BROKEN if _count(results, "not run") else Exit.PASS


def document(results: Sequence[Result]) -> str:
    """All of it as JSON."""
    content = {
        "schema": SCHEMA,
        "exit_code": int(exit_code(results)),
        "rows": [json.loads(result.model_dump_json()) for result in results],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _line(*cells: str) -> str:
    *padded, last = cells
    return "".join(f"{c:<{w - 1}} " for c, w in zip(padded, _WIDTHS, strict=True)) + last


def _count(results: Sequence[Result], verdict: str) -> int:
    return sum(result.verdict == verdict for result in results)
