"""On any terminal nothing overflows and no word is broken or lost."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from asapbench.commands import benches
from asapbench.model import Measurement, Report, Run
from asapbench.report.drawing import columns, drawn, hanging
from asapbench.report.text import render_text
from tests.asapbench.unit.scenes import Made
from tests.asapbench.unit.test_bench_contract import _RUNS, report_of

WORDS = st.lists(st.text("abcd", min_size=1, max_size=12), min_size=1, max_size=4).map(" ".join)


@pytest.fixture(scope="module", params=benches())
def report(
    request: pytest.FixtureRequest,
    make_run: Callable[..., Run],
    row: Callable[..., dict[str, float]],
    make_rounds: Callable[..., Run],
    cycles_table: Callable[..., Measurement],
) -> Report:
    """A report of each bench, with failures of all kinds."""
    name = request.param
    made = Made(make_rounds, cycles_table)
    return report_of(benches()[name], _RUNS[name](make_run, row, made))


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 120, 200])
def test_no_line_of_a_report_is_longer_than_the_terminal(report: Report, width: int) -> None:
    lines = render_text(report, width=width, color=False).splitlines()
    assert [line for line in lines if len(line) > width] == []


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_word_of_a_report_is_broken_or_cut(report: Report, width: int) -> None:
    whole = set(render_text(report, width=400, color=False).split())
    words = re.findall(r"[\w./%µ]{4,}", render_text(report, width=width, color=False))
    known = {part for word in whole for part in re.findall(r"[\w./%µ]+", word)}
    assert [word for word in words if word not in known] == []


@pytest.mark.parametrize("width", [40, 60])
def test_no_interval_in_a_table_or_a_total_is_broken(report: Report, width: int) -> None:
    text = render_text(report, width=width, color=False)
    tables = re.split(r"^(?:INVALID|INCONCLUSIVE|FAIL|PASS|Note) ", text, flags=re.MULTILINE)[0]
    assert re.findall(r"\[[^\]\n]*\n", tables) == []


def test_what_a_list_says_of_a_row_stands_below_it_with_no_empty_line_between() -> None:
    table = columns("BENCHMARK", "mean", "verdict", numbers=True)
    table.add_row("a_group_of_some", "", "")
    table.add_row("  one_of_them_with_a_name", "207 µs", "PASS")
    assert drawn(lambda _: [table], width=30, color=False).splitlines() == [
        "BENCHMARK",
        "a_group_of_some",
        "  one_of_them_with_a_name",
        "    mean     207 µs",
        "    verdict  PASS",
    ]


def test_a_total_that_has_no_room_beside_its_name_stands_below_it(report: Report) -> None:
    wide = render_text(report, width=400, color=False)
    narrow = render_text(report, width=40, color=False)
    names = re.findall(r"^(?:Collected a request|10,000 live envelopes)", wide, re.MULTILINE)
    assert all(name in narrow for name in names)


@given(
    rows=st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4),
    width=st.integers(24, 90),
    numbers=st.booleans(),
)
def test_a_table_of_any_words_keeps_them_whole_at_any_width(
    rows: list[tuple[str, str, str]], width: int, *, numbers: bool
) -> None:
    table = columns("FIRST", "second", "third", numbers=numbers)
    for cells in rows:
        table.add_row(*cells)
    text = drawn(lambda _: [table], width=width, color=False)
    assert all(len(line) <= width for line in text.splitlines())
    expected = {word for cells in rows for cell in cells for word in cell.split()}
    assert expected <= set(text.split()) <= expected | {"FIRST", "second", "third"}


@given(WORDS, WORDS, st.integers(24, 60))
def test_what_hangs_on_a_label_keeps_its_words(label: str, text: str, width: int) -> None:
    shown = drawn(lambda _: [hanging([(Text(label), Text(text))])], width=width, color=False)
    assert shown.split() == [*label.split(), *text.split()]
