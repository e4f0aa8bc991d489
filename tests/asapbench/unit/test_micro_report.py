"""How a micro run and a comparison read: golden files, and what a picture must hold."""

from collections.abc import Callable
from xml.etree import ElementTree as Xml

import pytest

from asapbench.catalogue import REFERENCES, Entry
from asapbench.commands.micro import BENCH, MicroPlan
from asapbench.comparison import Results, compare, sized
from asapbench.conclusion import conclude
from asapbench.model import Report, Run, Story, Target
from asapbench.report.comparison import render_comparison
from asapbench.report.document import render_json
from asapbench.report.histogram import render_histogram
from asapbench.report.junit import render_junit
from asapbench.report.markdown import render_markdown
from asapbench.report.page import page
from asapbench.report.text import render_text

Golden = Callable[[str, str], None]

ENTRIES = (
    Entry(group="parsing", name="small"),
    Entry(group="parsing", name="large", against="small"),
    Entry(group="fetching", name="one", rate=True, agent=True),
    *(Entry(group="growth", name=f"n_{n}", size=n, exponent=True) for n in (10, 100, 1000, 10_000)),
    *REFERENCES,
)
SECONDS = {
    0: 1e-6,
    1: 3e-5,
    2: 2e-4,
    3: 1e-6,
    4: 1e-5,
    5: 1e-4,
    6: 1e-3,
    7: 1e-5,
    8: 2e-5,
    9: 3e-5,
    10: 1e-4,
}
TARGETS = (
    Target(metric='parsing{benchmark="small"}', limit="< 50 µs", why="reading is cheap"),
    Target(metric='parsing{benchmark="large"}', limit="< 20 µs", why="reading is cheap"),
    Target(metric='fetching{benchmark="one"}', limit="> 5000 req/s", why="enough for all"),
    Target(metric="growth", limit="<= 1.15", why="linear at most"),
)


@pytest.fixture
def report(make_rounds: Callable[..., Run], make_story: Callable[..., Story]) -> Report:
    story = make_story(
        command="micro",
        plan=MicroPlan().stored(),
        targets=TARGETS,
        facts={"entries": [entry.model_dump(mode="json") for entry in ENTRIES]},
        failures=({"benchmark": "fetching/one", "error": "ValueError: odd", "round": 7},),
    )
    return conclude(BENCH, make_rounds(story, SECONDS))


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_table_takes_the_columns_that_fit(report: Report, width: int, golden: Golden) -> None:
    text = render_text(report, width=width, color=False)
    # what cannot be folded is the name of a metric
    assert max(map(len, text.splitlines())) <= width
    golden(f"micro_{width}.txt", text)


def test_a_verdict_on_what_broke_says_so_beside_what_was_measured(report: Report) -> None:
    (verdict,) = [v for v in report.verdicts if v.metric.startswith("fetching")]
    assert verdict.value is not None
    assert "it broke: ValueError: odd" in verdict.reason
    assert report.exit_code == 4


@pytest.mark.parametrize("broke", [True, False])
def test_no_format_says_only_that_all_is_met_where_a_part_broke(
    make_rounds: Callable[..., Run], report: Report, *, broke: bool
) -> None:
    failures = report.story.failures if broke else ()
    changes = {"targets": (TARGETS[0],), "failures": failures}
    met = conclude(BENCH, make_rounds(report.story.model_copy(update=changes), SECONDS))
    assert (met.outcome, met.exit_code) == ("pass", 4 if broke else 0)
    texts = render_text(met, width=100, color=False), render_markdown(met), page(met, "")
    assert all("all targets met" in text.lower() for text in texts)
    assert all(("but a part of it broke" in text.lower()) == broke for text in texts)


