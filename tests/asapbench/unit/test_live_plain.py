"""Progress where there is no terminal: lines, some seconds apart, and news at once."""

from collections.abc import Callable

import pytest

from asapbench.live import plain, watching
from asapbench.model import Note, Story, Tick

MakeStory = Callable[..., Story]


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(plain, "time", clock)
    return clock


def tick(second: float, **changes: object) -> Tick:
    numbers = (("throughput", 900.0 + second, "req/s"), ("latency.p95", 0.001, "s"))
    values = {"phase": "measured", "elapsed": second, "progress": 0.5, "numbers": numbers}
    return Tick.model_validate(values | changes)


def test_a_line_has_phase_elapsed_and_numbers_and_they_are_seconds_apart(
    clock: Clock, make_story: MakeStory, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.now = 100.0
    watch = plain.lines()
    for clock.now in range(100, 112):
        watch(tick(clock.now - 100), make_story())
    assert capsys.readouterr().err.splitlines() == [
        "measuring       0s  900 req/s  p95 1.00 ms",
        "measuring       5s  905 req/s  p95 1.00 ms",
        "measuring      10s  910 req/s  p95 1.00 ms",
    ]


def test_another_phase_and_what_is_kept_are_told_at_once(
    clock: Clock, make_story: MakeStory, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = plain.lines("fixed (1 of 7): what it is about")
    for change in ({}, {"phase": "warm-up"}, {"kept": True, "phase": "step 1"}):
        watch(tick(1.0, **change), make_story())
    watch(tick(2.0, phase="warm-up"), make_story())
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "fixed (1 of 7): what it is about",
        "measuring",
        "warm-up",
        "step 1",
    ]


def test_notes_and_the_first_failure_of_a_kind_are_told_once(
    make_story: MakeStory, capsys: pytest.CaptureFixture[str]
) -> None:
    note = Note(code="x", text="4 processes share 2 cores")
    failure = {"benchmark": "bad/dies", "error": "exit code 7", "round": 1}
    watch = plain.lines()
    for second in (1.0, 2.0):
        watch(tick(second), make_story(notes=(note,), failures=(failure,)))
    told = capsys.readouterr().err
    assert told.count("note  4 processes share 2 cores\n") == 1
    assert told.count("failed  bad/dies: exit code 7\n") == 1


def test_what_is_no_terminal_gets_plain_lines_even_if_colours_are_forced(
    monkeypatch: pytest.MonkeyPatch, make_story: MakeStory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with watching(quiet=False) as watch:
        watch(tick(1.0), make_story())
    assert capsys.readouterr().err == "measuring       0s  901 req/s  p95 1.00 ms\n"


def test_quiet_shows_nothing(make_story: MakeStory, capsys: pytest.CaptureFixture[str]) -> None:
    with watching(quiet=True, title="asapbench load") as watch:
        watch(tick(1.0), make_story())
    assert capsys.readouterr().err == ""
