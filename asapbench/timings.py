"""What rounds of timed operations say: one number a worker process, and what follows from them.

Values within a process are alike for reasons of that process (its memory layout, its moment), so
it is the processes that count as independent samples, one number each: the lower quartile of its
batches, and of what is a rate their mean, since nobody is served at the rate of a quartile.
A batch counts only where the machine was all there: no waiting for a core, and work that is always
the same was as fast beside it as it can be. So nothing is left out for being slow itself, but for
what follows a long wait: a core that slept is slow at first. That must not hide the slow requests
of a rate, so there the pace is not looked at.
Of these numbers the geometric mean is judged, since what disturbs a time does so by a factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asapbench import stats
from asapbench.catalogue import CLEAN, Entry
from asapbench.model import Measurement, Metric, Run
from asapbench.selection import against, exponents, judged_key
from asapbench.stats import Array, Estimate, Mask

_LEAST = 2  # clean batches of a process that are enough to go by them alone
_FEWEST = 3  # processes: of two the bounds are ten times as wide
_QUARTILE = 0.25
_FULL = 0.05  # the quantile of all paces that is the machine's full one
_SLOWED = 1.15  # times the full pace, and what is timed beside it does not count
NOISY = 0.05  # the halves of the median benchmark differ by more: this run is noisy
VERY_NOISY = 0.10  # those of one benchmark
_FEW = 4  # batches, of which nothing is said about the slow ones
_UNEVEN = 2.0  # times the quartile, and of a mean slow operations take half: no neighbour does that


@dataclass(frozen=True)
class Timed:
    """A benchmark's rounds: seconds of one operation by the clock, and of the worker's CPU.

    `fastest` is the shortest batch, per operation; `mean` is that of all in which nothing
    waited but the longest, which may be one pause, and NaN of few; `uneven` says that it is far
    above their quartile; `disturbed` is the share of batches in which a
    process waited for its core, or the machine was slow. They do not count where others are enough.
    """

    rounds: Array
    seconds: Array
    cpu: Array
    fastest: float
    mean: float
    uneven: bool
    loops: int
    disturbed: float

    def __len__(self) -> int:
        return len(self.seconds)


def timed(operations: Measurement | None, entries: Sequence[Entry] = ()) -> dict[int, Timed]:
    """The rounds of each benchmark, by its position; the calibration is left out."""
    if operations is None:
        return {}
    columns = operations.columns
    counted = columns["round"] > 0
    which = columns["benchmark"][counted]
    parts = {name: values[counted] for name, values in columns.items()}
    parts["calm"] = (parts["waited"] <= CLEAN * parts["seconds"]).astype(float)
    parts["clean"] = parts["calm"] * _full_pace(parts["pace"])
    rates = {position for position, entry in enumerate(entries) if entry.rate}
    return {
        int(position): _timed(
            {name: values[which == position] for name, values in parts.items()},
            rate=int(position) in rates,
        )
        for position in np.unique(which)
    }


def metrics(
    entries: Sequence[Entry],
    known: Mapping[int, Timed],
    confidence: float,
    numbers: Mapping[str, Mapping[str, float]] | None = None,
) -> Iterator[Metric]:
    """All that the times say, each bound with this confidence."""
    for position, of_one in known.items():
        yield from _of_one(entries[position], of_one, confidence)
        yield from _speedup(entries, known, position, confidence)
        for name, value in (numbers or {}).get(entries[position].key, {}).items():
            yield _metric(entries[position], f".{name}", "ratio", Estimate(value, value, value, 1))
    yield from _exponents(entries, known, confidence)


def memory_metrics(entries: Sequence[Entry], memory: Measurement | None) -> Iterator[Metric]:
    """The blocks and the peak of each benchmark, as they were seen."""
    if memory is None:
        return
    columns = memory.columns
    rows = zip(columns["benchmark"], columns["blocks"], columns["peak"], strict=True)
    for position, blocks, peak in rows:
        entry = entries[int(position)]
        labels = {"benchmark": entry.name}
        yield Metric(
            name=f"{entry.group}.blocks", unit="count", value=float(blocks), n=1, labels=labels
        )
        yield Metric(
            name=f"{entry.group}.peak_memory", unit="B", value=float(peak), n=1, labels=labels
        )


def noise(known: Mapping[int, Timed]) -> Metric | None:
    """The A/A split: by how much the halves of the run differ, in the median benchmark."""
    splits = [abs(split(one)) for one in known.values() if len(one) > 1]
    if not splits:
        return None
    return Metric(name="noise", unit="ratio", value=float(np.median(splits)), n=len(splits))


def split(one: Timed) -> float:
    """How much slower the second half of a benchmark's rounds was, as a share of the first."""
    half = len(one) // 2
    logs = np.log(one.seconds)
    return float(np.expm1(np.mean(logs[-half:]) - np.mean(logs[:half])))


