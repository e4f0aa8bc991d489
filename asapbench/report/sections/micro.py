"""The table of benchmarks by group, with what each allocates, and what the run itself was like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from asapbench.model import Outcome, Report, Verdict
from asapbench.report.drawing import clean, columns, fits, shown
from asapbench.units import show, show_duration

# the most that fit are taken
_COLUMNS = (
    (
        *("min", "mean", "stddev", "median", "ops/s", "±", "rounds", "blocks kept", "peak"),
        *("target", "verdict"),
    ),
    ("min", "mean", "stddev", "median", "ops/s", "±", "blocks kept", "peak", "target", "verdict"),
    ("min", "mean", "stddev", "median", "ops/s", "±", "target", "verdict"),
    ("mean", "stddev", "median", "±", "target", "verdict"),
    ("mean", "±", "target", "verdict"),
    ("mean", "verdict"),
)
_STYLES: dict[Outcome, str] = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "invalid": "magenta",
}

Row = Mapping[str, Any]


def tables(report: Report, console: Console) -> Iterator[RenderableType]:
    """All benchmarks; then what else some of them tell."""
    rows = report.details.get("benchmarks")
    if not rows:
        return
    candidates = [_benchmarks(report, rows, names) for names in _COLUMNS]
    yield next((table for table in candidates if fits(table, console)), candidates[-1])
    if others := list(_others(report, rows)):
        table = columns("BESIDE", "", numbers=True)
        for name, value in others:
            table.add_row(name, value)
        yield table


def totals(report: Report) -> Iterator[tuple[str, str]]:
    """What the run was like."""
    details = report.details
    if not details.get("benchmarks"):
        return
    yield "Measured", show_duration(report.story.duration)
    yield "Benchmarks", f"{len(details['benchmarks'])}"
    yield "Rounds", f"{details['rounds']}"
    yield "Not measuring", shown(report, "overhead")
    yield "Disturbed batches", shown(report, "disturbed")
    yield "Noise", shown(report, "noise")


def appendix(report: Report) -> Iterator[RenderableType]:
    """The benchmarks that broke."""
    if failures := report.details.get("failures"):
        table = columns("BROKE", "round", "error")
        for row in failures:
            table.add_row(row["benchmark"], str(row["round"]), clean(row["error"]))
        yield table


def _benchmarks(report: Report, rows: Sequence[Row], names: Sequence[str]) -> Table:
    table = columns("BENCHMARK", *names, numbers=True)
    verdicts = {verdict.metric: verdict for verdict in report.verdicts}
    for group, members in _by_group(rows).items():
        table.add_row(Text(group, "bold"), *_of_group(group, verdicts, names))
        for row in members:
            cells = (_CELLS[name](report, row, verdicts.get(row["metric"])) for name in names)
            table.add_row(f"  {row['name']}", *cells)
    return table


def _by_group(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["group"]):
        groups.setdefault(row["group"], []).append(row)
    return groups


def _of_group(
    group: str, verdicts: Mapping[str, Verdict], names: Sequence[str]
) -> Iterator[str | Text]:
    """The verdict on what a group has in common, such as its exponent."""
    verdict = verdicts.get(group)
    for name in names:
        if verdict is not None and name == "mean" and verdict.value is not None:
            yield f"exponent {show(verdict.value, verdict.unit)}"
        elif verdict is not None and name in {"target", "verdict"}:
            yield _limit(verdict) if name == "target" else _outcome(verdict)
        else:
            yield ""


def _metric(report: Report, row: Row, kind: str) -> str:
    return shown(report, f'{row["group"]}.{kind}{{benchmark="{row["name"]}"}}')


def _interval(report: Report, row: Row, _: Verdict | None) -> str:
    metric = report.find(row["metric"])
    if metric is None or metric.low is None or metric.high is None or not metric.value:
        return "–"
    share = (metric.high - metric.low) / 2 / metric.value
    return f"{show(share, 'ratio')}"


def _seconds(name: str) -> Callable[[Report, Row, Verdict | None], str]:
    return lambda _, row, __: "–" if row[name] is None else show(row[name], "s")


def _limit(verdict: Verdict | None) -> str:
    return verdict.limit if verdict else ""


def _outcome(verdict: Verdict | None) -> Text:
    return Text(verdict.outcome.upper(), _STYLES[verdict.outcome]) if verdict else Text()


def _a_second(seconds: float) -> str:
    rate = 1 / seconds
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


_CELLS: dict[str, Callable[[Report, Row, Verdict | None], str | Text]] = {
    "min": _seconds("min"),
    "mean": _seconds("mean"),
    "stddev": _seconds("stddev"),
    "median": _seconds("median"),
    "ops/s": lambda _, row, __: _a_second(row["mean"]),
    "±": _interval,
    "rounds": lambda _, row, __: str(row["rounds"]),
    "blocks kept": lambda report, row, _: _metric(report, row, "blocks"),
    "peak": lambda report, row, _: _metric(report, row, "peak_memory"),
    "target": lambda _, __, verdict: _limit(verdict),
    "verdict": lambda _, __, verdict: _outcome(verdict),
}


def _others(report: Report, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Speeds, ratios and speed-ups; what a client takes of the time of a request."""
    for row in rows:
        label = f'{{benchmark="{row["name"]}"}}'
        said = []
        if row["client_cpu"]:
            said.append(f"{show(row['client_cpu'], 's')} of the client's CPU")
        if speed := report.find(f"{row['group']}.speed{label}"):
            said.append(f"{show(row['size'], 'B')} at {show(speed.value, 'B')}/s")
        if ratio := report.find(f"{row['group']}.ratio{label}"):
            said.append(f"to {show(ratio.value, 'ratio')}")
        if speedup := report.find(f"{row['group']}.speedup{label}"):
            said.append(f"{speedup.value:.3g} times as fast as the other way")
        if said:
            yield f"{row['group']}/{row['name']}", ", ".join(said)
