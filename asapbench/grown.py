"""What a run says of the memory of a server and of its parts: metrics, gates, notes, details."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from asapbench import stats, usage
from asapbench.leak.growth import Growth
from asapbench.leak.kind import LEAK, Kind, is_worth_a_word, kind_of
from asapbench.leak.parts import LIVE, LIVE_COUNT, PARTS
from asapbench.leak.subject import Subject, subject_of
from asapbench.model import Gate, Metric, Note, Run, Server, Story, Verdict, Window, metric_key
from asapbench.samples import Requests, failures_by_kind, requests_in
from asapbench.targets import judge, parse_limit
from asapbench.units import show, show_duration, show_interval

UNEXPECTED = 0.01  # of the replies
CONTROL = 1 / 3  # of the limit, that a server which holds nothing may seem to grow by
COSTLY = 0.1  # seconds of the server for a reading: 1 % of a core at the default interval
SLOW = 0.9  # of --rps: less than that is worth a word
WORK = 2e-6  # seconds of CPU that a request takes at the very least: its bytes in and out
RESTLESS = 0.005  # cores, that one which does no work may use beyond what it did at rest
TICK = 0.02  # seconds, that a reading of its CPU may be off
CYCLIC = 0.5  # objects a request in reference cycles, from which on it is worth a word


_HOW_TO_EXPLAIN = (
    "run it again with --quick --explain: a minute, then a second, instrumented run of the "
    "embedded server (--app MODULE:APP serves your own app)"
)


@dataclass(frozen=True)
class Findings:
    """The subjects of a run, and at which rate of requests they are judged."""

    run: Run
    rate: float
    interval: float
    server: Subject | None
    parts: tuple[Subject, ...]
    control: Subject | None
    live: float | None  # bytes
    window: Window | None
    requests: Requests | None  # of the window
    endpoints: tuple[str, ...]


def findings(run: Run, looks: int, part_looks: int, endpoints: tuple[str, ...]) -> Findings:
    """Read the cycles of a run. Who looks several times has to be surer each time."""
    plan = run.story.plan
    confidence = stats.confidence_per_look(looks)
    of_parts = stats.confidence_per_look(part_looks)
    tables = {table.labels["subject"]: table for table in run.tables("cycles")}
    subjects = {
        name: subject_of(table, confidence if name == "server" else of_parts)
        for name, table in tables.items()
    }
    window = next((one for one in run.story.windows if one.name == "measured"), None)
    return Findings(
        run=run,
        rate=plan["rps"],
        interval=plan["interval"],
        server=subjects.get("server") if window else None,
        parts=tuple(found for name in PARTS if (found := subjects.get(name)) is not None),
        control=_control(run),
        live=_live(subjects.get(LIVE)),
        window=window,
        requests=requests_in(run, window) if window else None,
        endpoints=endpoints,
    )


def _control(run: Run) -> Subject | None:
    tables = (table for part in run.parts.values() for table in part.tables("cycles"))
    table = next(tables, None)
    return None if table is None else subject_of(table)


def _live(subject: Subject | None) -> float | None:
    return None if subject is None else subject.change("uss")


def metrics(found: Findings) -> Iterator[Metric]:
    """Every metric that the run gives."""
    if found.server is not None:
        yield from _server(found, found.server)
    rates = []
    for part in found.parts:
        if growth := part.growth("uss"):
            rates.append(growth.times(found.rate))
            yield from of_part(part.name, growth, part.confidence, found.rate)
    if found.run.story.plan["components_only"] and rates:
        yield growth_metric("growth_rate", "B/s", _most(rates), found.parts[0].confidence, {})
    if found.live is not None:
        yield Metric(name="live_envelopes.peak", unit="B", value=found.live, n=LIVE_COUNT)
    if found.control and (growth := found.control.growth("uss")):
        yield growth_metric("control.growth_per_request", "B", growth, found.control.confidence, {})


def of_part(name: str, growth: Growth, confidence: float, rate: float) -> Iterator[Metric]:
    """The metrics of a part that grows by so much an operation."""
    labels = {"component": name}
    yield growth_metric("growth_rate", "B/s", growth.times(rate), confidence, labels)
    yield growth_metric("growth_per_operation", "B", growth, confidence, labels)


def judged_part(story: Story, name: str, growth: Growth, confidence: float) -> tuple[Verdict, ...]:
    """The verdicts that a part has a say in: where it is about parts only, also on the worst."""
    rate = story.plan["rps"]
    metrics = list(of_part(name, growth, confidence, rate))
    if story.plan["components_only"]:
        metrics.append(growth_metric("growth_rate", "B/s", growth.times(rate), confidence, {}))
    return _judged(story, metrics)


def _judged(story: Story, metrics: Iterable[Metric]) -> tuple[Verdict, ...]:
    """The verdicts on these metrics, of those rows of the table that are about them."""
    known = {metric.key: metric for metric in metrics}
    return judge((row for row in story.targets if row.metric in known), known.values())


def _most(rates: list[Growth]) -> Growth:
    """What the part that grows most grows by: which one that is may not be certain."""
    worst = max(rates, key=lambda rate: rate.value)
    low, high = max(rate.low for rate in rates), max(rate.high for rate in rates)
    return replace(worst, low=low, high=high)


_GROWTHS = {
    "growth_per_request": ("uss", "B"),
    "rss_per_request": ("rss", "B"),
    "heap_per_request": ("heap", "B"),
    "blocks_per_request": ("blocks", "count"),
}
_OF_SERVER = {"growth_rate", *_GROWTHS}


def _server(found: Findings, server: Subject) -> Iterator[Metric]:
    if uss := server.growth("uss"):
        yield Metric(name="sensitivity", unit="B", value=uss.seen, n=uss.n)
    yield from _growths(found, server)
    if server.cycles:
        yield from _held(found, server)
    if found.window is not None:
        yield from usage.cpu_and_memory(found.run, found.window)
    if (share := unexpected(found)) is not None:
        yield Metric(name="unexpected_replies", unit="ratio", value=share)


def _growths(found: Findings, server: Subject) -> Iterator[Metric]:
    if uss := server.growth("uss"):
        yield growth_metric("growth_rate", "B/s", uss.times(found.rate), server.confidence, {})
    for name, (column, unit) in _GROWTHS.items():
        if growth := server.growth(column):
            yield growth_metric(name, unit, growth, server.confidence, {})


def misses(verdicts: Iterable[Verdict]) -> bool:
    """Whether a growth of the server misses its limit, whichever growth the table limits."""
    return any(one.outcome == "fail" for one in verdicts if one.metric in _OF_SERVER)


def seems_to_miss(verdicts: Iterable[Verdict]) -> bool:
    """Whether a growth of the server lies beyond its limit, be that certain or not."""
    return any(
        one.value is not None and not parse_limit(one.limit).allows(one.value)
        for one in verdicts
        if one.metric in _OF_SERVER
    )


def judged_server(found: Findings) -> tuple[Verdict, ...]:
    """The verdicts on how the server grows."""
    growths = _growths(found, found.server) if found.server else ()
    return _judged(found.run.story, growths)


def _held(found: Findings, server: Subject) -> Iterator[Metric]:
    uss = server.counted["uss"]
    held = {"initial": uss[0], "final": uss[-1], "growth": uss[-1] - uss[0], "peak": peak(found)}
    for name, value in held.items():
        yield Metric(name=f"memory.{name}", unit="B", value=float(value), n=server.cycles)
    if not np.isnan(server.counted["collected"]).any():
        each = server.change("collected") / server.requests
        yield Metric(name="collected_per_request", unit="count", value=each, n=server.cycles)
        cost = _reading(server) / found.interval
        yield Metric(name="meters.cost", unit="cores", value=cost, n=server.cycles)


def _reading(server: Subject) -> float:
    """Seconds of the server's CPU that a reading takes."""
    return float(np.median(server.counted["cost"]))


