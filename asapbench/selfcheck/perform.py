"""Runs a row and says what came of it."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

from asapbench.cores import CorePlan
from asapbench.engine import execute
from asapbench.errors import BenchError, BrokenRun
from asapbench.model import Plan, Story, Tick, Watch
from asapbench.scratch import scratch_folder
from asapbench.selfcheck.row import Check, Result, Row, Seen, Stage
from asapbench.store import Recording
from asapbench.system import System


def perform(row: Row, watch: Watch, *, quick: bool) -> Result:
    """Run a row. An error of the run is a row that was not run, never one that is right."""
    recordings: list[Recording] = []
    try:
        return judged(row, _executed(row.stage(quick), watch, recordings), _folder(recordings))
    except BenchError as error:
        return _not_run(row, str(error), _folder(recordings))


def judged(row: Row, seen: Seen, folder: str = "") -> Result:
    """Compare what a run shows with the truth; pure."""
    invalid = [v.reason for v in seen.report.verdicts if v.outcome == "invalid"]
    if row.sound and invalid:
        why = f"the instrument calls its own run invalid: {invalid[0]}"
        void = _not_run(row, why, folder, _read(row, seen))
        return void.model_copy(update={"void": True})
    checks = row.judge(seen)
    right = bool(checks) and all(check.right for check in checks)
    return Result(
        row=row.name,
        about=row.about,
        verdict="right" if right else "WRONG",
        checks=checks,
        text=row.remark(seen),
        run=folder,
    )


def _executed(stage: Stage, watch: Watch, recordings: list[Recording]) -> Seen:
    def start(plan: Plan, recording: Recording, cores: CorePlan) -> AbstractContextManager[System]:
        recordings.append(recording)
        return stage.start(plan, recording, cores)

    def both(tick: Tick, story: Story) -> None:
        stage.watch(tick)
        watch(tick, story)

    with scratch_folder() as folder:
        plan = _judged_by(stage, folder / "targets.toml")
        report = execute(stage.bench, plan, both, start)
    if report.story.ended == "interrupted":
        raise KeyboardInterrupt
    if report.story.ended != "complete":
        raise BrokenRun(report.story.why)
    return Seen(report, recordings[0].run())


def _judged_by(stage: Stage, table: Path) -> Plan:
    """The plan of a stage, with its limits written where a plan looks for them."""
    # the generator is set against a server that is known: no floor has to be found first
    changes: dict[str, Path | bool] = {"floor": False}
    if stage.limits:
        rows = (
            # a string of JSON is one of TOML
            f"[[{stage.bench.name}]]\nmetric = {json.dumps(metric)}\nlimit = {json.dumps(limit)}\n"
            for metric, limit in stage.limits
        )
        table.write_text("".join(rows), encoding="utf-8")
        changes["targets"] = table
    return stage.plan.model_copy(update=changes)


def _read(row: Row, seen: Seen) -> tuple[Check, ...]:
    """What a run without a verdict shows all the same, if anything."""
    try:
        return row.judge(seen)
    except LookupError:
        return ()


def _not_run(row: Row, why: str, folder: str, checks: tuple[Check, ...] = ()) -> Result:
    """A row without a verdict; what it read all the same is kept."""
    return Result(
        row=row.name, about=row.about, verdict="not run", checks=checks, text=why, run=folder
    )


def _folder(recordings: list[Recording]) -> str:
    return str(recordings[0].folder) if recordings else ""
