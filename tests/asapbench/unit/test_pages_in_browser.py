"""Pages in a real browser: no error, no request, every chart drawn, in every window."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asapbench.commands import benches
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


def traces(report: Report) -> list[int]:
    """For each chart of a report, how many traces it has."""
    return [len(chart.data) for chart in charts_of(report)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as page:
        yield page


@pytest.fixture
def opened(page: Page, tmp_path: Path) -> Callable[..., Page]:
    """Open the page of a report in a window."""

    def open_(report: Report, **window: Any) -> Page:
        file = tmp_path / "page.html"
        file.write_text(render_html(report), encoding="utf-8")
        size = {"width": 1200, "height": 900} | window
        return page.resize(**size).open(file)

    return open_


def asked_for(page: Page) -> list[str]:
    """What the page requested beside itself and what is in it."""
    return [url for url in page.requests() if not url.startswith(("file:", "data:", "blob:"))]


@pytest.mark.parametrize("command", benches())
def test_the_page_of_every_command_is_drawn_without_an_error_or_a_request(
    opened: Callable[..., Page],
    command: str,
    make_run: Callable[..., Run],
    row: Callable[..., dict[str, float]],
    made: Made,
) -> None:
    run = contract._RUNS[command](make_run, row, made)
    report = contract.report_of(benches()[command], run)
    shown = opened(report)
    assert shown.complaints() == []
    assert asked_for(shown) == []
    assert shown.value(DRAWN) == traces(report)
    assert shown.value("document.querySelectorAll('.verdict').length") == len(report.verdicts)


def test_words_of_a_server_do_nothing_in_a_browser(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(said_by_a_server(make_report, HOSTILE))
    assert shown.complaints() == []
    assert asked_for(shown) == []
    assert shown.value("document.querySelectorAll('img, a').length") == 0
    legend = shown.value("document.querySelector('#chart-percentiles .legend').textContent")
    assert HOSTILE in legend


@pytest.mark.parametrize("window", [{}, {"dark": True}, {"width": 390, "phone": True}])
def test_every_chart_has_its_lines_in_every_window(
    opened: Callable[..., Page], make_report: MakeReport, window: dict[str, Any]
) -> None:
    report = make_report(**SCENES["fail"] | {"details": in_time()})
    shown = opened(report, **window)
    assert shown.complaints() == []
    assert shown.value(DRAWN) == traces(report)
    assert len(traces(report)) == 9
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


def test_zooming_one_chart_over_time_zooms_the_others(
    opened: Callable[..., Page], make_report: MakeReport
) -> None:
    shown = opened(make_report(details=in_time()))
    zoom = "Plotly.relayout('chart-latency', {'xaxis.range[0]': 5, 'xaxis.range[1]': 9})"
    moved = "new Promise((done) => setTimeout(() => done(document.getElementById('chart-cpu')"
    shown.value(f"{zoom}.then(() => 0)")
    assert shown.value(f"{moved}.layout.xaxis.range), 300))") == [5, 9]


def test_a_page_can_be_printed(
    opened: Callable[..., Page], make_report: MakeReport, tmp_path: Path
) -> None:
    shown = opened(make_report(details=in_time()), dark=True)
    shown.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert shown.complaints() == []
