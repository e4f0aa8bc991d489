"""What a memory run says: metrics, gates, notes and the report, from readings that are made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asapbench.commands.memory import BENCH, MemoryPlan
from asapbench.conclusion import conclude
from asapbench.model import Measurement, Report, Run, Server, Target, Window
from asapbench.offer import Outcome
from asapbench.report.text import render_text
from asapbench.sparkline import sparkline
from prove.proofs.leaks import is_found

Golden = Callable[[str, str], None]
MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]
MakeTable = Callable[..., Measurement]

TARGET = Target(metric="growth_rate", limit="< 50 MB/h", why="a leak")
PLACE = {"file": "my_agent.py", "line": 12, "code": "KEPT.append(envelope)", "whose": "agent"}
EXPLAINED = {
    "text": "",
    "sites": [PLACE | {"via": None, "bytes": 2000.0, "objects": 1.0}],
    "types": [{"type": "asap.models.envelope.Envelope", "whose": "asap", "objects": 1.0}],
    "chain": ["list", "my_agent.KEPT"],
    "keeper": {
        "type": "list",
        "of": "asap.models.envelope.Envelope",
        "items": 1.0,
        "at": PLACE,
    },
}


@pytest.fixture
def report(make_run: MakeRun, row: MakeRow, cycles_table: MakeTable) -> Callable[..., Report]:
    def make(
        growth: float,
        *,
        wrong: int = 0,
        every: float = 1 / 250,
        control: float = 0.0,
        part: float = 0.0,
        tables: tuple[Measurement, ...] = (),
        story: Any = None,
        **columns: Any,
    ) -> Report:
        kinds = [Outcome.RPC_ERROR] * wrong + [Outcome.OK] * (1000 - wrong)
        rows = [row(103 + k * every, outcome=kind) for k, kind in enumerate(kinds)]
        run = make_run(
            rows,
            command="memory",
            windows=(Window(name="measured", start=103.0, end=110.0),),
            **{"targets": (TARGET,), "plan": MemoryPlan().stored(), **(story or {})},
        )
        held = replace(run, measurements=(cycles_table("server", control),), parts={})
        tables += (cycles_table("server", growth, **columns), cycles_table("jsonrpc", part))
        return conclude(
            BENCH,
            replace(run, measurements=(*run.measurements, *tables), parts={"floor-1": held}),
        )

    return make


def test_growth_is_judged_at_the_rate_of_the_plan(report: Callable[..., Report]) -> None:
    found = report(2000.0).find("growth_rate")
    assert found is not None
    assert found.value == pytest.approx(2000 * 100)
    assert [report(size).outcome for size in (0.0, 20.0, 2000.0)] == ["pass", "pass", "fail"]


def test_growth_to_be_watched_passes_with_a_note(report: Callable[..., Report]) -> None:
    # of objects: what grows without any is fragmentation
    found = report(70.0, blocks=np.arange(11) * 1000.0)
    assert (found.outcome, found.details["kind"]) == ("pass", "monitor")
    assert "monitor" in [note.code for note in found.notes]


def test_growth_of_pages_alone_is_watched_too(report: Callable[..., Report]) -> None:
    found = report(70.0)
    assert (found.outcome, found.details["kind"]) == ("pass", "fragmentation")
    (note,) = (note for note in found.notes if note.code == "monitor")
    assert "memory of the server grows by 25" in note.text


def test_growth_of_a_part_is_watched_too(report: Callable[..., Report]) -> None:
    found = report(0.0, part=70.0)
    (note,) = (note for note in found.notes if note.code == "monitor")
    assert "memory of jsonrpc grows by 25" in note.text
    missed = Target(metric='growth_rate{component="jsonrpc"}', limit="< 20 MB/h")
    failed = report(0.0, part=70.0, story={"targets": (TARGET, missed)})
    assert (failed.outcome, "monitor" in [n.code for n in failed.notes]) == ("fail", False)


def test_more_than_one_percent_of_unexpected_replies_void_the_verdict(
    report: Callable[..., Report],
) -> None:
    assert report(0.0, wrong=5).outcome == "pass"
    found = report(0.0, wrong=50)
    assert found.outcome == "invalid"
    assert "replies were not what was asked for" in found.verdicts[0].reason


def test_a_control_that_grows_voids_the_verdict(report: Callable[..., Report]) -> None:
    found = report(0.0, control=500.0)
    assert found.outcome == "invalid"
    assert "a server that holds nothing" in found.verdicts[0].reason


@pytest.mark.parametrize(("used", "outcome"), [(0.0, "invalid"), (1e-4, "invalid"), (0.2, "pass")])
def test_a_process_that_does_nothing_while_requests_are_answered_is_not_the_server(
    report: Callable[..., Report], used: float, outcome: str
) -> None:
    host = Server(url="http://127.0.0.1:1", pid=77, how="host", agent="a", version="1")
    at = np.linspace(102.0, 111.0, 10)
    columns = {"at": at, "cpu": used / 7 * at, "busiest": np.zeros(10), "rss": np.full(10, 5e7)}
    table = Measurement("resources", columns, {}, {"process": "server"})
    found = report(0.0, tables=(table,), story={"server": host})
    assert found.outcome == outcome
    if outcome == "invalid":
        (note,) = (note for note in found.notes if note.code == "health-idle-process")
        assert "process 77, whose memory was read, used" in found.verdicts[0].reason
        assert "--pid" in note.hint


@pytest.mark.parametrize(
    ("used", "at_rest", "outcome"),
    [
        (0.0019, 0.0013, "invalid"),  # uvicorn, which wakes up ten times a second
        (0.050, 0.0018, "pass"),
        (0.350, 0.300, "pass"),  # it has work of its own too
        (0.303, 0.300, "invalid"),
    ],
)
def test_a_process_that_only_wakes_up_now_and_then_is_not_the_server(
    report: Callable[..., Report], used: float, at_rest: float, outcome: str
) -> None:
    host = Server(url="http://127.0.0.1:1", pid=77, how="host", agent="a", version="1")
    at = np.linspace(102.0, 111.0, 10)
    columns = {"at": at, "cpu": used * at, "busiest": np.zeros(10), "rss": np.full(10, 5e7)}
    table = Measurement("resources", columns, {}, {"process": "server"})
    assert report(0.0, tables=(table,), story={"server": host}).outcome == "pass"  # it listens
    story = {"server": host, "facts": {"at_rest": at_rest}}
    found = report(0.0, tables=(table,), story=story)
    assert found.outcome == outcome
    assert ("and at rest" in found.verdicts[0].reason) == (outcome == "invalid")


def test_a_part_that_leaks_proves_no_leak_of_the_server_to_be_found(
    report: Callable[..., Report],
) -> None:
    rows = (TARGET, Target(metric='growth_rate{component="jsonrpc"}', limit="< 50 MB/h"))
    part, server = (
        report(growth, part=2000.0, story={"targets": rows}, blocks=np.arange(11) * growth)
        for growth in (0.0, 2000.0)
    )
    assert (part.outcome, server.outcome) == ("fail", "fail")
    assert (is_found(part), is_found(server)) == (False, True)


def test_reference_cycles_are_no_leak_and_are_shown(report: Callable[..., Report]) -> None:
    found = report(0.0, collected=np.arange(11) * 10_000.0)
    assert found.outcome == "pass"
    assert "10.0 objects a request are in reference cycles: collectable" in " ".join(
        note.text for note in found.notes
    )


def test_a_server_that_is_slower_than_the_rate_it_is_judged_at_is_noted(
    report: Callable[..., Report],
) -> None:
    codes = [note.code for note in report(0.0, every=1 / 150).notes]
    assert "slower" not in codes
    (note,) = (note for note in report(0.0, every=1 / 20).notes if note.code == "slower")
    assert "answered 21" in note.text
    assert "of the 100 req/s of --rps" in note.text


def test_a_leak_says_of_what_it_is(report: Callable[..., Report]) -> None:
    of_objects = report(2000.0, blocks=np.arange(11) * 1000.0)
    of_heap = report(2000.0, heap=np.arange(11) * 2e6)
    for found, words in (
        (of_objects, "Python objects get more, by 1.00 a request"),
        (of_heap, "Python objects do not get more, malloc's heap does, by 2.00 kB a request"),
    ):
        assert words in " ".join(render_text(found, width=200, color=False).split())


def test_what_the_meters_cost_is_said_and_noted_where_it_is_much(
    report: Callable[..., Report],
) -> None:
    cheap, costly = (report(0.0, cost=np.full(11, seconds)) for seconds in (0.07, 0.3))
    text = render_text(cheap, width=100, color=False)
    assert "Cost of the meters 0.70 % of a core at 10s" in " ".join(text.split())
    assert "meters-cost" not in [note.code for note in cheap.notes]
    (note,) = (note for note in costly.notes if note.code == "meters-cost")
    assert "takes 300 ms of the server's CPU, 3.0 % of a core at an interval" in note.text


def test_quick_says_what_the_meters_cost_in_its_own_short_cycles(
    report: Callable[..., Report],
) -> None:
    plan = MemoryPlan(quick=True).stored()  # eight cycles in seven seconds
    found = report(0.0, cost=np.full(11, 0.07), story={"plan": plan})
    text = " ".join(render_text(found, width=100, color=False).split())
    assert "Cost of the meters 8.0 % here, 0.70 % of a core at 10s" in text


def test_a_server_seen_from_outside_says_what_that_loses(report: Callable[..., Report]) -> None:
    nothing = np.full(11, np.nan)
    found = report(2000.0, heap=nothing, blocks=nothing, collected=nothing, cost=nothing)
    assert (found.outcome, found.details["kind"]) == ("fail", "leak")
    assert "by USS and RSS alone" in " ".join(note.text for note in found.notes)
    text = " ".join(render_text(found, width=100, color=False).split())
    assert "Cost of the meters no CPU of the server" in text


def test_the_offer_to_explain_comes_after_a_failure(report: Callable[..., Report]) -> None:
    assert "explain" in [note.code for note in report(2000.0).notes]
    assert "explain" not in [note.code for note in report(0.0).notes]
    assert "explain" not in [n.code for n in report(2000.0, story={"explanation": EXPLAINED}).notes]
    tight = (Target(metric="growth_per_request", limit="<= 10 B"),)
    assert "explain" in [note.code for note in report(20.0, story={"targets": tight}).notes]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_report_on_a_terminal(
    report: Callable[..., Report], golden: Golden, width: int
) -> None:
    found = report(2000.0, story={"explanation": EXPLAINED}, blocks=np.arange(11) * 1000.0)
    text = render_text(found, width=width, color=False)
    golden(f"memory_leak_{width}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_a_sparkline_is_as_wide_as_it_may_be_and_ends_with_the_last_value() -> None:
    assert sparkline([]) == ""
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([0.0, 7.0]) == "▁█"
    assert len(sparkline([float(k) for k in range(1000)], 20)) == 20
    assert sparkline([float(k) for k in range(1000)], 20)[-1] == "█"
