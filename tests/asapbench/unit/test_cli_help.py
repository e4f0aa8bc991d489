"""What the command line says of itself."""

import subprocess
import sys
from collections.abc import Callable

import pytest

from asapbench import __version__
from asapbench.cli.help import Box, page
from asapbench.cli.program import application
from asapbench.commands import benches, commands, find, names, outline
from asapbench.errors import EXITS, Exit
from asapbench.model import Bench, extra_of

Helps = Callable[..., str]


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Helps:
    """The help of a command on a terminal of so many columns."""

    def shown(*argv: str, width: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        assert application()([*argv, "--help"], standalone_mode=False) == 0
        return capsys.readouterr().out

    return shown


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert application()(["--version"], standalone_mode=False) == 0
    assert capsys.readouterr().out == f"asapbench {__version__}\n"


def test_without_a_command_the_help_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert application()([], standalone_mode=False) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Usage: ")


def test_the_list_of_commands_has_each_of_them_with_its_first_sentence(helped: Helps) -> None:
    text = " ".join(helped(width=200).replace("│", " ").split())
    for name in names():
        assert f" {name} {outline(name).summary} " in text


@pytest.mark.parametrize("name", names())
def test_what_is_read_from_the_source_of_a_command_is_what_it_is(name: str) -> None:
    found, read = find(name), outline(name)
    assert read.name == found.name == name
    assert read.summary == found.doc.splitlines()[0]
    assert read.measures == isinstance(found, Bench)


@pytest.mark.parametrize("name", names())
def test_the_help_of_a_command_has_examples_and_all_its_exit_codes(
    name: str, helped: Helps
) -> None:
    text = helped(name)
    assert find(name).examples
    for line, _ in find(name).examples:
        assert line in text
    codes = text.partition("─ Exit codes ─")[2].splitlines()[1:-1]
    assert [int(line.split()[1]) for line in codes] == sorted(find(name).exits)


@pytest.mark.parametrize("name", benches())
def test_a_bench_has_its_options_in_groups_and_all_exit_codes(name: str, helped: Helps) -> None:
    text = helped(name)
    for group in ("Measuring", "Server", "Judging", "Output", "Options"):
        assert f"─ {group} ─" in text
    assert find(name).exits == EXITS


@pytest.mark.parametrize("name", benches())
def test_every_option_of_a_bench_names_its_group(name: str) -> None:
    bench = benches()[name]
    fields = [*bench.plan.model_fields.items()]
    fields += bench.outputs.model_fields.items() if bench.outputs else []
    assert [key for key, field in fields if not extra_of(field).get("panel")] == []


def test_a_command_that_judges_nothing_does_not_speak_of_targets() -> None:
    for command in commands().values():
        assert not set(command.exits.values()) & {EXITS[Exit(code)] for code in (0, 1, 3)}


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("argv", [(), *((name,) for name in names())], ids=str)
def test_no_line_of_a_help_is_longer_than_the_terminal(
    argv: tuple[str, ...], width: int, helped: Helps
) -> None:
    lines = helped(*argv, width=width).splitlines()
    assert max(map(len, lines)) <= width
    boxes = {len(line) for line in lines if line[:1] in "╭│╰" and line}
    assert boxes == {min(width, 110)}


@pytest.mark.parametrize("width", range(24, 121, 7))
def test_no_word_is_broken_and_none_is_lost(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    rows = (("-u, --users N", "how many there are, at once"), ("--a-longer-one", "of two words"))
    drawn = page("Usage: x", "Some text.", [Box("Load", rows), Box("Again", rows, stacked=True)])
    words = [word for line in drawn.splitlines()[4:] for word in line.strip("╭│╰─╮╯ ").split()]
    expected = [word for name, text in rows for word in f"{name} {text}".split()]
    assert words == ["Load", *expected, "Again", *expected]


@pytest.mark.parametrize(
    ("asked", "term", "colored"),
    [(None, "xterm", True), ("", "xterm", True), ("1", "xterm", False), (None, "dumb", False)],
)
def test_help_is_coloured_on_a_terminal_unless_none_is_wanted(
    asked: str | None, term: str, *, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if asked is not None:
        monkeypatch.setenv("NO_COLOR", asked)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    text = page("Usage: x", "Some text.", [Box("Load", [("--users", "how many")])])
    assert ("\x1b[" in text) is colored


def test_the_list_of_commands_needs_none_of_them_nor_what_reads_options() -> None:
    code = (
        "import sys\n"
        "from asapbench.cli.program import application\n"
        "application()(['--help'], standalone_mode=False)\n"
        "print(*(name for name in ('pydantic', 'rich', 'psutil') if name in sys.modules))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.splitlines()[-1] == ""


def test_a_command_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(Exception, match=r"No such command 'lod'\. Did you mean 'load'"):
        application()(["lod"], standalone_mode=False)