def disturbed(known: Mapping[int, Timed]) -> Metric:
    """The share of batches in which a process waited for its core, or the machine was slow."""
    shares = [one.disturbed for one in known.values()]
    return Metric(name="disturbed", unit="ratio", value=float(np.mean(shares)), n=len(shares))


def overhead(run: Run) -> Metric | None:
    """The share of the whole run in which nothing was timed.

    That is the listing of the suite, starts, imports, set-ups, calibration, warm-ups, memory.
    """
    operations, rounds = table(run, "operations"), table(run, "rounds")
    if operations is None or rounds is None or not len(rounds.columns["seconds"]):
        return None
    finished = np.isin(operations.columns["round"], rounds.columns["round"])
    measured = float(operations.columns["seconds"][finished].sum())
    in_rounds = float(rounds.columns["seconds"].sum())
    whole = run.story.facts.get("before", 0.0) + max(run.story.duration, in_rounds)
    count = len(rounds.columns["seconds"])
    return Metric(name="overhead", unit="ratio", value=1 - measured / whole, n=count)


def width(metric: Metric) -> float:
    """Half of an interval, as a share of its value."""
    if metric.low is None or metric.high is None or not metric.value:
        return np.inf
    return (metric.high - metric.low) / 2 / abs(metric.value)


def table(run: Run, name: str) -> Measurement | None:
    """A measurement of a run by name, or None."""
    return next(iter(run.tables(name)), None)


def row(entry: Entry, one: Timed) -> dict[str, Any]:
    """What the report tells of a benchmark: numbers of its workers, in seconds an operation."""
    return {
        "group": entry.group,
        "name": entry.name,
        "items": entry.items,
        "rate": entry.rate,
        "size": entry.size,
        "metric": judged_key(entry),
        "rounds": len(one),
        "loops": one.loops,
        "min": one.fastest,
        "mean": float(np.exp(np.mean(np.log(one.seconds)))),
        "stddev": float(np.std(one.seconds, ddof=1)) if len(one) > 1 else None,
        "median": float(np.median(one.seconds)),
        "disturbed": one.disturbed,
        "split": split(one) if len(one) > 1 else None,
        "client_cpu": float(np.mean(one.cpu)) if entry.agent else None,
        "values": [float(value) for value in one.seconds],
        "numbered": [int(number) for number in one.rounds],
    }


def _full_pace(pace: Array) -> Array:
    """1 where the machine was as fast beside a batch as it can be, else 0."""
    full = np.quantile(pace, _FULL) if len(pace) else 0.0
    return (pace <= _SLOWED * full).astype(float)


def _timed(columns: Mapping[str, Array], *, rate: bool) -> Timed:
    seconds = columns["seconds"] / columns["loops"]
    cpu = columns["cpu"] / columns["loops"]
    clean = columns["clean"].astype(bool)
    calm = columns["calm"].astype(bool)
    own = _counted(columns["round"], calm if rate else clean)
    number = np.mean if rate else _quartile
    mean = _without_longest(seconds[calm])
    return Timed(
        rounds=np.array(list(own), float),
        seconds=np.array([number(seconds[one]) for one in own.values()]),
        cpu=np.array([np.mean(cpu[one]) for one in own.values()]),
        fastest=float(seconds.min()),
        mean=mean,
        uneven=not rate and _is_uneven(seconds[calm], mean),
        loops=int(columns["loops"][-1]),
        disturbed=float(1 - clean.mean()),
    )


