"""Timings of worker processes, simulated: how often a limit or a comparison is judged wrongly.

A process has a level of its own (values within it are alike) and the machine drifts; the code
that judges is the one that judges runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from asapbench import stats
from asapbench.commands.micro import MicroPlan
from asapbench.comparison import REFERENCE, Results, compare, sized
from asapbench.model import Metric, Outcome, Target
from asapbench.stats import Array
from asapbench.targets import judge
from prove.showing import Seen, show
from prove.verdicts import significantly_above

TITLE = "Verdicts and comparisons of simulated worker processes"
RUNS = 1000
COMPARISONS = 100
ROWS = 40
PROMISED_ROWS = 0.02
PROMISED_FOUND = 0.95


@dataclass(frozen=True)
class Machine:
    """How numbers of processes vary, in logarithms: `tail` of them are doubled.

    Of a tail a run may see nothing, and be the surer for it: that is shown, and not promised.
    """

    name: str
    spread: float
    tail: float = 0.0

    def draw(self, random: np.random.Generator, mean: float, n: int) -> Array:
        """Numbers whose geometric mean is `mean` over many processes."""
        slow = random.random(n) < self.tail
        logs = random.normal(0, self.spread, n) + math.log(2) * (slow - self.tail)
        return np.asarray(mean * np.exp(logs))


MACHINES = (Machine("quiet", 0.01), Machine("shared", 0.05), Machine("busy", 0.10, tail=0.1))


def prove(seed: int) -> tuple[Seen, Iterable[str]]:
    """What was seen, and each promise that it breaks."""
    seen: Seen = {}
    broken = [
        *(line for machine in MACHINES for line in _limits(machine, seed, seen)),
        *(line for machine in MACHINES for line in _equals(machine, seed, seen)),
        *_planted(seed, seen),
    ]
    return seen, broken


def _limits(machine: Machine, seed: int, seen: Seen) -> Iterable[str]:
    """A benchmark that takes exactly what its limit allows, judged at each look."""
    for kind, plan in (("quick", MicroPlan(quick=True)), ("usual", MicroPlan())):
        looks = plan.effort.looks
        outcomes = [_outcome(machine, looks, seed, run) for run in range(RUNS)]
        for outcome in ("pass", "fail"):
            count = outcomes.count(outcome)
            name = f"at the limit, {machine.name}, {kind}: {outcome}"
            show(name, f"{count} of {RUNS}", seen)
            if not machine.tail and significantly_above(count, RUNS):
                yield f"{name}: {count} of {RUNS}"


def _outcome(machine: Machine, looks: tuple[int, ...], seed: int, run: int) -> Outcome:
    random = np.random.default_rng([seed, run])
    values = machine.draw(random, 1e-3, looks[-1])
    outcome: Outcome = "invalid"
    for look in looks:
        found = stats.geometric_mean(values[:look], stats.confidence_per_look(len(looks)))
        metric = Metric(name="m", unit="s", **vars(found))
        outcome = judge([Target(metric="m", limit="<= 1 ms")], [metric])[0].outcome
        if outcome in {"pass", "fail"}:
            break
    return outcome


def _equals(machine: Machine, seed: int, seen: Seen) -> Iterable[str]:
    """Two runs of the same code; the machine is up to 3 % faster or slower in one of them."""
    different = 0
    for run in range(COMPARISONS):
        random = np.random.default_rng([seed, run])
        old = _results(machine, random, 1.0)
        new = _results(machine, random, math.exp(random.uniform(-0.03, 0.03)))
        different += sum(row.change != "~" for row in compare(old, new).rows)
    rows = COMPARISONS * ROWS
    show(f"equals, {machine.name}: rows called different", f"{different} of {rows}", seen)
    if different > PROMISED_ROWS * rows:
        yield f"equals, {machine.name}: {different} of {rows} rows called different"


def _planted(seed: int, seen: Seen) -> Iterable[str]:
    """One benchmark that takes 5 % longer, on a quiet machine, with the rounds of --rigorous."""
    n = MicroPlan(rigorous=True).effort.least
    found = 0
    for run in range(COMPARISONS):
        random = np.random.default_rng([seed, run])
        old = _results(MACHINES[0], random, 1.0, n)
        new = _results(MACHINES[0], random, 1.0, n, slower=1.05)
        found += compare(old, new).rows[0].change == "slower"
    show("5 % planted, quiet, --rigorous: found", f"{found} of {COMPARISONS}", seen)
    if found < PROMISED_FOUND * COMPARISONS:
        yield f"a slow-down of 5 % was found in {found} of {COMPARISONS} runs only"


def _results(
    machine: Machine, random: np.random.Generator, level: float, n: int = 20, slower: float = 1.0
) -> Results:
    means = [level * (slower if row == 0 else 1.0) for row in range(ROWS)]
    sizes = {
        f"g/{row}": sized(list(machine.draw(random, mean, n))) for row, mean in enumerate(means)
    }
    references = {
        f"{REFERENCE}{kind}": sized(list(machine.draw(random, level, n))) for kind in range(3)
    }
    return Results("run", sizes | references)
