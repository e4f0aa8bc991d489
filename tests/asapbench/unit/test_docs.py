"""The pages say what the program does: commands, options, outputs, numbers and links."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asapbench import baselines
from asapbench.cli import running
from asapbench.cli.program import application
from asapbench.commands import benches, commands, find, names
from asapbench.comparison import Results
from asapbench.model import Plan, Value
from asapbench.outputs import Outputs
from docs.blocks import FOLDER, PAGES, ROOT, Step, blocks
from docs.reference import fields_of, pages
from docs.shown import PICTURES, STORED, filled, picture, stored

WRITTEN = [page for page in PAGES if page.name not in {*pages(), "evidence.md"}]


def command_lines() -> Iterator[tuple[str, str]]:
    """Every line of a block that calls a command, and the examples of every help."""
    for page in WRITTEN:
        for block in blocks(page):
            for step in block.steps:
                if re.match("asapbench [a-z]", step.line):
                    yield page.name, step.line
    for name in names():
        for line, _ in find(name).examples:
            yield f"{name} --help", line


def shown_blocks() -> Iterator[tuple[str, Step]]:
    """The mark and the command of each block that shows what came of a stored run."""
    for page in PAGES:
        for block in blocks(page):
            if block.mark:
                (step,) = block.steps
                yield block.mark, step


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_that_of_this_program(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name], "make reference"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_of_a_run_is_what_the_stored_run_gives(page: Path) -> None:
    text = page.read_text()
    assert filled(text) == text, "make reference"


@pytest.mark.parametrize("image", PICTURES)
def test_a_picture_of_a_terminal_is_that_of_a_stored_run(image: str) -> None:
    assert (FOLDER / "images" / image).read_text() == picture(PICTURES[image]), "make reference"


@pytest.mark.parametrize("file", sorted(STORED.glob("*.json")), ids=lambda file: file.stem)
def test_a_stored_run_says_not_on_whose_machine_it_was(file: Path) -> None:
    story = stored(file.stem).report.story
    assert story.environment.hostname == "here"
    assert not re.search(r"/(root|home|tmp|Users)/", file.read_text())


Accepted = Callable[[str], list[Any]]


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Accepted:
    """Run a line up to where the world begins: all options and their values are checked."""
    ran: list[list[Any]] = []

    def take(*given: Any) -> int:
        ran.append(list(given))
        return 0

    def run(line: str) -> list[Any]:
        argv = shlex.split(line.partition(" ||")[0], comments=True)[1:]
        assert application()(argv, standalone_mode=False) == 0
        return ran.pop()

    monkeypatch.setattr(running, "measured", take)
    monkeypatch.setattr(running, "answered", take)
    monkeypatch.setattr(baselines, "read", lambda name: Results(name, {}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "secret")
    (tmp_path / "input.json").write_text('{"text": "{n}"}')
    return run


@pytest.mark.parametrize(("page", "line"), list(command_lines()))
def test_every_command_line_of_the_pages_is_accepted(
    page: str, line: str, accepted: Accepted
) -> None:
    assert accepted(line)


@pytest.mark.parametrize("line", [line for line, _ in find("load").examples])
def test_what_an_example_of_load_offers_can_meet_the_table(line: str, accepted: Accepted) -> None:
    bench, plan, *_ = accepted(line)
    bench.prepare(plan)


@pytest.mark.parametrize(("mark", "step"), list(shown_blocks()), ids=str)
def test_what_is_shown_came_of_the_line_above_it(mark: str, step: Step, accepted: Accepted) -> None:
    old, arrow, new = mark.partition(" → ")
    assert step.line == (f"asapbench compare {old} {new}" if arrow else stored(mark).line)
    for name in filter(None, (old, new)):
        _, plan, *_ = accepted(stored(name).line)
        assert plan.stored() == stored(name).report.story.plan


def test_every_command_has_a_line_in_the_pages() -> None:
    called = {line.split()[1] for page, line in command_lines() if page.endswith(".md")}
    assert {*benches(), *commands()} - called == set()


def test_every_option_that_the_pages_name_exists() -> None:
    models: list[type[Value]] = [Plan, Outputs, *(b.plan for b in benches().values())]
    models += [command.options for command in commands().values()]
    models += [bench.outputs for bench in benches().values() if bench.outputs]
    known = {name for model in models for name in fields_of(model)}
    known |= {"--help", "--version", "--install-completion"}
    known |= {f"--no-{name[2:]}" for name in known}
    foreign = {"--port", "--cpus", "--cpuset-cpus", "--cpunodebind", "--membind", "--workers"}
    for page in WRITTEN:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text()))
        assert named - known - foreign == set(), page.name


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert listed == {str(page.relative_to(FOLDER)) for page in FOLDER.rglob("*.md")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
