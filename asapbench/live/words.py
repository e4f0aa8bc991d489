"""The words for what is going on, the same on a terminal and in a log."""

from __future__ import annotations

from collections.abc import Iterator

from asapbench.model import Story, Tick

_PHASES = {
    "floor warm-up": "floor",
    "floor top": "floor",
    "ramp": "users come",
    "measured": "measuring",
}


def phase_of(tick: Tick) -> str:
    """What a phase is called."""
    return _PHASES.get(tick.phase, tick.phase)


def failures(story: Story) -> Iterator[str]:
    """The first failure of each kind: of a benchmark, or of a kind of request."""
    for failure in story.failures:
        if "benchmark" in failure:
            yield f"{failure['benchmark']}: {failure['error']}"
        else:
            outcome = failure["outcome"].lower()
            yield f"{failure['endpoint']}: {outcome}: {failure['text']}"
