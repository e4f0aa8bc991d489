"""What follows from a run: analyse it, judge it. Pure, so that it can be done again at any time."""

from __future__ import annotations

from asapbench.environment import machine_notes
from asapbench.errors import Exit
from asapbench.model import Bench, Note, Report, Run, Story
from asapbench.targets import judge, overall


def conclude(bench: Bench, run: Run) -> Report:
    """The report of a run. A gate that trips, or a server that died, voids the verdicts."""
    analysis = bench.analyse(run)
    tripped = [gate for gate in analysis.gates if not gate.ok]
    invalid = _invalid(run.story, judges_death=bench.judges_death)
    if run.story.plan.get("gates", True):
        invalid = invalid or "; ".join(gate.text for gate in tripped)
    verdicts = judge(run.story.targets, analysis.metrics, invalid, analysis.remarks)
    outcome, exit_code = overall(verdicts)
    if analysis.broke:
        exit_code = Exit.BROKEN
    return Report(
        story=run.story,
        metrics=analysis.metrics,
        verdicts=verdicts,
        notes=(
            *machine_notes(run.story.environment),
            *run.story.notes,
            *analysis.notes,
            *(Note(code=f"health-{gate.name}", text=gate.text, hint=gate.hint) for gate in tripped),
        ),
        gates=analysis.gates,
        details=analysis.details,
        outcome=outcome,
        exit_code=_ENDED.get(run.story.ended, exit_code),
        broke=analysis.broke,
    )


_ENDED = {"interrupted": Exit.INTERRUPTED, "broke": Exit.BROKEN, "running": Exit.BROKEN}


def _invalid(story: Story, *, judges_death: bool) -> str:
    voiding = {"broke"} if judges_death else {"server-died", "broke"}
    return story.why if story.ended in voiding else ""
