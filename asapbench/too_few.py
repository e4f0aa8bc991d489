"""What a latency lacks that is not given, or has no bounds: how many requests that takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from asapbench.model import Metric, Target
from asapbench.samples import PERCENTILES, RARE
from asapbench.stats import needed


def too_few(
    targets: Iterable[Target], metrics: Iterable[Metric], confidence: float
) -> Iterator[tuple[str, str]]:
    """The metric of each target that too few requests stand behind, and how many there were."""
    counted = {metric.key: metric.n for metric in metrics}
    for target in targets:
        name, brace, label = target.metric.partition("{")
        time, _, summary = name.partition(".")
        if time not in {"latency", "service_time", "lag"} or summary in {"min", "max"}:
            continue
        # each that has a sample at all has a minimum
        n = counted.get(f"{time}.min{brace}{label}", 0)
        least = needed(PERCENTILES.get(summary, RARE), confidence)
        if n < least:
            what = "bounds of a mean take" if summary == "mean" else f"{summary} takes"
            yield target.metric, f"too few samples: {n:,}, and {what} {least:,}"