def peak(found: Findings) -> float:
    """The most RSS that was seen, between the readings too."""
    tops = [float(found.server.counted["rss"].max())] if found.server else []
    if found.window:
        tops += (
            float(table.within(found.window)["rss"].max(initial=0.0))
            for table in found.run.tables(usage.PROCESSES)
            if table.labels["process"] == "server"
        )
    return max(tops)


def unexpected(found: Findings) -> float | None:
    """The share of replies that were not what was asked for."""
    requests = found.requests
    if requests is None:
        return None
    ended = int(requests.served.sum() + requests.failed.sum())
    return int(requests.failed.sum()) / ended if ended else None


def served_rate(found: Findings) -> float | None:
    """Requests a second while a load was offered: not between cycles, when the server settles."""
    if found.server is None or found.requests is None:
        return None
    ends = found.server.counted["at"]
    sent, done = np.sort(found.requests.sent), np.sort(found.requests.ended.done)
    answered = np.diff(np.searchsorted(done, ends))
    cycles = np.flatnonzero(answered)
    first = sent[np.minimum(np.searchsorted(sent, ends[cycles]), len(sent) - 1)]
    last = done[np.searchsorted(done, ends[cycles + 1]) - 1]
    busy = float(np.sum(last - first))
    return float(answered.sum()) / busy if busy > 0 else None