def _without_longest(seconds: Array) -> float:
    return float(np.mean(np.sort(seconds)[:-1])) if len(seconds) > _FEW else np.nan


def _is_uneven(seconds: Array, mean: float) -> bool:
    return len(seconds) > _FEW and mean > _UNEVEN * _quartile(seconds)


def _quartile(seconds: Array) -> float:
    """The lower one; on average it is the same of three batches as of a hundred.

    Of n even chances the k-th is at k / (n + 1) on average, which is what is interpolated between.
    """
    return float(np.quantile(seconds, _QUARTILE, method="weibull"))


def _counted(rounds: Array, clean: Mask) -> dict[float, Mask]:
    """By process the batches that count: the clean ones, of those processes that have enough.

    Where fewer than half of the processes do, or hardly any, all batches of all of them count.
    """
    every = {float(number): np.asarray(rounds == number) for number in np.unique(rounds)}
    enough = {
        number: np.asarray(own & clean)
        for number, own in every.items()
        if (own & clean).sum() >= min(_LEAST, int(own.sum()))
    }
    few = 2 * len(enough) < len(every) or len(enough) < min(_FEWEST, len(every))
    return every if few else enough


def _of_one(entry: Entry, one: Timed, confidence: float) -> Iterator[Metric]:
    seconds = stats.geometric_mean(one.seconds, confidence)
    kind = ".time" if entry.exponent else ""
    if entry.rate:
        yield _metric(entry, kind, "req/s", _inverse(seconds, entry.items), confidence)
    else:
        yield _metric(entry, kind, "s", seconds, confidence)
    if entry.size is not None:
        yield _metric(entry, ".speed", "B/s", _inverse(seconds, entry.size), confidence)
    if entry.agent:
        cpu = stats.mean(stats.sample(one.cpu), confidence)
        yield _metric(entry, ".client_cpu", "s", cpu, confidence)


def _speedup(
    entries: Sequence[Entry], known: Mapping[int, Timed], position: int, confidence: float
) -> Iterator[Metric]:
    """How many times as long the other way takes, of rounds that timed both."""
    other = against(entries[position], entries)
    if other is None or other not in known:
        return
    mine, theirs = _paired([known[position], known[other]])
    if len(mine):
        ratio = stats.geometric_mean(theirs / mine, confidence)
        yield _metric(entries[position], ".speedup", "count", ratio, confidence)


def _exponents(
    entries: Sequence[Entry], known: Mapping[int, Timed], confidence: float
) -> Iterator[Metric]:
    """The b of time = a · size**b, fitted in each round by least squares of logarithms."""
    for group, positions in exponents(entries).items():
        if not all(position in known for position in positions):
            continue
        times = np.array(_paired([known[position] for position in positions]))
        sizes = np.log([float(entries[position].size or 1) for position in positions])
        if times.size:
            slopes = np.polyfit(sizes, np.log(times), 1)[0]
            found = stats.mean(stats.sample(slopes), confidence)
            yield Metric(name=group, unit="count", **vars(found), confidence=confidence)


def _paired(several: Sequence[Timed]) -> list[Array]:
    """The seconds of each in the rounds that all of them were timed in."""
    common = several[0].rounds
    for other in several[1:]:
        common = np.intersect1d(common, other.rounds)
    return [one.seconds[np.isin(one.rounds, common)] for one in several]


def _inverse(estimate: Estimate, amount: float) -> Estimate:
    """An amount a second, where the estimate is of seconds."""
    low = amount / estimate.high
    high = amount / estimate.low if estimate.low > 0 else np.inf
    return Estimate(amount / estimate.value, low, high, estimate.n)


def _metric(
    entry: Entry, kind: str, unit: str, found: Estimate, confidence: float | None = None
) -> Metric:
    labels = {"benchmark": entry.name}
    name = entry.group + kind
    return Metric(name=name, unit=unit, **vars(found), confidence=confidence, labels=labels)
