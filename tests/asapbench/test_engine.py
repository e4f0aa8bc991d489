"""The one flow: what happens, in which order, and what is left when it goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from asapbench.conclusion import conclude
from asapbench.cores import CorePlan
from asapbench.engine import execute
from asapbench.errors import BrokenRun, Exit, Interrupted, ServerDied, UsageError
from asapbench.model import (
    Analysis,
    Bench,
    Look,
    Metric,
    Plan,
    Recorder,
    Run,
    Running,
    Server,
    Story,
    Tick,
    Window,
)
from asapbench.store import Recording, load
from asapbench.system import System

SERVER = Server(url="http://127.0.0.1:1", pid=None, how="embedded", agent="a", version="1")
TABLE = '[[load]]\nmetric = "latency.p95"\nlimit = "<= 5 ms"\n'


class Log(list[str]):
    """What happened, in order."""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.toml").write_text(TABLE)
    return Log()


def starter(
    log: Log, check: Callable[[], None] = lambda: None
) -> Callable[[Plan, Recording, CorePlan], AbstractContextManager[System]]:
    @contextmanager
    def start(plan: Plan, recording: Recording, cores: CorePlan) -> Iterator[System]:
        log.append("server up")
        try:
            yield System(SERVER, check)
        finally:
            log.append("server down")

    return start


def bench_that(log: Log, measure: Callable[[Recorder], Generator[Tick]]) -> Bench:
    def measured(plan: Plan, system: Running, recorder: Recorder, look: Look) -> Generator[Tick]:
        log.append("measure")
        try:
            yield from measure(recorder)
        finally:
            log.append("measured")

    def analyse(run: Run) -> Analysis:
        log.append("analyse")
        return Analysis(
            metrics=(Metric(name="latency.p95", unit="s", value=0.002, low=0.001, high=0.003),)
        )

    return Bench("load", Plan, lambda plan: {"latency.p95": "s"}, measured, analyse, "doc", ())


def two_ticks(recorder: Recorder) -> Generator[Tick]:
    yield Tick(phase="measured", elapsed=0.0, progress=0.0)
    recorder.tell(windows=(Window(name="measured", start=1.0, end=2.0),))
    yield Tick(phase="measured", elapsed=1.0, progress=1.0)


def plan() -> Plan:
    return Plan(targets=Path("table.toml"))


def only_run() -> Run:
    (folder,) = Path(".asapbench/runs").iterdir()
    return load(folder)


def test_the_flow_starts_measures_ends_then_analyses(log: Log) -> None:
    report = execute(bench_that(log, two_ticks), plan(), lambda tick, story: None, starter(log))
    assert log == ["server up", "measure", "measured", "server down", "analyse"]
    assert report.exit_code is Exit.PASS
    assert report.outcome == "pass"


def test_what_is_said_more_comes_once_the_server_has_ended_and_touches_no_verdict(
    log: Log,
) -> None:
    def explain(plan: Plan, recorder: Recorder) -> Generator[Tick]:
        log.append("explain")
        recorder.tell(explanation={"text": "a line"})
        yield Tick(phase="explaining", elapsed=0.0, progress=0.0)
        raise KeyboardInterrupt

    bench = replace(bench_that(log, two_ticks), explain=explain)
    report = execute(bench, plan(), lambda tick, story: None, starter(log))
    assert log == ["server up", "measure", "measured", "server down", "explain", "analyse"]
    assert (report.outcome, report.exit_code) == ("pass", Exit.INTERRUPTED)
    assert report.story.explanation == {"text": "a line"}


def test_a_refused_table_starts_nothing(log: Log) -> None:
    Path("table.toml").write_text(TABLE.replace("p95", "p42"))
    with pytest.raises(UsageError, match=r"latency\.p42"):
        execute(bench_that(log, two_ticks), plan(), lambda tick, story: None, starter(log))
    assert log == []
    assert not Path(".asapbench").exists()


def test_the_run_is_on_disk_before_it_is_analysed(log: Log) -> None:
    seen: list[str] = []

    def analyse(run: Run) -> Analysis:
        seen.append(only_run().story.ended)
        return Analysis(metrics=())

    bench = bench_that(log, two_ticks)
    bench = Bench(bench.name, bench.plan, bench.produces, bench.measure, analyse, bench.doc, ())
    execute(bench, plan(), lambda tick, story: None, starter(log))
    assert seen == ["complete"]


def test_ctrl_c_ends_everything_and_reports_what_was_measured(log: Log) -> None:
    def interrupted(recorder: Recorder) -> Generator[Tick]:
        yield from two_ticks(recorder)
        raise KeyboardInterrupt

    report = execute(bench_that(log, interrupted), plan(), lambda tick, story: None, starter(log))
    assert log == ["server up", "measure", "measured", "server down", "analyse"]
    assert report.exit_code is Exit.INTERRUPTED
    assert report.story.ended == "interrupted"
    assert [verdict.outcome for verdict in report.verdicts] == ["pass"]


def test_ctrl_c_while_a_tick_is_shown_closes_the_measurement_too(log: Log) -> None:
    def watch(tick: Tick, story: Story) -> None:
        if tick.progress == 1.0:
            raise KeyboardInterrupt

    report = execute(bench_that(log, two_ticks), plan(), watch, starter(log))
    assert log == ["server up", "measure", "measured", "server down", "analyse"]
    assert report.exit_code is Exit.INTERRUPTED


@pytest.mark.parametrize("place", [".asapbench", "elsewhere"])
def test_ctrl_c_during_the_analysis_says_that_what_was_measured_is_kept_where_it_is(
    log: Log, place: str
) -> None:
    def watch(tick: Tick, story: Story) -> None:
        if tick.phase == "analysing":
            raise KeyboardInterrupt

    bench = bench_that(log, two_ticks)
    with pytest.raises(Interrupted, match="interrupted while the run was analysed") as caught:
        execute(bench, plan(), watch, starter(log), Path(place))
    assert ("what it measured is kept" in str(caught.value)) == (place == ".asapbench")


def test_ctrl_c_before_anything_is_measured_has_no_report(log: Log) -> None:
    def interrupted(recorder: Recorder) -> Generator[Tick]:
        yield Tick(phase="ramp", elapsed=0.0, progress=0.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(bench_that(log, interrupted), plan(), lambda tick, story: None, starter(log))
    assert log == ["server up", "measure", "measured", "server down"]


def test_a_server_that_dies_voids_the_verdict_and_its_last_words_are_the_reason(log: Log) -> None:
    def dead() -> None:
        if "tick" in log:
            raise BrokenRun("the server ended with signal 9")

    def watch(tick: Tick, story: Story) -> None:
        log.append("tick")

    def measure(recorder: Recorder) -> Generator[Tick]:
        recorder.tell(windows=(Window(name="measured", start=1.0, end=2.0),))
        yield Tick(phase="measured", elapsed=0.0, progress=0.0)
        yield Tick(phase="measured", elapsed=1.0, progress=1.0)

    report = execute(bench_that(log, measure), plan(), watch, starter(log, dead))
    assert report.exit_code is Exit.NO_VERDICT
    assert [(v.outcome, v.reason) for v in report.verdicts] == [
        ("invalid", "the server ended with signal 9")
    ]


def test_a_server_that_dies_after_the_last_tick_voids_the_verdict_too(log: Log) -> None:
    def dead() -> None:
        if "last answer" in log:
            raise BrokenRun("the server ended with signal 9")

    def measure(recorder: Recorder) -> Generator[Tick]:
        recorder.tell(windows=(Window(name="measured", start=1.0, end=2.0),))
        yield Tick(phase="measured", elapsed=1.0, progress=1.0)
        log.append("last answer")

    report = execute(bench_that(log, measure), plan(), lambda tick, story: None, starter(log, dead))
    assert (report.story.ended, report.exit_code) == ("server-died", Exit.NO_VERDICT)


def test_a_broken_generator_exits_with_4_and_keeps_what_was_measured(log: Log) -> None:
    def broken(recorder: Recorder) -> Generator[Tick]:
        yield from two_ticks(recorder)
        raise BrokenRun("the generator ended with exit code 1")

    report = execute(bench_that(log, broken), plan(), lambda tick, story: None, starter(log))
    assert report.exit_code is Exit.BROKEN
    assert report.outcome == "invalid"
    assert only_run().story.why == "the generator ended with exit code 1"


def test_a_saved_run_concludes_to_the_same_report_again(log: Log) -> None:
    bench = bench_that(log, two_ticks)
    report = execute(bench, plan(), lambda tick, story: None, starter(log))
    assert conclude(bench, only_run()) == report


def test_the_duration_of_the_run_is_kept(log: Log) -> None:
    def slow(recorder: Recorder) -> Generator[Tick]:
        began = time.monotonic()
        yield from two_ticks(recorder)
        while time.monotonic() == began:
            pass

    report = execute(bench_that(log, slow), plan(), lambda tick, story: None, starter(log))
    assert report.story.duration > 0


def test_a_run_that_ended_before_anything_was_measured_tells_so_afterwards(log: Log) -> None:
    def died(recorder: Recorder) -> Generator[Tick]:
        yield Tick(phase="warm-up", elapsed=0.0, progress=0.0)
        raise ServerDied("the server has ended")

    with pytest.raises(ServerDied):
        execute(bench_that(log, died), plan(), lambda *_: None, starter(log))
    assert (only_run().story.ended, only_run().story.why) == ("server-died", "the server has ended")
