"""The visits that a worker pays to its benchmarks, and what it says meanwhile."""

from contextlib import ExitStack
from typing import Any, ClassVar

import pytest

from asapbench.catalogue import Agent, Job, Said
from asapbench.workers.operations import passes, program
from asapbench.workers.operations.passes import _Timing, _visit
from asapbench.workers.operations.seeing import calibrate, memory

KEY = "g/ask"


class Log:
    """An operation that takes a second and writes down how it is run."""

    numbers: ClassVar[dict[str, float]] = {}
    size = 0
    awaited = False

    def __init__(self) -> None:
        self.seen: list[str] = []

    def once(self) -> None:
        self.seen.append("once")

    def batch(self, _: int) -> tuple[float, float, float]:
        self.seen.append("batch")
        return 1.0, 0.0, 0.0


@pytest.mark.parametrize(
    ("agent", "idle", "seen"),
    [
        (True, -1.0, ["once", "batch"]),
        (True, 1e9, ["batch"]),
        (False, -1.0, ["batch"]),
    ],
)
def test_an_agent_that_was_left_alone_for_long_is_asked_once_before_it_is_timed(
    monkeypatch: pytest.MonkeyPatch, agent: bool, idle: float, seen: list[str]
) -> None:
    monkeypatch.setattr(passes, "IDLE", idle)
    log: Any = Log()
    one = _Timing(KEY, log, ExitStack(), 1, agent)
    job = Job(suite="s", do="time", loops={KEY: 1}, warm_up=False)
    assert _visit(one, job, lambda _: None)
    assert log.seen == seen


def test_a_secret_that_the_agent_repeats_is_neither_told_nor_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "hush-hush")
    agent = Agent(url="http://agent", id="i", headers=("Authorization: Bearer $TOKEN",))
    job = Job(suite="s", do="time", agent=agent)
    said = passes.failed(KEY, ValueError("HTTP 401: hush-hush is wrong"), job)
    assert said.error == "ValueError: HTTP 401: *** is wrong"
    log = capsys.readouterr().err
    assert "ValueError: HTTP 401: *** is wrong" in log
    assert "hush" not in log


@pytest.mark.parametrize("do", [calibrate, memory])
def test_the_parent_may_be_told_again_before_each_run(do: Any) -> None:
    log = Log()
    job = Job(suite="s", do="memory")
    do(KEY, log, job, lambda: log.seen.append("still"))
    runs = log.seen[log.seen.index("still") :]
    assert runs[::2] == ["still"] * len(runs[::2])
    assert "still" not in runs[1::2]


def test_what_is_going_on_is_told_again_once_it_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, told = iter((0.0, 0.5, 1.2, 1.2, 1.9)), list[Said]()
    monkeypatch.setattr(program, "monotonic", lambda: next(clock))
    still = program._still(KEY, told.append)
    for _ in range(3):
        still()
    assert told == [Said(what="began", key=KEY)]
