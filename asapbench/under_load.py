"""What a run under a steady load comes to: metrics, notes, gates, and what only load has to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asapbench import health, samples, stats, usage
from asapbench.at_a_look import looked_at, without_ends
from asapbench.company import kept_waiting
from asapbench.few_users import too_few_users
from asapbench.floor import floor_metrics
from asapbench.model import Analysis, Gate, Metric, Note, Run, Window
from asapbench.samples import Requests
from asapbench.too_few import too_few
from asapbench.units import show

_TOO_MANY_REQUESTS = 429
_MANY = 0.05  # of the requests, refused

Failures = Sequence[Mapping[str, Any]]


def analyse_load(
    run: Run, window: Window, endpoints: Sequence[str], *, paced: bool, looks: int
) -> Analysis:
    """What there is to say of a window, of which there are so many looks."""
    plan = run.story.plan
    look = run.story.ended == "running" and paced
    if look:
        run, window = looked_at(run, window, plan["users"] / plan["rps"])
    requests = samples.requests_in(run, window)
    # whoever looks several times must be surer each time, to be right in all
    confidence = stats.confidence_per_look(looks)
    gates = tuple(health.gates(run, requests, plan["rps"] if paced else None))
    metrics = tuple(_metrics(run, requests, endpoints, paced=paced, confidence=confidence))
    failures = samples.failures_by_kind(requests, endpoints, run.story.failures)
    return Analysis(
        metrics=tuple(without_ends(metrics, requests)) if look else metrics,
        notes=tuple(_notes(run, requests, failures, paced=paced)),
        gates=gates,
        remarks=dict(too_few(run.story.targets, metrics, confidence)),
        details=_details(run, requests, endpoints, gates, failures),
    )


def _metrics(
    run: Run, requests: Requests, endpoints: Sequence[str], *, paced: bool, confidence: float
) -> Iterator[Metric]:
    yield from samples.request_metrics(requests, endpoints, paced=paced, confidence=confidence)
    yield from samples.split_metrics(requests, endpoints, confidence)
    yield from usage.cpu_and_memory(run, requests.window, confidence)
    yield from floor_metrics(run)


def _details(
    run: Run,
    requests: Requests,
    endpoints: Sequence[str],
    gates: Sequence[Gate],
    failures: Failures,
) -> dict[str, Any]:
    window = requests.window
    return {
        "endpoints": tuple(endpoints),
        "requests": int(requests.served.sum() + requests.failed.sum()),
        "failures": int(requests.failed.sum()),
        "open": int(requests.open.sum()),
        "measured": window.end - window.start,
        "errors": failures,
        "bottleneck": health.bottleneck(run, requests, gates),
        **samples.latency_shapes(requests, endpoints),
        "seconds": samples.per_second(requests),
        "processes": usage.processes_per_second(run, window),
        "stolen": usage.stolen_per_second(run, window),
    }


def _notes(run: Run, requests: Requests, failures: Failures, *, paced: bool) -> Iterator[Note]:
    yield from _closed_loop(paced=paced)
    yield from _refused(requests, failures)
    yield from kept_waiting(run, requests.window)
    if paced:
        yield from too_few_users(run, run.story.plan["rps"], run.story.plan["users"])


def _closed_loop(*, paced: bool) -> Iterator[Note]:
    if not paced:
        yield Note(
            code="closed-loop",
            text="sustained users wait for each answer, so latency is users / throughput "
            "as soon as the server is full",
            hint="judge latency with --user-class mixed, at a rate that users offer",
        )


def _refused(requests: Requests, failures: Failures) -> Iterator[Note]:
    share = float(requests.refused.sum()) / max(1, len(requests.planned))
    if any(row["code"] == _TOO_MANY_REQUESTS for row in failures):
        yield Note(
            code="rate-limited",
            text="the server refused requests because of a rate limit (429)",
            hint="all users come from one address: raise its limit (ASAP_RATE_LIMIT) to test",
        )
    elif share > _MANY:
        yield Note(
            code="refused",
            text=f"the server answered {show(share, 'ratio')} of the requests with an error: "
            "its speed is not what kept the throughput down",
            hint="the table of failures has the first of each kind; does the agent know "
            "--skill, --input and --header?",
        )
