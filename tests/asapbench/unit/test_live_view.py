"""The live view: golden files, that it fits any terminal, and what it says of verdicts."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from asapbench.commands import benches
from asapbench.live.seen import Seen, after
from asapbench.live.view import shares, view
from asapbench.model import Metric, Story, Target, Tick
from tests.asapbench.unit.running import SCENES, load, memory, micro, stress

MakeStory = Callable[..., Story]
Golden = Callable[[str, str], None]


def text(seen: Seen, width: int = 100, height: int = 40) -> str:
    return "".join(f"{line.plain}\n" for line in view(seen, width, height))


def styles(lines: list[Text], word: str) -> set[str]:
    """How a word is styled, wherever it stands."""
    return {
        str(span.style)
        for line in lines
        for span in line.spans
        if line.plain[span.start : span.end] == word
    }


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("command", SCENES)
def test_a_view_reads_as_it_is_kept_in_the_golden_file(
    make_story: MakeStory, golden: Golden, command: str, width: int
) -> None:
    golden(f"live_{command}_{width}.txt", text(SCENES[command](make_story), width, 30))


def test_every_command_that_measures_has_a_view_of_its_own() -> None:
    assert set(SCENES) == set(benches())
    assert all(find_spec(f"asapbench.live.parts.{name}") for name in benches())


@pytest.mark.parametrize("command", SCENES)
@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 12, 20, 24, 60])
@pytest.mark.parametrize("width", [10, 20, 39, 60, 200])
def test_a_view_is_never_wider_or_higher_than_the_terminal(
    make_story: MakeStory, command: str, width: int, height: int
) -> None:
    lines = view(SCENES[command](make_story), width, height)
    assert max(line.cell_len for line in lines) <= width
    assert 0 < len(lines) <= max(1, height - 1)  # the last is for the ^C of an impatient user
    assert not any("\n" in line.plain or "\x1b" in line.plain for line in lines)


@pytest.mark.parametrize("command", SCENES)
def test_what_runs_and_how_far_it_is_is_said_on_the_lowest_terminal_too(
    make_story: MakeStory, command: str
) -> None:
    first, second, *_ = view(SCENES[command](make_story), 60, 3)
    assert first.plain.startswith(f"asapbench {command}")
    assert "%" in second.plain


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), max_size=8), st.integers(0, 80))
def test_shares_never_exceed_the_room_or_what_is_wanted(
    asked: list[tuple[int, int]], room: int
) -> None:
    wanted = [most for most, _ in asked]
    least = [min(each) for each in asked]
    given_ = shares(wanted, least, room)
    assert sum(given_) <= room
    assert all(0 <= rows <= most for rows, most in zip(given_, wanted, strict=True))
    if sum(least) <= room:
        assert all(rows >= few for rows, few in zip(given_, least, strict=True))
    if sum(wanted) <= room:
        assert given_ == wanted


def test_before_anything_is_known_there_is_something_to_look_at() -> None:
    assert text(Seen(title="fixed (1 of 7)")).startswith("fixed (1 of 7)\nstarting")


def test_verdicts_so_far_are_not_called_what_final_ones_are(make_story: MakeStory) -> None:
    shown = text(load(make_story))
    assert "SO FAR" in shown
    assert "missed" in shown
    assert not {"PASS", "FAIL", "VERIFICATION"} & set(shown.split())


def test_a_target_without_a_number_yet_is_said_to_be_open(make_story: MakeStory) -> None:
    rows = (Target(metric="server.rss", limit="<= 1 GB"),)
    (line,) = (
        line for line in text(load(make_story, targets=rows)).splitlines() if "server.rss" in line
    )
    assert line.split()[-3:] == ["–", "not", "yet"]


def test_where_not_all_verdicts_can_be_shown_the_missed_ones_are(make_story: MakeStory) -> None:
    shown = text(micro(make_story), 80, 11)
    assert "json_serialization large" in shown
    assert "envelope_creation" not in shown
    assert "and 3 met" in shown


def test_the_curve_of_a_ladder_grows_and_shows_its_latest_steps(make_story: MakeStory) -> None:
    shown = text(stress(make_story), 100, 40)
    assert [line.split()[0] for line in shown.splitlines() if "healthy" in line] == ["1", "2", "3"]
    low = text(stress(make_story), 100, 12)
    assert "… 2 earlier" in low
    assert "degraded" in low


def test_readings_beyond_the_limit_are_red_and_higher_than_any_other(make_story: MakeStory) -> None:
    lines = view(load(make_story), 120, 40)
    (p95,) = (line for line in lines if line.plain.startswith("p95"))
    bars = p95.plain.split()[3]
    assert bars[-1] == "█"
    assert "█" not in bars[:40]
    assert styles([p95], "█") == {"red"}


def test_a_state_that_a_step_is_in_from_a_limit_on_is_bad_beyond_it(make_story: MakeStory) -> None:
    border = stress(make_story).border("latency.p95")
    assert border is not None
    assert border.text == "degraded >= 100 ms"
    assert border.from_above
    assert border.bad(0.2)
    assert not border.bad(0.05)


def test_the_first_failure_of_a_kind_and_notes_are_shown_without_control_codes(
    make_story: MakeStory,
) -> None:
    shown = text(load(make_story))
    assert "Failed  asap: http_5xx: 500 Internal Server Error" in shown
    assert "Note  4 generator processes share 2 cores" in shown


def test_the_server_that_does_nothing_is_not_taken_for_the_one_under_test(
    make_story: MakeStory,
) -> None:
    tick = Tick(phase="floor top", elapsed=1.0, progress=0.5, numbers=(("users", 9.0, "count"),))
    floor = after(Seen(), tick, make_story(server=None), 0.0)
    assert "a server that does nothing" in text(floor)
    under_test = after(floor, tick, make_story(), 1.0)
    assert under_test.readings == {"users": (9.0,)}


def test_readings_are_one_a_second_and_the_latest_two_minutes(make_story: MakeStory) -> None:
    seen = Seen()
    for tenth in range(2000):
        tick = Tick(phase="m", elapsed=0, progress=0, numbers=(("users", tenth, "count"),))
        seen = after(seen, tick, make_story(), tenth / 10)
    assert len(seen.readings["users"]) == 120
    assert seen.readings["users"][-1] == 1990.0


def test_where_nothing_is_measured_the_latest_numbers_stay(make_story: MakeStory) -> None:
    seen = load(make_story)
    analysing = Tick(phase="analysing", elapsed=0.0, progress=0.0)
    later = after(seen, analysing, make_story(), seen.elapsed + 1)
    assert later.tick.phase == "analysing"
    assert later.tick.numbers == seen.tick.numbers
    assert later.readings == seen.readings


def test_a_number_that_is_missing_for_a_while_keeps_its_readings(make_story: MakeStory) -> None:
    seen = Seen()
    for second, name in enumerate(("latency.p95", "users", "latency.p95")):
        tick = Tick(phase="m", elapsed=0, progress=0, numbers=((name, 1.0 + second, "count"),))
        seen = after(seen, tick, make_story(), float(second))
    assert seen.readings == {"latency.p95": (1.0, 3.0), "users": (2.0,)}


def test_a_tick_that_is_kept_does_not_take_the_place_of_the_latest(make_story: MakeStory) -> None:
    seen = stress(make_story)
    again = after(seen, replace(seen).kept[0], make_story(command="stress"), 99.0)
    assert again.tick == seen.tick
    assert len(again.kept) == len(seen.kept) + 1


def test_what_is_known_of_a_metric_stays_until_there_is_news_of_it(make_story: MakeStory) -> None:
    seen = memory(make_story)
    outcomes = {verdict.metric: verdict.outcome for verdict in seen.verdicts}
    assert outcomes['growth_rate{component="serialization"}'] == "pass"
    assert outcomes['growth_rate{component="client_send"}'] == "inconclusive"
    assert outcomes["growth_rate"] == "pass"


def test_a_command_without_a_view_of_its_own_shows_all_numbers(make_story: MakeStory) -> None:
    tick = Tick(
        phase="measured",
        elapsed=1.0,
        progress=0.5,
        numbers=(("turns", 7.0, "count"),),
        so_far=(Metric(name="turns", unit="count", value=7.0),),
    )
    story = make_story(command="fifth", targets=(Target(metric="turns", limit="<= 5"),))
    shown = text(after(Seen(), tick, story, 3.0))
    assert "turns             7  █  <= 5" in shown
    assert "missed" in shown


def test_many_targets_of_which_nothing_is_known_take_one_line(make_story: MakeStory) -> None:
    rows = tuple(Target(metric=f"m{number}", limit="<= 1") for number in range(30))
    assert "SO FAR  30 not yet\n" in text(load(make_story, targets=rows))
    known = Target(metric="throughput", limit=">= 2000 req/s")
    shown = text(load(make_story, targets=(*rows, known))).splitlines()
    at = next(index for index, line in enumerate(shown) if line.startswith("SO FAR"))
    assert shown[at + 1].split()[-1] == "missed"
    assert shown[at + 2] == "and 30 not yet"
