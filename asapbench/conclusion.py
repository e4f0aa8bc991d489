"""What follows from a run: analyse it, judge it. Pure, so that it can be done again at any time."""

from __future__ import annotations

from asapbench.environment import machine_notes
from asapbench.errors import EXIT_OF, Exit
from asapbench.model import Bench, Note, Outcome, Report, Run, Story
from asapbench.targets import judge, outcome_of


def conclude(bench: Bench, run: Run) -> Report:
    """The report of a run. A gate that trips, or a server that died, voids the verdicts."""
    analysis = bench.analyse(run)
    tripped = [gate for gate in analysis.gates if not gate.ok]
    invalid = _invalid(run.story, judges_death=bench.judges_death)
    if run.story.plan.get("gates", True):
        invalid = invalid or "; ".join(gate.text for gate in tripped)
    verdicts = judge(run.story.targets, analysis.metrics, invalid, analysis.remarks)
    outcome = outcome_of(verdicts)
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
        exit_code=_exit_code(run.story.ended, analysis.broke, outcome),
        broke=analysis.broke,
    )


def _exit_code(ended: str, broke: str, outcome: Outcome) -> Exit:
    if ended == "interrupted":
        return Exit.INTERRUPTED
    return Exit.BROKEN if broke or ended in {"broke", "running"} else EXIT_OF[outcome]


def _invalid(story: Story, *, judges_death: bool) -> str:
    voiding = {"broke"} if judges_death else {"server-died", "broke"}
    return story.why if story.ended in voiding else ""
