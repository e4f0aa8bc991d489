"""The live view on a terminal: steady, gone at the end, nothing left behind by a resize."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from rich.console import Console

from asapbench.live.terminal import drawn
from asapbench.model import Story, Tick, Watch
from tests.asapbench.unit.screen import Screen

MakeStory = Callable[..., Story]
BEFORE = "$ asapbench load"


class Terminal(io.StringIO):
    """Takes what rich writes to a screen; rich asks it for its size."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.screen = Screen(width, height)
        self.written = 0
        self.screen.write(f"{BEFORE}\n")
        self.console = Console(
            file=self, force_terminal=True, width=width, height=height, color_system="standard"
        )

    def write(self, text: str) -> int:
        self.written += len(text)
        self.screen.write(text)
        return len(text)

    def resize(self, width: int, height: int) -> None:
        self.screen.resize(width, height)
        self.console.size = self.console.size._replace(width=width, height=height)


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("asapbench.live.terminal.time", clock)
    return clock


def tick(second: float, **changes: object) -> Tick:
    values: dict[str, object] = {
        "phase": "measured",
        "elapsed": second,
        "progress": min(1.0, second / 60),
        "numbers": (("users", 100.0, "count"), ("throughput", 900.0 + second, "req/s")),
    }
    return Tick.model_validate(values | changes)


@pytest.fixture
def show(make_story: MakeStory, clock: Clock) -> Callable[[Watch, float], None]:
    def at(watch: Watch, second: float) -> None:
        clock.now = second
        watch(tick(second), make_story())

    return at


Show = Callable[[Watch, float], None]


@contextmanager
def watched(terminal: Terminal, *, below: bool = True) -> Iterator[Watch]:
    with drawn(terminal.console, "asapbench load", below=below) as watch:
        yield watch


def test_a_screen_of_its_own_shows_nothing_but_the_view(show: Show) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal, below=False) as watch:
        for second in range(30):
            show(watch, second)
        shown = terminal.screen.shown()
        assert shown[0].startswith("asapbench load")
        assert "929 req/s" in "".join(shown)
        assert terminal.screen.scrolled == 0
        assert not terminal.screen.cursor_shown


def test_the_view_is_drawn_in_place_below_what_was_there(show: Show) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal) as watch:
        for second in range(30):
            show(watch, second)
        shown = terminal.screen.shown()
        assert shown[0] == BEFORE
        assert shown[1].startswith("asapbench load")
        assert sum("throughput" in line for line in shown) == 1
        assert "929 req/s" in "".join(shown)
        assert terminal.screen.scrolled == 0
        assert not terminal.screen.cursor_shown


@pytest.mark.parametrize("below", [True, False])
def test_nothing_of_it_is_left_when_the_run_has_ended(show: Show, *, below: bool) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal, below=below) as watch:
        show(watch, 1.0)
    assert terminal.screen.shown() == [BEFORE]
    assert terminal.screen.cursor_shown
    terminal.screen.write("report\n")
    assert terminal.screen.shown() == [BEFORE, "report"]


@pytest.mark.parametrize("below", [True, False])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_or_an_error_gives_the_terminal_back(
    show: Show, error: type[BaseException], *, below: bool
) -> None:
    terminal = Terminal(80, 24)

    def run() -> None:
        with watched(terminal, below=below) as watch:
            show(watch, 1.0)
            terminal.screen.write("^C")
            raise error

    with pytest.raises(error):
        run()
    assert terminal.screen.cursor_shown
    assert terminal.screen.shown() == [BEFORE]


@pytest.mark.parametrize("sizes", [[(40, 24)], [(50, 20), (100, 30)], [(120, 40), (30, 24)]])
def test_a_resize_leaves_nothing_behind(show: Show, sizes: list[tuple[int, int]]) -> None:
    terminal = Terminal(90, 24)
    with watched(terminal) as watch:
        show(watch, 1.0)
        for second, (width, height) in enumerate(sizes, start=2):
            terminal.resize(width, height)
            show(watch, second)
            shown = terminal.screen.shown()
            assert shown[0] == BEFORE
            assert [line for line in shown if line.startswith("asapbench load")] == [shown[1]]
            assert sum("throughput" in line for line in shown) == 1
            assert all(len(line) <= width for line in shown)
    assert terminal.screen.shown() == [BEFORE]


@pytest.mark.parametrize("sizes", [[(40, 24)], [(120, 35), (40, 12), (30, 6), (100, 30)]])
def test_a_screen_of_its_own_stands_any_resize(show: Show, sizes: list[tuple[int, int]]) -> None:
    terminal = Terminal(90, 24)
    with watched(terminal, below=False) as watch:
        show(watch, 1.0)
        for second, (width, height) in enumerate(sizes, start=2):
            terminal.resize(width, height)
            show(watch, second)
            shown = terminal.screen.shown()
            assert shown[0].startswith("asapbench load")
            assert sum(line.startswith(("asapbench", "throughput")) for line in shown) == 2
            assert all(len(line) <= width for line in shown)
            assert len(shown) <= height
            assert terminal.screen.scrolled == 0
    assert terminal.screen.shown() == [BEFORE]


def test_a_resize_just_before_the_end_leaves_nothing_behind(show: Show) -> None:
    terminal = Terminal(100, 24)
    with watched(terminal) as watch:
        show(watch, 1.0)
        terminal.resize(37, 24)
    assert terminal.screen.shown() == [BEFORE]


def test_a_low_terminal_does_not_scroll_either(show: Show) -> None:
    terminal = Terminal(60, 6)
    with watched(terminal) as watch:
        show(watch, 0.0)
        scrolled = terminal.screen.scrolled
        for second in range(1, 20):
            show(watch, second)
        assert terminal.screen.scrolled == scrolled <= 1  # the line of the command
        assert len(terminal.screen.shown()) <= 6


def test_it_is_drawn_at_most_four_times_a_second(show: Show) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal) as watch:
        show(watch, 10.0)
        before = terminal.written
        for hundredth in range(1, 25):
            show(watch, 10.0 + hundredth / 100)
        assert terminal.written == before
        show(watch, 10.9)
        assert terminal.written > before


def test_another_phase_is_shown_at_once(show: Show, make_story: MakeStory, clock: Clock) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal) as watch:
        show(watch, 10.0)
        clock.now = 10.01
        watch(tick(0.0, phase="analysing"), make_story())
        assert "analysing" in "".join(terminal.screen.shown())


def test_a_picture_that_did_not_change_is_not_drawn_again(
    make_story: MakeStory, clock: Clock
) -> None:
    terminal = Terminal(80, 24)
    with watched(terminal) as watch:
        clock.now = 10.0
        watch(tick(1.0), make_story())
        before = terminal.written
        clock.now = 10.5
        watch(tick(1.0), make_story())
        assert terminal.written == before


def test_the_time_goes_on_where_no_tick_comes(
    show: Show, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Callable[[], None]] = []

    @contextmanager
    def now_and_then(call: Callable[[], None]) -> Iterator[None]:
        calls.append(call)
        yield

    monkeypatch.setattr("asapbench.live.terminal._now_and_then", now_and_then)
    terminal = Terminal(80, 24)
    with watched(terminal) as watch:
        show(watch, 10.0)
        clock.now = 10.5
        calls[0]()
        assert "10s" in terminal.screen.shown()[2]
        clock.now = 14.0
        calls[0]()
        assert "14s" in terminal.screen.shown()[2]
