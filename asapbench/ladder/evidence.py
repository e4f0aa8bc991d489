"""From the recorded run to rungs: each step on its own window, and whether it can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from asapbench import samples, stats, usage
from asapbench.ladder.alone import Alone, seen_alone
from asapbench.ladder.doubt import doubt
from asapbench.ladder.exhausted import exhausted
from asapbench.ladder.observe import Step, observe
from asapbench.ladder.rung import ROLES, Rule, Rung, judge, rules_of
from asapbench.model import Run, Window
from asapbench.offer import PULSE, Outcome
from asapbench.samples import Requests
from asapbench.series import Column, Layout

# What was asked of the generator, a row a step; `rate` and `cycle` are NaN where there is none.
STEPS = Layout(
    "steps",
    (
        Column("at", "s", "d"),
        Column("step", "1", "I"),
        Column("role", "1", "B"),  # index into ROLES
        Column("level", "1", "d"),
        Column("users", "1", "I"),
        Column("rate", "req/s", "d"),
        Column("cycle", "s", "d"),
    ),
)
_FEW = 2.0  # requests in flight, below which a moment's count says little
# answers that are not those asked for, and no doing of the generator
_WRONG = (Outcome.HTTP_4XX, Outcome.HTTP_5XX, Outcome.RPC_ERROR, Outcome.TASK_FAILED)


def steps_of(run: Run) -> list[Step]:
    """The steps in the order in which they were begun."""
    tables = run.tables(STEPS.name)
    if not tables:
        return []
    names = ("step", "role", "level", "users", "rate", "cycle")
    return [
        Step(int(step), ROLES[int(role)], level, int(users), stats.known(rate), stats.known(cycle))
        for step, role, level, users, rate, cycle in zip(
            *(tables[0].columns[name].tolist() for name in names), strict=True
        )
    ]


def rungs_of(run: Run) -> list[Rung]:
    """Every step that was measured, judged; and the one during which the server died.

    That may be the first while it was only to warm up.
    """
    windows = {window.name: window for window in run.story.windows}
    rules, rows = rules_of(run.story.targets), samples.rows_of(run)
    alone, rungs = seen_alone(run, rows), list[Rung]()
    loads = [step for step in steps_of(run) if step.role != "recovery"]
    for step in loads:
        window = windows.get(f"step-{step.number}")
        if window is not None and window.end > window.start:
            requests = samples.within(rows, window)
            rungs.append(_rung(run, step, requests, rules, alone, _best(rungs, step)))
    if run.story.ended == "server-died" and loads:
        last = loads[-1]
        seen = rungs.pop() if rungs and rungs[-1].step == last.number else _unseen(last)
        rungs.append(_dead(seen, run.story.why))
    return rungs


def _best(rungs: Sequence[Rung], step: Step) -> float:
    """What no more users achieved where they broke nothing."""
    fewer = (r.achieved for r in rungs if not r.broken and r.users <= step.users)
    return max(fewer, default=0.0)


def _unseen(step: Step) -> Rung:
    """A load that was begun and not measured."""
    return Rung(
        step=max(1, step.number),
        role="ladder" if step.role == "warm-up" else step.role,
        level=step.level,
        users=step.users,
        offered=step.rate,
        achieved=0.0,
    )


def _dead(rung: Rung, why: str) -> Rung:
    changes: dict[str, Any] = {
        "state": "broken",
        "reasons": (why,),
        "final": True,
        "doubt": "",
        "exhausted": "the server process: it ended",
    }
    return rung.model_copy(update=changes)


def _rung(
    run: Run,
    step: Step,
    requests: Requests,
    rules: Sequence[Rule],
    alone: Alone | None,
    best: float,
) -> Rung:
    window = requests.window
    rung = observe(step, requests, rules, best)
    used = {metric.name: metric.value for metric in usage.cpu_and_memory(run, window)}
    in_flight = _in_flight(run, window)
    few = _too_few_users(step, requests, rung, rules, alone)
    changes: dict[str, Any] = {
        "in_flight": in_flight,
        "little": _little(run, step, requests, in_flight),
        "server_cpu": used.get("server.cpu"),
        "server_rss": used.get("server.rss"),
        "doubt": "; ".join(filter(None, (few, _doubt(run, step, requests, rules)))),
        # more attempts would give no more users; a spike is a jump only once
        "final": step.role == "spike" or (bool(few) and rung.broken),
    }
    rung = rung.model_copy(update=changes)
    return rung.model_copy(update={"exhausted": exhausted(run, rung, requests)})


def _too_few_users(
    step: Step, requests: Requests, rung: Rung, rules: Sequence[Rule], alone: Alone | None
) -> str:
    """Where answers fail it is not for want of users."""
    if alone is None or _breaks(rung.error_rate, rules):
        return ""
    return alone.too_few_users(step, requests)


def _doubt(run: Run, step: Step, requests: Requests, rules: Sequence[Rule]) -> str:
    """A server that answers wrongly is not excused by a generator that could ask no more."""
    ended = int((requests.served | requests.failed).sum())
    wrong = int(np.isin(requests.outcome, [one.value for one in _WRONG]).sum())
    blamed = bool(ended) and _breaks(wrong / ended, rules)
    rate = step.rate if step.cycle is None else None
    return doubt(run, requests, rate, of_the_generator=not blamed)


def _breaks(error_rate: float, rules: Sequence[Rule]) -> bool:
    return judge({"error_rate": error_rate}, rules)[0] == "broken"


def _in_flight(run: Run, window: Window) -> float | None:
    """Requests open at a time, on average, over all generators."""
    seen = [table.within(window)["open"] for table in run.tables(PULSE.name)]
    means = [float(np.mean(beats)) for beats in seen if len(beats)]
    return sum(means) if means else None


def _little(run: Run, step: Step, requests: Requests, in_flight: float | None) -> float | None:
    """How far Little's law is from closing: N = X · (R + Z), as a share of N.

    N is what the pulse saw in flight, in a closed loop with think time Z the users. None for too
    few of them.
    """
    ended = requests.ended.where(~np.isnan(requests.ended.sent))
    seconds = requests.window.end - requests.window.start
    if not len(ended.done):
        return None
    rate, time = len(ended.done) / seconds, float(np.mean(ended.done - ended.sent))
    number = in_flight if step.rate is not None else float(step.users)
    think = 0.0 if step.rate is not None else float(np.mean(run.story.plan.get("pause", PAUSE)))
    if number is None or number < _FEW:
        return None
    return abs(number - rate * (time + think)) / number


PAUSE = (0.001, 0.005)  # seconds between an answer and the next request of a closed loop
