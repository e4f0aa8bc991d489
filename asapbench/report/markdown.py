"""The Report as Markdown, for a pull request: what needs a look is open, the rest is folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from asapbench.model import Gate, Note, Report, Verdict
from asapbench.report.compared import alone_in, in_one, result_of, share_of
from asapbench.report.outcome import overall
from asapbench.report.words import measured, sentence
from asapbench.units import show, show_interval

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Row

_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "invalid": "⚠️"}
_COMPARED = ("metric", "ratio", "would see", "change")
_VERDICTS = ("", "metric", "limit", "measured", "verdict")

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"[\\`*_\[\]!~|$]")
_BEGINS = re.compile(r"^(\d*)([-+=#]|(?<=\d)[.)](?!\S))")  # a list, a heading
_CALLS = re.compile(r"@|#(?=\d)|\bGH-")  # a person, an issue
_NOTHING = "&#8203;"  # no width: the reader sees the same words


def render_markdown(report: Report, comparison: Comparison | None = None) -> str:
    """GitHub's dialect: headings, tables, folded details."""
    return "\n\n".join(_parts(report, comparison)) + "\n"


def _parts(report: Report, comparison: Comparison | None) -> Iterator[str]:
    outcome, _ = overall(report, comparison)
    said = sentence(report, comparison)
    yield f"### {_MARKS[outcome]} asapbench {report.story.command}: {said}"
    server = report.story.server
    if server:
        yield f"{_plain(server.agent)} at {_plain(server.url)} ({server.how})"
    if report.story.why:
        yield f"**{_plain(report.story.why)}**"
    yield from _verdicts(report.verdicts)
    if comparison is not None:
        yield from _compared(comparison)
    if report.notes:
        yield _notes(report.notes)
    metrics = [
        (_code(m.key), show_interval(m.value, m.low, m.high, m.unit), f"{m.n:,}")
        for m in report.metrics
    ]
    yield from _folded("All metrics", ("metric", "value", "samples"), metrics)
    health = [
        ("✅" if gate.ok else "⚠️", gate.name, show(gate.value, gate.unit), _limit(gate))
        for gate in report.gates
    ]
    yield from _folded("Health of the instrument", ("", "gate", "value", "limit"), health)
    yield _where(report)


def _verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    open_ = [_row(verdict) for verdict in verdicts if verdict.outcome != "pass"]
    passed = [_row(verdict) for verdict in verdicts if verdict.outcome == "pass"]
    if open_:
        yield _table(_VERDICTS, open_)
    for reason in dict.fromkeys(v.reason for v in verdicts if v.outcome != "pass" and v.reason):
        yield f"> {_plain(reason)}"
    for verdict in verdicts:
        if verdict.outcome == "pass" and verdict.remark:
            yield f"> `{verdict.metric}`: {_plain(verdict.remark)}"
    yield from _folded(f"{len(passed)} met", _VERDICTS, passed)


def _row(verdict: Verdict) -> tuple[str, ...]:
    mark = _MARKS[verdict.outcome]
    return mark, _code(verdict.metric), verdict.limit, measured(verdict), verdict.outcome


def _compared(comparison: Comparison) -> Iterator[str]:
    """What is proven to have changed is open."""
    yield f"Against {_plain(comparison.old)}: {_plain(result_of(comparison))}"
    changed = [row for row in comparison.rows if row.change != "~"]
    if changed:
        yield _table(_COMPARED, map(_ratio, changed))
    rest = [_ratio(row) for row in comparison.rows if row.change == "~"]
    yield from _folded(f"{len(rest)} without a proven change", _COMPARED, rest)
    if alone := [f"- {_plain(line)}" for line in alone_in(comparison)]:
        yield "\n".join(alone)
    if comparison.notes:
        yield _notes(comparison.notes)


def _ratio(row: Row) -> tuple[str, ...]:
    of = "" if row.of == "old" else " (1 + change / limit)"
    return f"{_code(row.key)}{of}", in_one(row), share_of(row), row.change


def _limit(gate: Gate) -> str:
    return show(gate.limit, gate.unit)


def _where(report: Report) -> str:
    environment = report.story.environment
    commit = f", commit {environment.commit[:10]}" if environment.commit else ""
    machine = f"{environment.cpu}, {environment.cores} CPUs, {environment.python}"
    return f"<sub>{_plain(machine)}{commit}, {report.story.started_at}</sub>"


def _notes(notes: Iterable[Note]) -> str:
    return "\n".join(f"- {_plain(note.text)}{_hint(note.hint)}" for note in notes)


def _hint(hint: str) -> str:
    return f"<br>{_plain(hint)}" if hint else ""


def _folded(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        table = _table(header, rows)
        yield f"<details><summary>{title}</summary>\n\n{table}\n\n</details>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _plain(text: str) -> str:
    """Words of a server as words: no markup, no line of their own, nobody and nothing called."""
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    for character, entity in _ENTITIES.items():
        one_line = one_line.replace(character, entity)
    one_line = _BEGINS.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", one_line))
    return _CALLS.sub(rf"\g<0>{_NOTHING}", one_line)


def _code(text: str) -> str:
    """As it is, between as many backticks as it does not hold itself."""
    longest = max((len(ticks) for ticks in re.findall("`+", text)), default=0)
    ticks, room = "`" * (longest + 1), " " if longest else ""
    return f"{ticks}{room}{text}{room}{ticks}"
