"""The report on a terminal: golden files, widths, and what must never happen."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from asapbench.errors import Exit
from asapbench.model import Metric, Note, Report, Story, Target
from asapbench.report.document import document
from asapbench.report.text import render_text
from asapbench.targets import judge, overall
from asapbench.units import show_interval

Golden = Callable[[str, str], None]
MakeStory = Callable[..., Story]
MakeReport = Callable[..., Report]

WIDTHS = (60, 80, 120)
MIXED = ("asap", "manifest", "metrics")
TARGETS = (
    Target(metric="throughput", limit=">= 800 req/s", why="80 % of the 1000 req/s target"),
    Target(metric="latency.p95", limit="<= 5 ms", why="95th percentile response time"),
    Target(metric="error_rate", limit="<= 0.1 %", why="answers that are wrong, late or missing"),
)


def times(name: str, scale: float, labels: dict[str, str]) -> Iterable[Metric]:
    readings = {"p50": 1.84, "p90": 2.91, "p95": 3.45, "p99": 5.31, "p99.9": 9.68}
    for percentile, reading in readings.items():
        value = reading * scale / 1000
        yield Metric(
            name=f"{name}.{percentile}",
            unit="s",
            value=value,
            low=value * 0.98,
            high=value * 1.02,
            n=60_000,
            confidence=0.99,
            labels=labels,
        )
    yield Metric(name=f"{name}.max", unit="s", value=0.0231 * scale, n=60_000, labels=labels)


def rates(share: float, failures: int, labels: dict[str, str]) -> Iterable[Metric]:
    rate, failed = 1000.0 * share, failures / 60_000 / share
    common: dict[str, Any] = {"n": int(60_000 * share), "confidence": 0.99, "labels": labels}
    yield Metric(
        name="throughput", unit="req/s", value=rate, low=rate - 0.2, high=rate + 0.2, **common
    )
    yield Metric(
        name="error_rate", unit="ratio", value=failed, low=failed / 3, high=failed * 2.3, **common
    )


def resources() -> Iterable[Metric]:
    yield Metric(name="server.cpu", unit="cores", value=0.41, n=120)
    yield Metric(name="server.rss", unit="B", value=61_800_000, n=120)
    yield Metric(name="generator.cpu", unit="cores", value=0.22, n=120)
    yield Metric(name="generator.rss", unit="B", value=58_200_000, n=120)


def split(scale: float, labels: dict[str, str]) -> Iterable[Metric]:
    """Where the time goes, as milliseconds at p50 and p95."""
    parts = {"waiting": (0, 0), "network": (0.21, 0.52), "server": (1.2, 2.4), "reading": (0.1, 1)}
    for part, readings in parts.items():
        for percentile, reading in zip(("p50", "p95"), readings, strict=True):
            value = reading * scale / 1000
            yield Metric(name=f"split.{part}.{percentile}", unit="s", value=value, labels=labels)


def metrics(endpoints: Iterable[str], scale: float, failures: int) -> Iterable[Metric]:
    shares = {"": 1.0, "asap": 10 / 13, "manifest": 2 / 13, "metrics": 1 / 13}
    for name in ("", *endpoints):
        labels = {"endpoint": name} if name else {}
        share = shares[name]
        for time, of_latency in (("latency", 1.0), ("service_time", 0.9), ("lag", 0.1)):
            yield from times(time, scale * of_latency, labels)
        yield from rates(share, failures if name in {"", "asap"} else 0, labels)
        yield from split(scale, labels)
    yield from resources()


@pytest.fixture
def make_report(make_story: MakeStory) -> MakeReport:
    def make(
        *,
        scale: float = 1.0,
        failures: int = 5,
        endpoints: tuple[str, ...] = MIXED,
        details: dict[str, Any] | None = None,
        notes: tuple[Note, ...] = (),
        invalid: str = "",
        targets: tuple[Target, ...] = TARGETS,
        exit_code: Exit | None = None,
        empty: bool = False,
        **story: Any,
    ) -> Report:
        found = () if empty else tuple(metrics(endpoints, scale, failures))
        verdicts = judge(targets, found, invalid)
        outcome, code = overall(verdicts)
        counts: dict[str, Any] = {
            "requests": 60_000,
            "failures": failures,
            "open": 0,
            "measured": 60.0,
        }
        counts |= {"bottleneck": "none"}
        own = {} if empty else {"endpoints": endpoints, **counts, "errors": [], "seconds": []}
        return Report(
            story=make_story(**story),
            metrics=found,
            verdicts=verdicts,
            notes=notes,
            details=own | (details or {}),
            outcome=outcome,
            exit_code=code if exit_code is None else exit_code,
        )

    return make


ERRORS = [
    {
        "endpoint": "asap",
        "kind": "rpc_error",
        "code": -32602,
        "count": 204,
        "first": "JSON-RPC error -32602: Invalid params: payload.skill_id 'echo' is not a skill "
        "of this agent; it has 'translate', 'summarise'",
    },
    {"endpoint": "asap", "kind": "timeout", "code": 0, "count": 3, "first": ""},
    {
        "endpoint": "manifest",
        "kind": "http_5xx",
        "code": 503,
        "count": 1,
        "first": "HTTP status 503: [/busy] :fire: [red]try later[/red]",
    },
]
NOTES = (
    Note(
        code="shared-cores",
        text="the server and the generator had to share the same CPUs",
        hint="give this machine two or more cores, or measure a server elsewhere (--host)",
    ),
    Note(code="busy-machine", text="the load average was 3.1 on 4 CPUs before the start"),
)
DIED = (
    "the server ended with exit code 1:\n"
    "  Traceback (most recent call last):\n"
    '    File "agent.py", line 7, in handle\n'
    "  MemoryError"
)
SCENES: dict[str, dict[str, Any]] = {
    "pass": {},
    "fail": {"scale": 2.0, "failures": 208, "details": {"errors": ERRORS, "open": 12}},
    "inconclusive": {"scale": 5.0 / 3.45},
    "invalid": {"invalid": DIED, "ended": "server-died", "why": DIED},
    "interrupted": {
        "ended": "interrupted",
        "why": "interrupted by the user",
        "exit_code": Exit.INTERRUPTED,
    },
    "nothing": {
        "empty": True,
        "ended": "interrupted",
        "why": "interrupted by the user",
        "exit_code": Exit.INTERRUPTED,
    },
    "notes": {"notes": NOTES},
    "sustained": {"endpoints": ("asap",), "plan": {"user_class": "sustained"}},
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scene", SCENES)
def test_a_report_reads_as_it_is_kept_in_the_golden_file(
    make_report: MakeReport, golden: Golden, scene: str, width: int
) -> None:
    report = make_report(**SCENES[scene])
    golden(f"text_{scene}_{width}.txt", render_text(report, width=width, color=False))


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("width", [40, 60, 79, 100, 200])
def test_no_line_is_longer_than_the_width(make_report: MakeReport, scene: str, width: int) -> None:
    text = render_text(make_report(**SCENES[scene]), width=width, color=False)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("scene", SCENES)
def test_without_colour_there_is_no_control_character(
    make_report: MakeReport, scene: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = render_text(make_report(**SCENES[scene]), width=80, color=False)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("scene", SCENES)
def test_colour_changes_nothing_but_the_colour(make_report: MakeReport, scene: str) -> None:
    report = make_report(**SCENES[scene])
    colored = render_text(report, width=80, color=True)
    plain = re.sub(r"\x1b\[[\d;]*m", "", colored)
    assert "\x1b[" in colored
    assert [line.rstrip() for line in plain.splitlines()] == (
        render_text(report, width=80, color=False).splitlines()
    )


def test_what_a_server_said_is_shown_without_its_control_characters(
    make_report: MakeReport,
) -> None:
    why = "the server ended with exit code 1:\n  \x1b[31mred\x1b[0m \x07bell [/b] :fire:"
    text = render_text(make_report(invalid=why, ended="broke", why=why), width=80, color=False)
    assert "  red bell [/b] :fire:\n" in text


def test_a_reason_is_told_once_even_if_it_concerns_every_target(make_report: MakeReport) -> None:
    text = render_text(make_report(**SCENES["invalid"]), width=120, color=False)
    assert text.count("MemoryError") == 1


def test_a_missed_target_says_what_it_stands_for(make_report: MakeReport) -> None:
    text = render_text(make_report(scale=2.0), width=120, color=False)
    assert "FAIL  latency.p95: 95th percentile response time\n" in text
    assert "1 OF 3 TARGETS MISSED" in text


def test_targets_stand_beside_the_results_only_where_both_fit(make_report: MakeReport) -> None:
    titles = re.compile("AGGREGATE RESULTS +TARGET VERIFICATION")
    report = make_report()
    assert titles.search(render_text(report, width=120, color=False))
    assert not titles.search(render_text(report, width=80, color=False))


def test_a_target_of_one_endpoint_is_shown_under_its_whole_name(make_report: MakeReport) -> None:
    target = Target(metric='latency.p99{endpoint="manifest"}', limit="<= 10 ms")
    text = render_text(make_report(targets=(target,)), width=120, color=False)
    assert 'latency.p99{endpoint="manifest"}  <= 10 ms  5.31 ms [5.20, 5.42]  PASS' in text


def test_a_server_that_tells_no_times_has_no_table_of_where_they_go(
    make_report: MakeReport,
) -> None:
    report = make_report()
    others = tuple(m for m in report.metrics if not m.name.startswith("split"))
    text = render_text(report.model_copy(update={"metrics": others}), width=120, color=False)
    assert "WHERE IT GOES" in render_text(report, width=120, color=False)
    assert "WHERE IT GOES" not in text


def test_a_metric_that_could_not_be_given_is_a_dash(make_report: MakeReport) -> None:
    report = make_report()
    few = tuple(metric for metric in report.metrics if metric.name != "latency.p99.9")
    text = render_text(report.model_copy(update={"metrics": few}), width=120, color=False)
    assert re.search(r"^asap .* 5\.31 ms +– +23\.1 ms", text, re.MULTILINE)


def test_a_run_that_never_ended_says_so(make_report: MakeReport) -> None:
    text = render_text(make_report(ended="running"), width=80, color=False)
    assert "this run was never ended" in text


def test_the_text_shows_the_numbers_of_the_json(make_report: MakeReport) -> None:
    report = make_report(scale=1.37, failures=31)
    text = render_text(report, width=120, color=False)
    for verdict in document(report)["verdicts"]:
        shown = show_interval(*(verdict[name] for name in ("value", "low", "high", "unit")))
        row = f"{verdict['metric']} +{re.escape(verdict['limit'])} +{re.escape(shown)} +"
        assert re.search(row + verdict["outcome"].upper(), text)
