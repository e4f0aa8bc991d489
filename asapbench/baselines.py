"""Results on disk: saved by name, of a kept run, or a file of ours, pyperf or pytest-benchmark."""

from __future__ import annotations

import json
import math
import os
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scipy import special

from asapbench import store
from asapbench.comparison import Results, Sized, sized
from asapbench.errors import BrokenRun, UsageError
from asapbench.model import Note, metric_key
from asapbench.report.outcome import void_document
from asapbench.units import parse_quantity

FOLDER = store.BASELINES
SCHEMA = "asapbench.report/"
KNOWN = 1  # its number
NAME = re.compile(r"[\w.@+-]+")
_NEVER_ZERO = frozenset({"s", "req/s", "cores"})  # units of what has a ratio
_BLOCKS = 20  # that the values of one process are cut into: neighbours are alike
_ONE_PROCESS = Note(
    code="one-process",
    text="pytest-benchmark times in one process: what differs from process to process is not in "
    "its intervals, which are too narrow",
    hint="treat small differences as noise, or measure with asapbench or pyperf",
)


def path_of(name: str) -> Path:
    """Where a baseline of this name is kept."""
    return FOLDER / f"{name}.json"


def save(name: str, document: str) -> Path:
    """Keep a report under a name. Raises BrokenRun where that cannot be written."""
    file = path_of(name)
    fresh = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(document, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise BrokenRun(f"--save: {str(file)!r} cannot be written: {error.strerror}") from error
    return file


def read(source: str) -> Results:
    """The results in a file, saved under a name, or of a run that was kept.

    Raises UsageError saying what is wrong.
    """
    file = _find(source)
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{source!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{str(file)!r} is not JSON: {error}") from error
    if (number := _number(content)) > KNOWN:
        raise UsageError(
            f"{str(file)!r} is of a newer asapbench ({SCHEMA}{number}; this one reads {KNOWN})"
        )
    try:
        return _results(source, content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{str(file)!r} holds no results of asapbench, pyperf or pytest-benchmark"
        ) from error


def _find(source: str) -> Path:
    saved = path_of(source)
    if os.path.isfile(source):  # noqa: PTH113 - Path raises for a name too long
        return Path(source)
    if NAME.fullmatch(source) and os.path.isfile(saved):  # noqa: PTH113 - the same
        return saved
    try:
        return _report_of(store.find(source))
    except store.NoSuchRun as error:
        known = sorted(file.stem for file in FOLDER.glob("*.json"))
        there = f"saved are {', '.join(known)}" if known else "none was saved yet (--save NAME)"
        raise UsageError(
            f"there is no file and no baseline {source!r}, and {error.number} run of that name; "
            f"{there}; {error.others}"
        ) from error


def _report_of(folder: Path) -> Path:
    file = folder / store.REPORT
    if not file.is_file():
        raise UsageError(
            f"the run {folder.name!r} never ended, so there is no report of it: make one by "
            f"asapbench report {folder.name} --json FILE, and compare that"
        )
    return file


def _number(content: Any) -> int:
    """The number of the schema of a report of ours; 0 of all else."""
    schema = str(content.get("schema", "")) if isinstance(content, Mapping) else ""
    number = schema.removeprefix(SCHEMA)
    return int(number) if number != schema and number.isdecimal() else 0


def _results(name: str, content: Mapping[str, Any]) -> Results:
    if _number(content):
        return of_report(name, content)
    if "machine_info" in content:
        return _of_pytest_benchmark(name, content)
    return _of_pyperf(name, content)


def of_report(name: str, report: Mapping[str, Any]) -> Results:
    """Of a report of ours: each benchmark's processes, or the judged metrics with their bounds."""
    own = report.get(report["command"], {})
    rows = own.get("benchmarks")
    environment = report["environment"]
    conditions = {
        "machine": f"{environment['hostname']}, {environment['cpu']}",
        "Python": environment["python"].lower(),
        "server": (report["server"] or {}).get("how", "none"),
    }
    measured = {"command": report["command"], "plan": report["plan"]}
    if void_document(report):
        return Results(name, {}, conditions, notes=(_not_valid(name),), void=True, **measured)
    if rows is None:
        return Results(name, dict(_judged(report)), conditions, **measured)
    keys = {f"{row['group']}/{row['name']}": row for row in rows}
    sizes = {key: sized(row["values"]) for key, row in keys.items()}
    served = frozenset(key for key, row in keys.items() if row["client_cpu"] is not None)
    splits = [math.log1p(row["split"]) for row in rows if row["split"] is not None]
    drift = _beyond_chance(splits, list(sizes.values()))
    return Results(name, sizes, conditions, drift, served=served, **measured)


def _beyond_chance(splits: Sequence[float], sizes: Sequence[Sized]) -> float:
    """The drift that is more than halves of such runs differ by: two standard errors of a whole.

    The rows of a run share its moments, so their median varies as one of them does.
    """
    if not splits:
        return 0.0
    chance = 2 * statistics.median(size.error for size in sizes)
    return math.sqrt(max(0.0, statistics.median(splits) ** 2 - chance**2))


def refuse_void(results: Results) -> None:
    """Raises UsageError for what nothing can be compared with."""
    if results.void:
        raise UsageError(
            f"{results.name!r} is a measurement that is not valid: nothing can be compared with it"
        )


def _not_valid(name: str) -> Note:
    return Note(
        code="not-valid",
        text=f"{name} is a measurement that is not valid: nothing of it is compared",
        hint="measure it again; its own notes say what spoiled it",
    )


def _judged(report: Mapping[str, Any]) -> Iterable[tuple[str, Sized]]:
    """Metrics with a target, whose sign says which way is worse; not those of no valid verdict."""
    confidence = {
        metric_key(metric["name"], metric["labels"]): metric["confidence"]
        for metric in report["metrics"]
    }
    for verdict in report["verdicts"]:
        if verdict["outcome"] == "invalid":
            continue
        if found := _sized(verdict, confidence.get(verdict["metric"])):
            yield verdict["metric"], found


def _sized(verdict: Mapping[str, Any], confidence: float | None) -> Sized | None:
    """None of what has no interval, or no share to be told in."""
    interval = _interval(verdict, confidence)
    if interval is None:
        return None
    limit = verdict["limit"].strip()
    base = None
    if verdict["unit"] in _NEVER_ZERO:
        if interval[2] <= 0:
            return None
        interval = tuple(map(_log, interval))
    elif not (base := abs(parse_quantity(limit.lstrip("<>="))[0])):
        return None
    low, value, high = interval
    error = (high - low) / 2 / float(special.ndtri(confidence or 0.99))
    if limit.startswith(">"):
        low, value, high = -high, -value, -low
    return Sized(value, error, math.inf, 1, base, (low, high))


def _interval(verdict: Mapping[str, Any], confidence: float | None) -> tuple[float, ...] | None:
    """Its low bound, value and high bound; JSON has null for a bound that is not finite."""
    low, value, high = verdict["low"], verdict["value"], verdict["high"]
    if value is None or (confidence is None and None in (low, high)):
        return None
    return (-math.inf if low is None else low), value, (math.inf if high is None else high)


def _log(number: float) -> float:
    return math.log(number) if number > 0 else -math.inf


def _of_pyperf(name: str, content: Mapping[str, Any]) -> Results:
    """A process is a run; its number is the mean of its values."""
    common = content.get("metadata", {})
    sizes = {}
    metadata: dict[str, Any] = dict(common)
    for benchmark in content["benchmarks"]:
        runs = benchmark["runs"]
        metadata = {**common, **benchmark.get("metadata", {}), **runs[0].get("metadata", {})}
        values = [statistics.fmean(run["values"]) for run in runs if run.get("values")]
        sizes[str(metadata.get("name", "benchmark"))] = sized(values)
    conditions = {
        "machine": f"{metadata.get('hostname', '?')}, {metadata.get('cpu_model_name', '?')}",
        "Python": _python(metadata, "python_version"),
    }
    return Results(name, sizes, conditions)


def _of_pytest_benchmark(name: str, content: Mapping[str, Any]) -> Results:
    machine = content["machine_info"]
    sizes = {}
    for benchmark in content["benchmarks"]:
        stats = benchmark["stats"]
        data = stats.get("data")
        sizes[str(benchmark["fullname"])] = sized(_blocks(data)) if data else _summarised(stats)
    cpu = machine.get("cpu", {})
    conditions = {
        "machine": f"{machine.get('node', '?')}, {cpu.get('brand_raw', '?')}",
        "Python": _python(machine, "python_version"),
    }
    return Results(name, sizes, conditions, notes=(_ONE_PROCESS,))


def _python(facts: Mapping[str, Any], version: str) -> str:
    implementation = str(facts.get("python_implementation", "?")).lower()
    return f"{implementation} {str(facts.get(version, '?')).partition(' ')[0]}"


def _blocks(values: list[float]) -> list[float]:
    size = max(1, len(values) // _BLOCKS)
    parts = [values[at : at + size] for at in range(0, len(values) - size + 1, size)]
    return [statistics.fmean(part) for part in parts]


def _summarised(stats: Mapping[str, Any]) -> Sized:
    mean, spread, rounds = stats["mean"], stats["stddev"], min(stats["rounds"], _BLOCKS)
    error = spread / mean / math.sqrt(rounds) if rounds > 1 else math.inf
    return Sized(math.log(mean), error, max(rounds - 1.0, 0.0), rounds)