def gates(found: Findings) -> Iterator[Gate]:
    """What voids the verdicts: replies that nobody expected, a control that grows."""
    share = unexpected(found)
    if share is not None:
        yield Gate(
            name="unexpected-replies",
            unit="ratio",
            value=share,
            limit=UNEXPECTED,
            text=f"{show(share, 'ratio')} of the replies were not what was asked for",
            hint="look at the table of failures; offer less (--rps), or other tasks (--skill)",
        )
    if found.run.story.server and found.run.story.server.how != "embedded":
        yield from _idle(found, found.run.story.server)
    growth = found.control.growth("uss") if found.control else None
    if growth is not None:
        rate, limit = growth.times(found.rate), tightest(found.run.story)
        yield Gate(
            name="control",
            unit="B/s",
            value=max(0.0, rate.low),
            limit=CONTROL * (LEAK if limit is None else limit * found.rate),
            text=f"a server that holds nothing seems to grow by {show(rate.value, 'B/s')} here",
            hint="end what else takes memory on this machine, then measure again",
        )


def _idle(found: Findings, server: Server) -> Iterator[Gate]:
    """Whether the process that was read is one that answers requests: those take CPU."""
    used = _cpu(found)
    if used is None or found.requests is None:
        return
    answered = int(found.requests.served.sum())
    idle, at_rest = _idle_cpu(found)
    yield Gate(
        name="idle-process",
        unit="s",
        value=max(0.0, WORK * answered + idle - used),
        limit=0.0,
        text=f"process {server.pid}, whose memory was read, used {show(used, 's')} of CPU while "
        f"{answered:,} requests were answered{at_rest}",
        hint="another process answers: give its number (--pid), or have asapbench start it "
        "(--serve) without a container or a service in between",
    )


def _idle_cpu(found: Findings) -> tuple[float, str]:
    """CPU seconds that the process may use in the measured time without any work, and in words.

    Only of one that is not seen to listen: a server that waits wakes up several times a second.
    """
    cores, window = found.run.story.facts.get("at_rest"), found.window
    if cores is None or window is None:
        return 0.0, ""
    seconds = window.end - window.start
    idle = (cores + min(cores, RESTLESS)) * seconds + TICK
    return idle, f", and at rest {show(cores * seconds, 's')} in as long a time"


def _cpu(found: Findings) -> float | None:
    """CPU seconds that the server used in the measured time; None where that was not read."""
    window = found.window
    if window is None:
        return None
    tables = (t for t in found.run.tables(usage.PROCESSES) if t.labels["process"] == "server")
    rates = [
        rate
        for table in tables
        # a process of short bursts uses less than what the first of them can tell
        for column in ("cpu", "busiest")
        if (rate := usage.growth_rate(table, column, window)) is not None
    ]
    return max(rates) * (window.end - window.start) if rates else None


def tightest(story: Story, part: str | None = None) -> float | None:
    """The tightest limit on the growth of the server, or of a part, in bytes a request at --rps."""
    rate = story.plan["rps"]
    per_request = {"growth_rate": 1 / rate, "growth_per_request": 1.0}
    if part is not None:
        labels = {"component": part}
        per_request = {
            metric_key("growth_rate", labels): 1 / rate,
            metric_key("growth_per_operation", labels): 1.0,
        }
        per_request |= {"growth_rate": 1 / rate} if story.plan["components_only"] else {}
    limits = (
        parse_limit(row.limit).value * per_request[row.metric]
        for row in story.targets
        if row.metric in per_request
    )
    return min((limit for limit in limits if limit > 0), default=None)


def kind(found: Findings) -> Kind | None:
    """What kind of growth the server's is."""
    return None if found.server is None else _kind(found.server, found.rate)


def _kind(subject: Subject, rate: float) -> Kind | None:
    uss = subject.growth("uss")
    if uss is None:
        return None
    return kind_of(uss, subject.growth("blocks"), subject.growth("heap"), rate)


def notes(found: Findings) -> Iterator[Note]:
    """What a reader has to know beside the verdicts."""
    yield from _growth_notes(found)
    server = found.server
    if server is None or not server.cycles:
        return
    yield from _rate_notes(found)
    if np.isnan(server.counted["blocks"]).any():
        yield _from_outside(found.run.story)
    else:
        yield from _inside_notes(found, server)


def _from_outside(story: Story) -> Note:
    process = story.facts.get("process")
    which = f"what was read is process {process} and all that it started; " if process else ""
    return Note(
        code="from-outside",
        text=f"{which}this server could not be asked, so it is judged by USS and RSS alone: "
        "garbage that was not collected yet counts, and objects cannot be told from fragmentation",
        hint="name the process by --pid where that is not the server, but a proxy before it; serve "
        "the app by asapbench (--app MODULE:APP) to see objects and the heap",
    )