def test_where_nothing_was_timed_what_broke_is_named_in_each_format(
    make_story: Callable[..., Story],
) -> None:
    """A suite whose every benchmark breaks while it is calibrated, without a target for it."""
    story = make_story(
        command="micro",
        plan=MicroPlan(suite="own").stored(),
        facts={"entries": [ENTRIES[0].model_dump(mode="json")]},
        failures=({"benchmark": "parsing/small", "error": "ValueError: odd", "round": 0},),
    )
    report = conclude(BENCH, Run(story, ()))
    assert report.exit_code == 4
    for text in (
        render_text(report, width=100, color=False),
        render_junit(report),
        render_json(report),
        render_markdown(report),
    ):
        assert "parsing/small" in text
    assert "ValueError: odd" in render_text(report, width=100, color=False)
    assert "ValueError: odd" in render_junit(report)


@pytest.fixture
def story(make_story: Callable[..., Story]) -> Story:
    """Of one benchmark, whose group has a target."""
    return make_story(
        command="micro",
        plan=MicroPlan().stored(),
        targets=TARGETS[:1],
        facts={"entries": [ENTRIES[0].model_dump(mode="json")]},
    )


def test_noise_is_a_remark_that_a_reader_of_a_met_target_sees(
    make_rounds: Callable[..., Run], story: Story
) -> None:
    report = conclude(BENCH, make_rounds(story, {0: 1e-6}, spread=0.5))
    (verdict,) = report.verdicts
    assert verdict.outcome == "pass"
    assert "noisy: its halves differ" in verdict.remark
    assert verdict.remark in render_text(report, width=120, color=False)


def test_slow_operations_are_a_remark_that_a_reader_of_a_met_target_sees(
    make_rounds: Callable[..., Run], story: Story
) -> None:
    run = make_rounds(story, {0: 1e-6}, spread=0.0)
    (operations,) = run.tables("operations")
    operations.columns["seconds"][::3] *= 100  # one batch in each process
    (verdict,) = conclude(BENCH, run).verdicts
    assert verdict.outcome == "pass"
    assert verdict.remark == "uneven: few slow operations make its mean 31.1 µs"


@pytest.mark.parametrize(("seconds", "shown"), [(1e-3, " 1,000 "), (4.0, " 0.25 ")])
def test_operations_a_second_are_operations_not_items(
    make_rounds: Callable[..., Run], make_story: Callable[..., Story], seconds: float, shown: str
) -> None:
    entry = Entry(group="batches", name="of_100", items=100)
    story = make_story(
        command="micro",
        plan=MicroPlan().stored(),
        facts={"entries": [entry.model_dump(mode="json")]},
    )
    report = conclude(BENCH, make_rounds(story, {0: seconds}, spread=0.0))
    line = next(
        line
        for line in render_text(report, width=160, color=False).splitlines()
        if line.startswith("  of_100")
    )
    assert shown in line


def test_the_picture_has_a_strip_for_each_benchmark_and_a_line_for_each_target(
    report: Report,
) -> None:
    svg = Xml.fromstring(render_histogram(report))
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    for entry in ENTRIES:
        assert entry.key in texts
    dashed = [
        line
        for line in svg.iter("{http://www.w3.org/2000/svg}line")
        if "stroke-dasharray" in line.attrib
    ]
    assert len(dashed) == 3  # that of the group is of no single benchmark


def test_a_picture_of_nothing_can_be_drawn(report: Report) -> None:
    Xml.fromstring(render_histogram(report.model_copy(update={"details": {}, "verdicts": ()})))


def test_a_comparison_reads_like_a_table(golden: Golden) -> None:
    def results(name: str, factor: float, python: str) -> Results:
        noise = [1 + k / 1000 for k in range(10)]
        sizes = {
            "g/same": sized(noise),
            "g/changed": sized([factor * one for one in noise]),
            "g/once": sized([1.0]),
            f"g/{name}": sized(noise),
        }
        return Results(name, sizes, {"Python": python})

    comparison = compare(results("before", 1.0, "3.11"), results("now", 1.2, "3.13"))
    golden("comparison.txt", render_comparison(comparison, width=100, color=False))
