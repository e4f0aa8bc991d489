"""The report for a pull request: golden files, and what must never happen."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asapbench.model import Note, Report
from asapbench.report.markdown import _code, _plain, render_markdown
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


def shown(text: str) -> tuple[set[str], str]:
    """The elements that a reader's page has of a text, and the words in it."""
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    tags = set(re.findall(r"<(\w+)", html))
    return tags, unescape(re.sub(r"<[^>]*>", "", html)).replace("\u200b", "").strip()


LAST_WORDS = [
    "f(*args, **kwargs) @octocat ![x](http://192.0.2.1/a.png) [y](z) `code` __init__ ~~no~~",
    "# no heading, see #12 and GH-12",
    "- no list",
    "12) no list, $x$ no formula",
    "a | b & c > d < e &lt;",
    "=== \\* \\",
]


@pytest.mark.parametrize("words", LAST_WORDS)
def test_last_words_of_a_server_are_shown_as_they_were_said(words: str) -> None:
    for form, tags in (("{}", {"p"}), ("- {}", {"ul", "li"}), ("> {}", {"blockquote", "p"})):
        assert shown(form.format(_plain(words))) == (tags, words)
    called = re.findall(r"@\w|(?<!&)#\d|GH-\d", _plain(words))
    assert called == []


@given(st.text(st.sampled_from("\\`*_[](){}!~#@$|<>&;=+-.:1a b\"'"), max_size=20))
def test_no_words_are_markup(words: str) -> None:
    assert shown(f"- x {_plain(words)}") == ({"ul", "li"}, f"x {' '.join(words.split())}".strip())


def test_a_name_with_backticks_stays_one_piece_of_code() -> None:
    assert shown(_code("t.py::test[`x`]")) == ({"p", "code"}, "t.py::test[`x`]")


@pytest.mark.parametrize("scene", SCENES)
def test_every_row_of_a_table_has_the_cells_of_its_head(
    make_report: MakeReport, scene: str
) -> None:
    for block in render_markdown(make_report(**SCENES[scene])).split("\n\n"):
        rows = [line.replace("\\|", "") for line in block.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) <= 1
