"""Pages in a real browser: no error, no request, every chart drawn, in every window."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asapbench.commands import benches
from asapbench.comparison import Comparison, Results, compare, sized
from asapbench.model import Report, Run
from asapbench.report.page import charts_of, render_html
from tests.asapbench.browser import CHROMIUM, LEFT_OUT, Page, browser
from tests.asapbench.unit import test_bench_contract as contract
from tests.asapbench.unit.scenes import SCENES, Made, in_time
from tests.asapbench.unit.test_report_page import HOSTILE, said_by_a_server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=LEFT_OUT)

MakeReport = Callable[..., Report]

# for each chart, how many of its traces have left a path
DRAWN = """[...document.querySelectorAll('.chart')].map((chart) =>
  [...chart.querySelectorAll('.overplot .trace')].filter((trace) =>
    [...trace.querySelectorAll('path')].some((path) => path.getAttribute('d').length > 9)).length)
"""


# words at an axis that lie upon others, legends that cover what is drawn
OVERLAPS = """[...document.querySelectorAll('.chart')].flatMap((chart) => {
  const boxes = (some) =>
    [...chart.querySelectorAll(some)].map((one) => one.getBoundingClientRect());
  const touch = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const among = (some) =>
    boxes(some).some((a, k, all) => all.slice(k + 1).some((b) => touch(a, b)));
  const covers = boxes('.legend').some((a) => boxes('.nsewdrag').some((b) => touch(a, b)));
  return ['.xtick text', '.ytick text', '.annotation'].filter(among).map((some) => chart.id + some)
    .concat(covers ? [chart.id + ' legend'] : []);
})"""
STATE = """[document.documentElement.dataset.theme, document.querySelector('.met').open,
  document.documentElement.classList.contains('printing')]"""
WINDOWS: list[dict[str, Any]] = [{}, {"width": 390, "phone": True, "dark": True}]


def traces(report: Report, comparison: Comparison | None = None) -> list[int]:
    """For each chart of a report, how many traces it has."""
    return [len(chart.data) for chart in charts_of(report, comparison)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Callable[..., Page]:
    """Open the page of a report in a window."""

    def open_(report: Report, comparison: Comparison | None = None, **window: Any) -> Page:
        file = tmp_path / "page.html"
        file.write_text(render_html(report, comparison), encoding="utf-8")
        size = {"width": 1200, "height": 900} | window
        return page.resize(**size).open(file)

    return open_


def asked_for(page: Page) -> list[str]:
    """What the page requested beside itself and what is in it."""
    return [url for url in page.requests() if not url.startswith(("file:", "data:", "blob:"))]


@pytest.fixture
def report_of(
    make_run: Callable[..., Run], row: Callable[..., dict[str, float]], made: Made
) -> Callable[[str], Report]:
    """A report of a command."""
    return lambda command: contract.report_of(
        benches()[command], contract._RUNS[command](make_run, row, made)
    )


@pytest.mark.parametrize("window", WINDOWS, ids=["desktop", "phone"])
@pytest.mark.parametrize("command", benches())
def test_the_page_of_every_command_is_drawn_without_an_error_or_a_request(
    opened: Callable[..., Page],
    command: str,
    report_of: Callable[[str], Report],
    window: dict[str, Any],
) -> None:
    report = report_of(command)
    shown = opened(report, **window)
    assert shown.complaints() == []
    assert asked_for(shown) == []
    assert shown.value(DRAWN) == traces(report)
    assert shown.value(OVERLAPS) == []
    assert shown.value("document.querySelectorAll('.verdict').length") == len(report.verdicts)
    assert shown.value("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("window", WINDOWS, ids=["desktop", "phone"])
def test_a_comparison_is_drawn_in_every_window(
    opened: Callable[..., Page], make_report: MakeReport, window: dict[str, Any]
) -> None:
    def results(name: str, factor: float) -> Results:
        sizes = {
            f"group/a_benchmark_with_a_long_name_{n}": sized(
                [factor * (n + k / 99) for k in range(9)]
            )
            for n in range(1, 30)
        }
        return Results(name, sizes)

    comparison = compare(results("before", 1.0), results("now", 1.2))
    report = make_report(details=in_time())
    shown = opened(report, comparison, **window)
    assert shown.complaints() == []
    assert shown.value(DRAWN) == traces(report, comparison)
    assert shown.value(OVERLAPS) == []


def test_words_of_a_server_do_nothing_in_a_browser(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(said_by_a_server(make_report, HOSTILE))
    assert shown.complaints() == []
    assert asked_for(shown) == []
    assert shown.value("document.querySelectorAll('img, a').length") == 0
    legend = shown.value("document.querySelector('#chart-percentiles .legend').textContent")
    assert HOSTILE in legend


@pytest.mark.parametrize("window", WINDOWS, ids=["desktop", "phone"])
def test_every_chart_has_its_lines_in_every_window(
    opened: Callable[..., Page], make_report: MakeReport, window: dict[str, Any]
) -> None:
    report = make_report(**SCENES["fail"] | {"details": in_time()})
    shown = opened(report, **window)
    assert shown.complaints() == []
    assert shown.value(DRAWN) == traces(report)
    assert len(traces(report)) == 9
    assert shown.value(OVERLAPS) == []
    assert shown.value("document.documentElement.scrollWidth <= innerWidth")


def test_the_switch_changes_the_colours_of_page_and_charts(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(make_report(details=in_time()))
    colours = (
        "[getComputedStyle(document.body).backgroundColor,"
        " document.querySelector('#chart-throughput .js-line').style.stroke]"
    )
    light = shown.value(colours)
    shown.value("document.getElementById('theme').click()")
    dark = shown.value(colours)
    assert all(before != after for before, after in zip(light, dark, strict=True))
    shown.value("document.getElementById('theme').click()")
    assert shown.value(colours) == light
    shown.value("localStorage.clear()")


def test_zooming_one_chart_over_time_zooms_the_others(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(make_report(details=in_time()))
    zoom = "Plotly.relayout('chart-latency', {'xaxis.range[0]': 5, 'xaxis.range[1]': 9})"
    moved = "new Promise((done) => setTimeout(() => done(document.getElementById('chart-cpu')"
    shown.value(f"{zoom}.then(() => 0)")
    assert shown.value(f"{moved}.layout.xaxis.range), 300))") == [5, 9]


def test_a_logarithmic_axis_has_ticks_wherever_one_zooms_to(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(make_report(details=in_time()))
    ticks = "[...document.querySelectorAll('#chart-latency .ytick text')].map((t) => t.textContent)"
    assert {"10 ms", "100 ms"} <= set(shown.value(ticks))
    zoom = "Plotly.relayout('chart-latency', {'yaxis.range[0]': -2.7, 'yaxis.range[1]': -2.5})"
    shown.value(f"{zoom}.then(() => new Promise((done) => setTimeout(done, 300)))")
    found = shown.value(ticks)
    assert len(found) > 2
    assert all(re.fullmatch(r"[23](\.\d+)?ms", tick) for tick in found)


def test_a_page_is_printed_unfolded_and_is_as_before_afterwards(
    opened: Callable[..., Page], report_of: Callable[[str], Report], tmp_path: Path
) -> None:
    shown = opened(report_of("micro"), dark=True)
    unfolded = "window.unfolded = document.querySelector('.met').open"
    shown.value(f"addEventListener('beforeprint', () => {{ {unfolded} }})")
    before = shown.value(STATE)
    shown.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert shown.value("window.unfolded")
    assert shown.value(STATE) == before == ["dark", False, False]
    assert shown.complaints() == []
