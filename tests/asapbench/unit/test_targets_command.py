"""The targets in force, printed."""

import tomllib
from pathlib import Path

import pytest

from asapbench.commands import benches
from asapbench.commands.targets import TargetsOptions, run
from asapbench.errors import UsageError
from asapbench.targets import read_table

OWN = """
[[load]]
metric = "latency.p99"
limit = "<= 9 ms"
why = "ours"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shown(**options: object) -> str:
    text, code = run(TargetsOptions.model_validate(options))
    assert code == 0
    return text


def test_every_row_of_every_command_is_shown_with_its_reason_and_its_table() -> None:
    text = shown()
    for name in benches():
        for target in read_table(name, None):
            assert target.why in text
            assert any(
                line.split()[:2] == [name, target.metric] and target.limit in line
                for line in text.splitlines()
            )
    assert "targets.toml" in text


def test_a_table_of_ones_own_takes_the_place_of_the_rows_for_its_commands() -> None:
    Path("own.toml").write_text(OWN)
    lines = shown(targets="own.toml").splitlines()
    assert [line.split()[1] for line in lines if line.startswith("load ")] == ["latency.p99"]
    assert any(line.startswith("stress ") for line in lines)


def test_the_table_that_is_configured_is_the_one_in_force() -> None:
    Path("own.toml").write_text(OWN)
    Path("asapbench.toml").write_text('[load]\ntargets = "own.toml"\n')
    (line,) = (line for line in shown().splitlines() if line.startswith("load "))
    assert line.split() == ["load", "latency.p99", "<=", "9", "ms", "own.toml"]


def test_shipped_marks_that_a_table_of_ones_own_leaves_in_force_are_shown_as_shipped() -> None:
    row = '[[stress]]\nmetric = "error_rate"\nlimit = ">= 1 %"\nmarks = "broken"\n'
    Path("own.toml").write_text(row)
    lines = [line for line in shown(targets="own.toml").splitlines() if line.startswith("stress ")]
    assert ["own.toml" in line for line in lines] == [True, False, False, False, False]
    assert [line.split()[1] for line in lines[1:3]] == ["delivered", "queue_growth"]
    assert all("targets.toml" in line for line in lines[1:])


def test_a_table_to_begin_with_is_that_which_ships() -> None:
    assert "--targets mine.toml" in shown(write="mine.toml")
    assert read_table("load", Path("mine.toml")) == read_table("load", None)
    assert set(tomllib.loads(Path("mine.toml").read_text())) == set(benches())


def test_a_file_that_exists_is_not_written_over() -> None:
    Path("mine.toml").write_text("mine")
    with pytest.raises(UsageError, match=r"'mine\.toml' exists already"):
        shown(write="mine.toml")
    assert Path("mine.toml").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_named() -> None:
    with pytest.raises(UsageError, match=r"'no/mine\.toml' cannot be written"):
        shown(write="no/mine.toml")


def test_any_option_of_a_command_may_stand_beside_its_table() -> None:
    Path("own.toml").write_text(OWN)
    Path("asapbench.toml").write_text(
        '[load]\ntargets = "own.toml"\njunit = "v.xml"\nbaseline = "not-saved-yet"\n'
        '[micro]\npyperf-json = "p.json"\n'
    )
    assert "own.toml" in shown()


def test_an_option_that_there_is_none_of_is_refused() -> None:
    Path("asapbench.toml").write_text("[load]\njunits = 1\n")
    with pytest.raises(UsageError, match=r"there is no option 'junits', only .*junit"):
        shown()
