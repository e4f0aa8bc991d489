"""How often a verdict is wrong where the server lies exactly at the limit, and how often right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asapbench import stats
from asapbench.model import Metric, Outcome, Target
from asapbench.stats import CONFIDENCE, Array
from asapbench.targets import judge
from prove.latencies import Server


@dataclass(frozen=True)
class Case:
    """Runs of a server judged at each look until decided; `off` 0.9: p95 is 0.9 of the limit."""

    server: Server
    looks: tuple[float, ...]
    runs: int = 1000
    q: float = 0.95
    off: float = 1.0

    @property
    def name(self) -> str:
        """Server, percentile, seconds and looks in words."""
        many = f", {len(self.looks)} looks" if len(self.looks) > 1 else ""
        return f"p{self.q * 100:g}, {self.server.name}, {self.looks[-1]:g} s{many}"

    def outcomes(self, seed: int) -> Counter[Outcome]:
        """The final outcome of each run."""
        limit = self.server.quantile(self.q) / self.off
        return Counter(self._outcome(limit, seed, run) for run in range(self.runs))

    def _outcome(self, limit: float, seed: int, run: int) -> Outcome:
        random = np.random.default_rng([seed, run])
        latencies, at = self.server.draw(random, self.looks[-1])
        confidence = stats.confidence_per_look(len(self.looks))
        outcome: Outcome = "invalid"
        for look in self.looks:
            n = int(np.searchsorted(at, look))
            outcome = _judged(latencies[:n], at[:n], self.q, limit, confidence)
            if outcome in {"pass", "fail"}:
                break
        return outcome


def significantly_above(count: int, runs: int, share: float = 1 - CONFIDENCE) -> bool:
    """Whether so many of the runs cannot be chance if each is wrong with this share."""
    return stats.proportion(np.arange(runs) < count).low > share


def most(count: int, runs: int) -> float:
    """The upper confidence bound of a share that was seen so often."""
    return stats.proportion(np.arange(runs) < count).high


def _judged(latencies: Array, at: Array, q: float, limit: float, confidence: float) -> Outcome:
    estimate = stats.percentile(stats.sample(latencies, at), q, confidence)
    metrics: Sequence[Metric] = ()
    if estimate:
        metrics = (Metric(name="latency", unit="s", **vars(estimate), confidence=confidence),)
    target = Target(metric="latency", limit=f"<= {limit!r} s")
    return judge([target], metrics)[0].outcome
