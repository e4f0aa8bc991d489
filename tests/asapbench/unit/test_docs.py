"""The pages say what the program does: commands, options, numbers and links."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from asapbench import baselines
from asapbench.cli import running
from asapbench.cli.program import application
from asapbench.commands import benches, commands, find, names
from asapbench.model import Bench, Command, Plan, Value
from asapbench.outputs import Outputs
from docs.reference import FOLDER, fields_of, pages

ROOT = FOLDER.parent
PAGES = [ROOT / "README.md", *sorted(FOLDER.glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in {*pages(), "evidence.md"}]


def command_lines() -> Iterator[tuple[str, str]]:
    """Every line of a block that calls a command, and the examples of every help."""
    for page in WRITTEN:
        called = re.findall(r"^(?: {4}|\$ )(asapbench [a-z].*)$", page.read_text(), re.MULTILINE)
        yield from ((page.name, line) for line in called)
    for name in names():
        for line, _ in find(name).examples:
            yield f"{name} --help", line


@pytest.mark.parametrize("name", pages())
def test_the_reference_is_that_of_this_program(name: str) -> None:
    assert (FOLDER / name).read_text() == pages()[name], "make reference"


@pytest.mark.parametrize(("page", "line"), list(command_lines()))
def test_every_command_line_of_the_pages_is_accepted(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run up to where the world begins: all options and their values are checked."""
    ran: list[object] = []

    def take(bench: Bench, plan: Plan, *outputs: Value) -> int:
        ran.append((bench, plan, outputs))
        return 0

    def answer(command: Command, options: Value) -> int:
        ran.append((command, options))
        return 0

    monkeypatch.setattr(running, "measured", take)
    monkeypatch.setattr(running, "answered", answer)
    monkeypatch.setattr(baselines, "read", lambda _: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "secret")
    (tmp_path / "input.json").write_text('{"text": "{n}"}')
    argv = shlex.split(line, comments=True)[1:]
    assert application()(argv, standalone_mode=False) == 0
    assert len(ran) == 1


def test_every_command_has_a_line_in_the_pages() -> None:
    called = {line.split()[1] for page, line in command_lines() if page.endswith(".md")}
    assert {*benches(), *commands()} - called == set()


def test_every_option_that_the_pages_name_exists() -> None:
    models: list[type[Value]] = [Plan, Outputs, *(b.plan for b in benches().values())]
    models += [command.options for command in commands().values()]
    models += [bench.outputs for bench in benches().values() if bench.outputs]
    known = {name for model in models for name in fields_of(model)} | {
        "--help",
        "--version",
        "--install-completion",
    }
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
