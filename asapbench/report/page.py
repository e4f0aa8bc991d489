"""The Report as one HTML file that opens offline: verdicts, charts, tables, how it was measured.

Nothing in it is fetched, and its content security policy refuses what would be. Scripts run only
by their hash, so that no words of a server could become one.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from asapbench import __version__
from asapbench.errors import BrokenRun
from asapbench.model import Report, Verdict
from asapbench.report.bullet import bullet
from asapbench.report.circumstances import environment_of, plan_of
from asapbench.report.compared import alone_in, result_of, title_of
from asapbench.report.figures import Chart
from asapbench.report.listed import tables_of, totals_of
from asapbench.report.outcome import overall
from asapbench.report.ratios import ratios
from asapbench.report.words import measured, sentence
from asapbench.units import show, show_duration, show_interval

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

_TEMPLATES = Path(__file__).parent / "templates"
_MARKS = {"pass": "✓", "fail": "✕", "inconclusive": "?", "invalid": "!"}

_OPEN = 8  # targets that are met, at most, without being folded
_WORST = ("fail", "invalid", "inconclusive", "pass")


def render_html(report: Report, comparison: Comparison | None = None) -> str:
    """The whole page, plotly included."""
    return page(report, library(), comparison)


def page(report: Report, library: str, comparison: Comparison | None = None) -> str:
    """The page around a drawing library, which is the text of a script."""
    found = charts_of(report, comparison)
    scripts = [library, (_TEMPLATES / "page.js").read_text(encoding="utf-8")] if found else []
    scripts.insert(0, (_TEMPLATES / "theme.js").read_text(encoding="utf-8"))
    verdicts, folded = _folded([_row(verdict) for verdict in _worst_first(report)])
    outcome, _ = overall(report, comparison)
    text: str = _template().render(
        report=report,
        story=report.story,
        version=__version__,
        headline=sentence(report, comparison).capitalize(),
        outcome=outcome,
        mark=_MARKS[outcome],
        marks=_MARKS,
        verdicts=verdicts,
        folded=folded,
        reasons=_shared_reasons(report),
        comparison=comparison and _compared(comparison),
        totals=totals_of(report),
        tables=tables_of(report, comparison),
        metrics=[
            (m.key, show_interval(m.value, m.low, m.high, m.unit), f"{m.n:,}")
            for m in report.metrics
        ],
        gates=[
            (gate, show(gate.value, gate.unit), show(gate.limit, gate.unit))
            for gate in report.gates
        ],
        plan=list(plan_of(report)),
        environment=list(environment_of(report)),
        charts=found,
        figures=embedded(found),
        style=Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - ours, and plotly's
        policy=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
    )
    return text


def charts_of(report: Report, comparison: Comparison | None = None) -> list[Chart]:
    """The charts of the report's command; with a comparison its own comes first."""
    module = import_module(f"asapbench.report.pages.{report.story.command}")
    charts: Callable[[Report], list[Chart]] = module.charts
    return [*(ratios(comparison) if comparison else ()), *charts(report)]


def embedded(charts: list[Chart]) -> Markup:
    """The charts as JSON that can stand in a script element: no character of it begins a tag."""
    text = json.dumps([asdict(chart) for chart in charts], separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - made safe just now


@cache
def library() -> str:
    """The text of plotly.js as the Python package brings it, which is not imported for that."""
    spec = find_spec("plotly")
    for place in spec.submodule_search_locations or () if spec else ():
        file = Path(place) / "package_data" / "plotly.min.js"
        if file.exists():
            return file.read_text(encoding="utf-8")
    raise BrokenRun("--html: plotly is not installed as it should be; install asapbench anew")


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = show_duration
    return environment.get_template("page.html")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _worst_first(report: Report) -> list[Verdict]:
    return sorted(report.verdicts, key=lambda verdict: _WORST.index(verdict.outcome))


def _folded(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What is to be seen at once, and the targets that are met where these are many."""
    met = [row for row in rows if row["is"].outcome == "pass"]
    return (rows, []) if len(met) <= _OPEN else (rows[: -len(met)], met)


def _row(verdict: Verdict) -> dict[str, Any]:
    value, _, bounds = measured(verdict).partition(" [")
    shown = {"value": value, "bounds": f"[{bounds}" if bounds else ""}
    return {"is": verdict, "bullet": bullet(verdict), **shown}


def _compared(comparison: Comparison) -> dict[str, Any]:
    return {
        "title": title_of(comparison),
        "result": result_of(comparison),
        "alone": list(alone_in(comparison)),
        "notes": comparison.notes,
    }


def _shared_reasons(report: Report) -> list[str]:
    """Reasons of more than one verdict, which are told once, below all of them."""
    reasons = [v.reason for v in report.verdicts if v.outcome != "pass" and v.reason]
    return [reason for reason in dict.fromkeys(reasons) if reasons.count(reason) > 1]
