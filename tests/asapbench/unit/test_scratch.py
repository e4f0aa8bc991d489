"""Folders that are gone afterwards; and what is said where there can be none."""

import tempfile
from pathlib import Path

import pytest

from asapbench import cli
from asapbench.cli import running
from asapbench.cli.program import application
from asapbench.errors import UsageError
from asapbench.scratch import scratch_folder


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary folder can be written, as in a container that is read-only."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))


def broken() -> object:
    """In place of the command line: a mistake of ours."""
    error = KeyError("x")
    error.add_note("what was measured is kept in .asapbench/runs")
    raise error


def crash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of it; exit code 4."""
    monkeypatch.setattr(cli, "application", broken)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 4
    return capsys.readouterr().err


def test_a_scratch_folder_is_gone_afterwards() -> None:
    with scratch_folder() as folder:
        (folder / "file").touch()
    assert not folder.exists()


@pytest.mark.usefixtures("nowhere")
def test_where_there_can_be_none_the_way_out_is_named() -> None:
    with pytest.raises(UsageError, match="no temporary folder can be written: set TMPDIR"):
        application()(["load", "--no-save"], standalone_mode=False)
    with pytest.raises(UsageError, match="no temporary folder can be written: set TMPDIR"):
        application()(["serve"], standalone_mode=False)


def test_a_mistake_of_ours_is_one_line_that_names_a_file_with_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = crash(monkeypatch, capsys)
    (file,) = tmp_path.iterdir()
    assert said == (
        "asapbench: a mistake of asapbench itself (KeyError); please report it with "
        f"{file}; what was measured is kept in .asapbench/runs\n"
    )
    assert file.read_text().startswith("Traceback")
    assert "KeyError: 'x'" in file.read_text()


@pytest.mark.usefixtures("nowhere")
def test_a_mistake_of_ours_is_one_line_also_where_no_file_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = crash(monkeypatch, capsys)
    assert said.startswith("asapbench: a mistake of asapbench itself (KeyError); please report it")
    assert f"its place, {Path(__file__).name} line " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("keep", [True, False])
def test_that_what_was_measured_is_kept_is_said_only_where_it_is(*, keep: bool) -> None:
    with pytest.raises(KeyError) as caught, running._place(keep=keep):
        raise KeyError("x")
    notes = getattr(caught.value, "__notes__", [])
    assert notes == ["what was measured is kept in .asapbench/runs"] * keep
