"""The Report as JSON, in the form that `report/schema.json` describes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asapbench.model import Report
from asapbench.report.outcome import overall

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

SCHEMA = "asapbench.report/1"


def render_json(report: Report, comparison: Comparison | None = None) -> str:
    """Indented JSON; numbers at full precision, and null where one is not finite."""
    content = document(report)
    outcome, code = overall(report, comparison)
    content |= {"outcome": outcome, "exit_code": int(code)}
    if comparison is not None:
        content["comparison"] = comparison_document(comparison)
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as JSON-ready values."""
    story = report.story
    return {
        "schema": SCHEMA,
        "command": story.command,
        "outcome": report.outcome,
        "exit_code": int(report.exit_code),
        "started_at": story.started_at,
        "duration": story.duration,
        "ended": story.ended,
        "why": story.why,
        "plan": story.plan,
        "environment": story.environment.model_dump(mode="json"),
        "server": story.server and story.server.model_dump(mode="json"),
        "metrics": [metric.model_dump(mode="json") for metric in report.metrics],
        "verdicts": [verdict.model_dump(mode="json") for verdict in report.verdicts],
        "health": [gate.model_dump(mode="json") | {"ok": gate.ok} for gate in report.gates],
        "notes": [note.model_dump(mode="json") for note in report.notes],
        story.command: report.details,
    }


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """Every row with its numbers, and which are slower than is allowed; null is not finite."""
    beyond = {row.key for row in comparison.too_slow}
    content: dict[str, Any] = {
        "old": comparison.old,
        "new": comparison.new,
        "max_slowdown": comparison.allowed,
        "rows": [{**asdict(row), "beyond": row.key in beyond} for row in comparison.rows],
        "only_old": list(comparison.only_old),
        "only_new": list(comparison.only_new),
        "notes": [note.model_dump(mode="json") for note in comparison.notes],
    }
    return {name: _finite(value) for name, value in content.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
