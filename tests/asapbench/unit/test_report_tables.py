"""The report as CSV."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from asapbench.errors import Exit
from asapbench.model import Metric, Report, Story
from asapbench.report.tables import render_csv

ASAP = {"endpoint": "asap"}
METRICS = (
    Metric(name="latency.p95", unit="s", value=0.0034, low=0.003, high=0.004, n=9, confidence=0.99),
    Metric(name="latency.p95", unit="s", value=1 / 3, n=7, labels=ASAP),
    Metric(name="latency.p95", unit="s", value=0.002, labels={"endpoint": "manifest"}),
    Metric(name="error_rate", unit="ratio", value=0.0, labels=ASAP),
    Metric(name="server.cpu", unit="cores", value=0.5),
)
SECONDS = [
    {"second": 1, "requests": 5, "latency.p50": 0.25},
    {"second": 2, "requests": 0, "latency.p50": None},
]


@pytest.fixture
def tables(make_story: Callable[..., Story]) -> Callable[..., dict[str, list[dict[str, str]]]]:
    def render(**details: Any) -> dict[str, list[dict[str, str]]]:
        report = Report(
            story=make_story(),
            metrics=METRICS,
            verdicts=(),
            notes=(),
            details=details,
            outcome="invalid",
            exit_code=Exit.NO_VERDICT,
        )
        texts = render_csv(report)
        return {name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()}

    return render


Tables = Callable[..., dict[str, list[dict[str, str]]]]


def test_every_metric_has_a_row_at_full_precision(tables: Tables) -> None:
    rows = tables()["metrics"]
    assert [row["metric"] for row in rows] == [metric.key for metric in METRICS]
    assert [float(row["value"]) for row in rows] == [metric.value for metric in METRICS]
    assert rows[0] == {
        "metric": "latency.p95",
        "unit": "s",
        "value": "0.0034",
        "low": "0.003",
        "high": "0.004",
        "n": "9",
        "confidence": "0.99",
    }


def test_a_metric_without_bounds_has_empty_cells(tables: Tables) -> None:
    cpu = tables()["metrics"][-1]
    assert (cpu["low"], cpu["high"], cpu["confidence"]) == ("", "", "")


def test_every_endpoint_has_a_row_and_all_of_them_the_last(tables: Tables) -> None:
    assert tables(endpoints=("asap", "manifest"))["endpoints"] == [
        {"endpoint": "asap", "latency.p95": repr(1 / 3), "error_rate": "0.0"},
        {"endpoint": "manifest", "latency.p95": "0.002", "error_rate": ""},
        {"endpoint": "all", "latency.p95": "0.0034", "error_rate": ""},
    ]


def test_every_second_has_a_row(tables: Tables) -> None:
    assert tables(seconds=SECONDS)["seconds"] == [
        {"second": "1", "requests": "5", "latency.p50": "0.25"},
        {"second": "2", "requests": "0", "latency.p50": ""},
    ]


def test_there_are_no_tables_of_what_was_not_measured(tables: Tables) -> None:
    assert set(tables(endpoints=(), seconds=[])) == {"metrics"}
