"""The report for a pull request: golden files, and what must never happen."""

from collections.abc import Callable

import pytest

from asapbench.model import Note, Report
from asapbench.report.markdown import render_markdown
from tests.asapbench.unit.scenes import SCENES

Golden = Callable[[str, str], None]
MakeReport = Callable[..., Report]


@pytest.mark.parametrize("scene", SCENES)
def test_a_report_reads_as_it_is_kept_in_the_golden_file(
    make_report: MakeReport, golden: Golden, scene: str
) -> None:
    golden(f"markdown_{scene}.md", render_markdown(make_report(**SCENES[scene])))


def folded(text: str) -> str:
    """What a reader sees only after a click."""
    parts = text.split("<details>")[1:]
    return "".join(part.split("</details>")[0] for part in parts)


def test_what_is_met_is_folded_and_what_is_not_is_open(make_report: MakeReport) -> None:
    text = render_markdown(make_report(**SCENES["fail"]))
    assert "`throughput` | >= 800 req/s" in folded(text)
    assert "`latency.p95` | <= 5 ms" not in folded(text)
    assert "`latency.p95` | <= 5 ms" in text


def test_words_of_a_server_are_no_markup(make_report: MakeReport) -> None:
    note = Note(code="x", text="<script>|a|\n# b</script>", hint="</details>")
    text = render_markdown(make_report(notes=(note,)))
    assert "<script" not in text
    assert "\n# b" not in text
    assert text.count("</details>") == text.count("<details>")


@pytest.mark.parametrize("scene", SCENES)
def test_every_row_of_a_table_has_the_cells_of_its_head(
    make_report: MakeReport, scene: str
) -> None:
    for block in render_markdown(make_report(**SCENES[scene])).split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
