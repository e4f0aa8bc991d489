"""What a reader of a climbed ladder has to know besides its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asapbench.ladder.alone import NO_ANSWER
from asapbench.ladder.rung import Rung
from asapbench.ladder.search import Finding
from asapbench.model import Note, Story
from asapbench.units import show

LITTLE = 0.10


def remarks(
    story: Story, finding: Finding, rungs: Sequence[Rung], recovery: Mapping[str, Any] | None
) -> Iterator[Note]:
    """That nothing broke, or the search ended early; that it did not recover, or was not steady."""
    if finding.high is None and not finding.limited:
        yield _no_break(story, max(rung.users for rung in rungs))
    if finding.unclear:
        yield _unclear(finding.unclear)
    if recovery and recovery["seconds"] is None:
        yield Note(
            code="not-recovered",
            text=f"back at {recovery['users']} users the server was not healthy again within "
            f"{show(recovery['waited'], 's')}",
            hint="look for what it keeps of requests that nobody waits for any more",
        )
    yield from _unsteady(rungs)


def remedy(rung: Rung) -> str:
    """What to do about a step that is in doubt."""
    if "--rps-per-user" in rung.doubt:
        return "more --step-users and --max-users then offer the same load"
    if NO_ANSWER in rung.doubt:
        return "see why the server leaves a single request without an answer, or give --timeout"
    return "more --processes, fewer --max-users, or a machine with more or quieter cores"


def _unclear(rung: Rung) -> Note:
    load = f"{rung.users:,} users" if rung.offered is None else show(rung.offered, "req/s")
    return Note(
        code="search-ended",
        text=f"the interval could not be narrowed at {load}: {rung.doubt}",
        hint=remedy(rung),
    )


def _no_break(story: Story, users: int) -> Note:
    plan, closed = story.plan, story.plan.get("user_class") == "stress"
    text = f"nothing broke up to {users:,} users, so this is a lower bound"
    if story.ended != "complete":
        hint = "the run was cut short: let it end"
    elif plan.get("profile") == "spike":
        hint = "give more --max-users, or climb to it: --profile step --until-break"
    elif not plan.get("until_break"):
        hint = "--until-break goes on until it does, or give more --max-users"
    elif closed:
        hint = "there are no more users, or no more sockets for them (ulimit -Hn)"
    else:
        hint = "let each user offer more (--rps-per-user): there are no more users, or no more "
        hint += "sockets for them (ulimit -Hn)"
    return Note(code="no-break", text=text, hint=hint)


def _unsteady(rungs: Sequence[Rung]) -> Iterator[Note]:
    steps = [rung.step for rung in rungs if not rung.broken and (rung.little or 0) > LITTLE]
    if steps:
        yield Note(
            code="little",
            text="Little's law (in flight = rate times time) does not close within "
            f"{show(LITTLE, 'ratio')} in step {', '.join(map(str, steps))}",
            hint="the load was not steady, or the generator was kept from counting at even times",
        )
