"""What was seen of a run so far: a value, and how a tick changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asapbench.model import Metric, Story, Tick, Verdict
from asapbench.targets import Limit, judge, parse_limit

_NOTHING = Tick(phase="starting", elapsed=0.0, progress=0.0)
_READINGS = 120  # of each number, one a second

Readings = Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Border:
    """A limit of the table in force. What a row `marks` is a state of a step, and never good."""

    limit: Limit
    text: str
    marks: str = ""

    def bad(self, value: float) -> bool:
        """Whether a reading is on the bad side."""
        return self.limit.allows(value) == bool(self.marks)

    @property
    def from_above(self) -> bool:
        """Whether what is more is bad."""
        return ("<" in self.limit.sign) != bool(self.marks)


@dataclass(frozen=True)
class Seen:
    """All that a view is drawn from.

    `tick` is the latest, `kept` are those that stay, `elapsed` counts from the first. `readings`
    are how the numbers went. `verdicts` are what would follow from the metrics as they are so far.
    """

    title: str = ""
    story: Story | None = None
    tick: Tick = _NOTHING
    elapsed: float = 0.0
    kept: tuple[Tick, ...] = ()
    readings: Readings = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()

    def number(self, name: str) -> tuple[float, str] | None:
        """The latest reading of a number, and its unit."""
        found = ((value, unit) for known, value, unit in self.tick.numbers if known == name)
        return next(found, None)

    def border(self, metric: str) -> Border | None:
        """The first limit of the table in force for a metric, of the server under test."""
        rows = self.story.targets if self.story and self.story.server else ()
        row = next((row for row in rows if row.metric == metric), None)
        if row is None:
            return None
        return Border(parse_limit(row.limit), f"{row.marks} {row.limit}".strip(), row.marks)


def after(seen: Seen, tick: Tick, story: Story, elapsed: float) -> Seen:
    """What is seen once a tick is, `elapsed` seconds after the first."""
    if seen.story is not None and seen.story.server != story.server:
        # what was seen before is of the server that does nothing
        seen = replace(seen, kept=(), readings={})
    seen = _with_metrics(seen, tick, story)
    if tick.kept:
        return replace(seen, elapsed=elapsed, kept=(*seen.kept, tick))
    readings = seen.readings
    if not readings or int(elapsed) != int(seen.elapsed):
        readings = _with_numbers(readings, tick)
    if not tick.numbers:
        # nothing is measured: those that were seen last stay
        tick = tick.model_copy(update={"numbers": seen.tick.numbers})
    return replace(seen, tick=tick, elapsed=elapsed, readings=readings)


def _with_metrics(seen: Seen, tick: Tick, story: Story) -> Seen:
    """The story of now; its table is asked again where there is news."""
    same_table = seen.story is not None and seen.story.targets == story.targets
    if same_table and not tick.so_far:
        return replace(seen, story=story)
    metrics = {**seen.metrics, **{metric.key: metric for metric in tick.so_far}}
    verdicts = judge(story.targets, metrics.values())
    return replace(seen, story=story, metrics=metrics, verdicts=verdicts)


def _with_numbers(before: Readings, tick: Tick) -> Readings:
    new = {name: value for name, value, _ in tick.numbers}
    return {
        **before,
        **{name: (*before.get(name, ()), value)[-_READINGS:] for name, value in new.items()},
    }
