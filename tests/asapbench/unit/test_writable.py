"""Outputs that cannot be written are known before a run."""

import os
import threading
from pathlib import Path

import pytest

from asapbench.errors import UsageError
from asapbench.outputs import Formats, Outputs, refuse_same
from asapbench.writable import folder_writable, same_files, writable


def test_asking_leaves_no_file_and_changes_none(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("kept")
    for name in ("new", "there"):
        assert writable(tmp_path / name) == tmp_path / name
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_text() == "kept"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "Is a directory"),
        ("none/out", "No such file or directory"),
        ("file/out", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("nul\0", "null byte"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(
    name: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=f"must be a file in a folder that exists .*{why}"):
        writable(tmp_path / name)


def test_a_pipe_is_not_opened_since_its_reader_would_see_the_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    seen: list[str] = []
    reader = threading.Thread(target=lambda: seen.append((tmp_path / "pipe").read_text()))
    reader.start()
    writable(tmp_path / "pipe")
    (tmp_path / "pipe").write_text("all of it")
    reader.join(timeout=10)
    assert seen == ["all of it"]


def test_a_folder_that_has_to_be_made_is_asked_of_the_one_above_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert folder_writable(tmp_path / "a" / "b")
    assert not folder_writable(tmp_path / "file" / "b")


def test_one_file_by_two_names_is_found_also_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files = {"--a": tmp_path / "link", "--b": tmp_path / "other", "--c": tmp_path / "real"}
    assert same_files(files) == ["--a", "--c"]
    assert same_files({"--a": Path("/dev/null"), "--b": Path("/dev/null")}) == []
    assert same_files({"--a": Path("-"), "--b": Path("-")}) == []


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"json_": "out", "html": "./out"}, "--json and --html are the same file"),
        ({"csv": "x", "json_": "x_steps.csv"}, r"--json and --csv \(x_steps\.csv\) are the same"),
    ],
)
def test_two_outputs_in_one_file_are_refused_with_both_options(
    given: dict[str, str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=named):
        refuse_same(Formats.model_validate(given))


@pytest.mark.parametrize("name", ["run_metrics.csv", "run_cycles.csv"])
def test_each_table_of_a_prefix_has_to_be_writable(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="Is a directory"):
        Outputs.model_validate({"csv": tmp_path / "run"})


def test_a_result_that_cannot_be_kept_under_its_name_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".asapbench").write_text("a file in the way")
    with pytest.raises(ValueError, match=r"is kept in '\.asapbench/baselines' here, which cannot"):
        Outputs.model_validate({"save": "main"})