def _growth_notes(found: Findings) -> Iterator[Note]:
    for what, rate in _watched(found):
        grown = show_interval(rate.value, rate.low, rate.high, "B/s")
        yield Note(
            code="monitor",
            text=f"memory of {what} grows by {grown}: no leak by the table, and not nothing",
            hint="watch it over a longer time, or measure longer: --duration",
        )
    if misses(judged_server(found)) and found.run.story.explanation is None:
        yield Note(
            code="explain",
            text="memory grows with the requests: the lines that keep it can be named",
            hint=_HOW_TO_EXPLAIN,
        )


def _watched(found: Findings) -> Iterator[tuple[str, Growth]]:
    """What grows, by how much, and meets the table all the same."""
    story = found.run.story
    for subject in (found.server, *found.parts):
        growth = subject.growth("uss") if subject else None
        if subject is None or growth is None or not is_worth_a_word(growth.times(found.rate)):
            continue
        if subject is found.server:
            what, verdicts = "the server", judged_server(found)
        else:
            what = subject.name
            verdicts = judged_part(story, subject.name, growth, subject.confidence)
        if all(verdict.outcome == "pass" for verdict in verdicts):
            yield what, growth.times(found.rate)


def _rate_notes(found: Findings) -> Iterator[Note]:
    served = served_rate(found)
    if not found.run.story.plan["quick"] and served is not None and served < SLOW * found.rate:
        yield Note(
            code="slower",
            text=f"the server answered {show(served, 'req/s')} of the {show(found.rate, 'req/s')} "
            "of --rps: growth is judged at a rate that it does not reach",
            hint="give a --rps that it bears",
        )


def _inside_notes(found: Findings, server: Subject) -> Iterator[Note]:
    """Of a server that could be asked."""
    reading = _reading(server)
    if reading > COSTLY:
        share, every = show(reading / found.interval, "ratio"), show_duration(found.interval)
        yield Note(
            code="meters-cost",
            text=f"each reading takes {show(reading, 's')} of the server's CPU, {share} of a core "
            f"at an interval of {every}: it holds many objects",
            hint="give a longer --interval; the load waits meanwhile, so no verdict depends on it",
        )
    cyclic = server.change("collected") / server.requests
    if cyclic >= CYCLIC:
        yield Note(
            code="reference-cycles",
            text=f"{cyclic:.1f} objects a request are in reference cycles: collectable, so no "
            "leak, but they stay until the garbage collector runs",
            hint="break the cycles, or hold one side by a weak reference",
        )


def details(found: Findings) -> dict[str, Any]:
    """What only a memory report has to say."""
    content: dict[str, Any] = {
        "components": [_part(part, found.rate) for part in found.parts],
        "live_envelopes": None
        if found.live is None
        else {"count": LIVE_COUNT, "bytes": found.live},
    }
    if found.run.story.explanation is not None:
        content["explanation"] = found.run.story.explanation
    if found.server is not None and found.window is not None and found.requests is not None:
        server = found.server
        content |= {
            "kind": kind(found),
            "inside": not bool(np.isnan(server.counted["blocks"]).any()),
            "requests": server.requests,
            "kept": server.cycles,
            "warm_up": len(server.rows["at"]) - server.cycles,
            "measured": found.window.end - found.window.start,
            "cycles": list(_cycles(server)),
            "errors": failures_by_kind(found.requests, found.endpoints, found.run.story.failures),
        }
    return content


def _cycles(server: Subject) -> Iterator[dict[str, Any]]:
    names = ("requests", "rss", "uss", "heap", "blocks", "collected")
    first = server.rows["at"][0]
    for row, at in enumerate(server.rows["at"]):
        numbers = {name: stats.known(server.rows[name][row]) for name in names}
        kept = bool(server.rows["kept"][row])
        yield {"cycle": row + 1, "kept": kept, "second": float(at - first), **numbers}


def _part(part: Subject, rate: float) -> dict[str, Any]:
    growth = part.growth("uss")
    names = ("value", "low", "high", "seen")
    numbers = {name: growth and getattr(growth, name) for name in names}
    return {
        "component": part.name,
        "cycles": part.cycles,
        "operations": part.requests,
        "kind": _kind(part, rate),
        **numbers,
    }


def growth_metric(
    name: str, unit: str, growth: Growth, confidence: float, labels: dict[str, str]
) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        value=growth.value,
        low=growth.low,
        high=growth.high,
        n=growth.n,
        confidence=confidence,
        labels=labels,
    )
