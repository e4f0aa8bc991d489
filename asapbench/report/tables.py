"""The Report as CSV tables, for spreadsheets and notebooks; values in SI base units."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from asapbench.model import Metric, Report

_SERIES = ("seconds", "steps", "processes", "cycles", "components")


def render_csv(report: Report) -> dict[str, str]:
    """CSV texts by name: a row a metric, an endpoint, a second, a step, a process, a cycle, ..."""
    tables = {"metrics": _metrics(report.metrics)}
    for name in _SERIES:
        if rows := report.details.get(name):
            tables[name] = _csv(list(rows[0]), (_cells(row.values()) for row in rows))
    if endpoints := report.details.get("endpoints"):
        tables["endpoints"] = _by_endpoint(report.metrics, endpoints)
    return tables


def _cells(values: Iterable[Any]) -> Iterable[Any]:
    return ("; ".join(value) if isinstance(value, list | tuple) else value for value in values)


def _metrics(metrics: Iterable[Metric]) -> str:
    header = ("metric", "unit", "value", "low", "high", "n", "confidence")
    return _csv(
        header, ((m.key, m.unit, m.value, m.low, m.high, m.n, m.confidence) for m in metrics)
    )


def _by_endpoint(metrics: Sequence[Metric], endpoints: Sequence[str]) -> str:
    """One row an endpoint and one for all, a column a metric; empty where there was too little."""
    values = {(m.labels.get("endpoint", "all"), m.name): m.value for m in metrics}
    names = list(dict.fromkeys(m.name for m in metrics if m.labels))
    return _csv(
        ["endpoint", *names],
        ([place, *(values.get((place, name)) for name in names)] for place in (*endpoints, "all")),
    )


def _csv(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
