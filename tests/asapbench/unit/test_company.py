"""What is said of a server of the user's own whose CPUs others used, beside its verdict."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from asapbench.commands.load import BENCH, LoadPlan
from asapbench.company import kept_waiting, taken_by_others
from asapbench.conclusion import conclude
from asapbench.model import Measurement, Note, Run, Server, Target, Window

MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]

WINDOW = Window(name="measured", start=100.0, end=110.0)


def growing(rate: float) -> list[float]:
    """A sum that grows by `rate` a second, one reading a second."""
    return [7.0 + rate * second for second in range(11)]


def process(name: str, waited: float, cpu: float) -> Measurement:
    at = np.arange(100.0, 111.0)
    columns: dict[str, Iterable[float]] = {
        "at": at,
        "waited": growing(waited),
        "cpu": growing(cpu),
    }
    columns |= dict.fromkeys(("rss", "switches", "preempted", "busiest"), 0 * at)
    return Measurement("resources", _arrays(columns), {}, {"process": name})


def machine(busy: float) -> Measurement:
    at = np.arange(100.0, 111.0)
    return Measurement("machine", _arrays({"at": at, "steal": 0 * at, "busy": growing(busy)}), {})


def _arrays(columns: dict[str, Iterable[float]]) -> dict[str, Any]:
    return {name: np.array(list(values), float) for name, values in columns.items()}


def serving(how: Any, cpus: tuple[int, ...] = (2, 3)) -> Server:
    return Server(url="http://a", pid=1, how=how, agent="a", version="1", cpus=cpus)


@pytest.fixture
def note(make_run: MakeRun) -> Callable[..., Note | None]:
    """Of a server on two cores that waited, used and saw them busy so much of each second."""

    def find(how: str, waited: float, used: float, busy: float) -> Note | None:
        tables = (machine(busy), process("server", waited, used), process("generator", 0.0, 0.9))
        run = Run(make_run([], server=serving(how)).story, tables)
        return next(kept_waiting(run, WINDOW), None)

    return find


@pytest.mark.parametrize("how", ["command", "host"])
@pytest.mark.parametrize(
    ("waited", "busy", "used", "said"),
    [
        (0.2, 2.0, 0.5, True),  # others have three quarters of its two cores
        (0.2, 0.6, 0.5, False),  # hardly anybody else was there: it waited for its own workers
        (0.05, 2.0, 0.5, False),  # others were there, and did not keep it from running
        (3.0, 2.0, 2.0, False),
    ],
)
def test_a_server_that_waited_while_others_had_its_cores_is_told_of(
    note: Callable[..., Note | None], how: str, waited: float, busy: float, used: float, said: bool
) -> None:
    assert (note(how, waited, used, busy) is not None) == said


def test_the_embedded_server_has_a_gate_and_needs_no_note(
    note: Callable[..., Note | None],
) -> None:
    assert note("embedded", 0.2, 0.5, 2.0) is None


def test_a_generator_on_the_cores_of_the_server_is_none_of_the_others(make_run: MakeRun) -> None:
    tables = (machine(2.0), process("server", 1.0, 1.1), process("generator", 0.0, 0.9))
    run = Run(make_run([], server=serving("host", ())).story, tables)
    assert taken_by_others(run, WINDOW) == pytest.approx(0)


@pytest.mark.parametrize("columns", [{}, {"busy": [float("nan")] * 11}])
def test_where_the_system_does_not_tell_what_ran_nothing_is_said(
    make_run: MakeRun, columns: dict[str, Iterable[float]]
) -> None:
    at = np.arange(100.0, 111.0)
    table = Measurement("machine", _arrays({"at": at, "steal": 0 * at} | columns), {})
    run = Run(make_run([], server=serving("host")).story, (table, process("server", 0.5, 1.0)))
    assert list(kept_waiting(run, WINDOW)) == []


@pytest.mark.parametrize("how", ["command", "host"])
def test_a_proxy_whose_overloaded_application_has_its_cores_fails_and_is_told(
    make_run: MakeRun, row: MakeRow, how: str
) -> None:
    rows = [row(100 + k / 100, done=100.2 + k / 100, user=k % 100) for k in range(1000)]
    plan = LoadPlan(users=100, rps=100, duration=10).stored()
    targets = (Target(metric="latency.p95", limit="<= 5 ms"),)
    story = {"plan": plan, "targets": targets, "windows": (WINDOW,), "server": serving(how)}
    run = make_run(rows, **story)
    helpers = (machine(2.0), process("server", 0.3, 0.2))
    report = conclude(BENCH, Run(run.story, (*run.measurements, *helpers)))
    assert report.outcome == "fail"
    assert "server-kept-waiting" in {note.code for note in report.notes}
