"""`asapbench selfcheck`: what it shows, what it writes, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import pytest

from asapbench.commands import commands, selfcheck
from asapbench.commands.selfcheck import RowName, SelfcheckOptions
from asapbench.errors import Exit, UsageError
from asapbench.model import Story, Tick, Watch
from asapbench.selfcheck.row import Result, Row, doubtful, near, settled
from asapbench.selfcheck.rows import ROWS
from asapbench.settings import complete

ROOT = Path(__file__).parents[3]
RIGHT = near("latency.p95", 0.5, 0.502, "s", relative=0.05)
OFF = near("latency.p99", 0.9, 0.003, "s", relative=0.05)


class Runs:
    """Stands in for the runs: what comes of each row, and which were run."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.verdicts: dict[str, Literal["right", "WRONG", "not run"]] = {}
        self.run: list[str] = []

    def perform(self, row: Row, watch: Watch, *, quick: bool) -> Result:
        self.run.append(row.name)
        watch(Tick(phase="measured", elapsed=1.0, progress=0.5), self.story)
        verdict = self.verdicts.get(row.name, "right")
        checks = {"right": (RIGHT,), "WRONG": (RIGHT, OFF), "not run": ()}[verdict]
        text = "the port was taken" if verdict == "not run" else ""
        return Result(
            row=row.name, about=row.about, verdict=verdict, checks=checks, text=text, run="runs/1"
        )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, make_story: Callable[..., Story]) -> Runs:
    runs = Runs(make_story())
    monkeypatch.setattr("asapbench.selfcheck.perform.perform", runs.perform)
    return runs


def test_selfcheck_is_found_as_a_command() -> None:
    assert commands()["selfcheck"] is selfcheck.COMMAND


def test_the_names_that_can_be_given_are_those_of_the_rows() -> None:
    names = [row.name for row in ROWS]
    assert list(get_args(RowName)) == names
    described = SelfcheckOptions.model_fields["row"].description
    assert described is not None
    assert described.endswith(": " + ", ".join(names))


def test_without_a_name_all_rows_are_run(runs: Runs) -> None:
    selfcheck.run(SelfcheckOptions())
    assert runs.run == [row.name for row in ROWS]


def test_only_the_named_rows_are_run(runs: Runs) -> None:
    selfcheck.run(SelfcheckOptions(row=("stopped", "fixed")))
    assert runs.run == ["fixed", "stopped"]


def test_an_unknown_row_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"--row: must be 'fixed'.*or 'ref-cycles'"):
        complete((SelfcheckOptions,), "selfcheck", {"row": ["tow-point"]})


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--json: .*nowhere"):
        complete((SelfcheckOptions,), "selfcheck", {"json_": str(tmp_path / "nowhere/x.json")})


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ({}, Exit.PASS),
        ({"fixed": "WRONG"}, Exit.MISSED),
        ({"fixed": "not run"}, Exit.BROKEN),
        ({"fixed": "not run", "stopped": "WRONG"}, Exit.MISSED),
    ],
)
def test_a_wrong_row_is_exit_1_and_one_that_was_not_run_exit_4(
    runs: Runs, verdicts: dict[str, Literal["WRONG", "not run"]], code: Exit
) -> None:
    runs.verdicts = {**verdicts}
    assert selfcheck.run(SelfcheckOptions())[1] is code


def test_a_line_shows_row_truth_reading_and_verdict(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.verdicts = {"stopped": "WRONG"}
    selfcheck.run(SelfcheckOptions(row=("stopped",)))
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["row", "metric", "truth", "reading", "allowed", "verdict"]
    assert " ".join(shown[1].split()) == "stopped latency.p95 500 ms 502 ms ± 25.0 ms right"
    assert " ".join(shown[2].split()) == "latency.p99 900 ms 3.00 ms ± 45.0 ms WRONG"
    assert [line.strip() for line in shown[3:5]] == [
        "another run was off: latency.p99 3.00 ms for 900 ms",
        "kept in runs/1",
    ]


def test_each_row_is_shown_when_it_is_done(
    runs: Runs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    def perform(row: Row, watch: Watch, *, quick: bool) -> Result:
        shown.append(capsys.readouterr().out)
        return runs.perform(row, watch, quick=quick)

    monkeypatch.setattr("asapbench.selfcheck.perform.perform", perform)
    selfcheck.run(SelfcheckOptions(row=("fixed", "stopped")))
    assert "fixed" not in shown[0]
    assert "fixed" in shown[1]


def test_progress_goes_to_standard_error(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    selfcheck.run(SelfcheckOptions(row=("fixed", "stopped")))
    assert "stopped (2 of 2): the server stands still" in capsys.readouterr().err


def test_a_row_that_was_not_run_says_why(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.verdicts = {"fixed": "not run"}
    selfcheck.run(SelfcheckOptions(row=("fixed",)))
    out = capsys.readouterr().out
    assert "not run" in out
    assert "the port was taken" in out


def test_as_json_all_of_it_goes_to_standard_output_and_nothing_else(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.verdicts = {"stopped": "WRONG"}
    text, code = selfcheck.run(SelfcheckOptions(row=("fixed", "stopped"), json_=Path("-")))
    document = json.loads(text)
    assert capsys.readouterr().out == ""
    assert document["schema"] == "asapbench.selfcheck/1"
    assert document["exit_code"] == code == Exit.MISSED
    assert [row["verdict"] for row in document["rows"]] == ["right", "WRONG"]
    assert document["rows"][1]["checks"][1]["truth"] == 0.9


def test_a_file_gets_the_json_and_standard_output_the_table(
    runs: Runs, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "selfcheck.json"
    text, _ = selfcheck.run(SelfcheckOptions(row=("fixed",), json_=file))
    assert json.loads(file.read_text())["rows"][0]["row"] == "fixed"
    assert "latency.p95" in capsys.readouterr().out
    assert "the instrument reads here what is true" in text


def test_the_page_explains_every_row_and_no_other() -> None:
    page = (ROOT / "docs/explanation-selfcheck.md").read_text()
    explained = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert explained == [f"`{row.name}`" for row in ROWS]


W, R, N = "WRONG", "right", "not run"


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([W, R, R], Exit.PASS, ["off: latency.p99 3.00 ms for 900 ms", "right: latency.p95 502"]),
        ([W, R, W], Exit.MISSED, ["off: latency.p99 3.00 ms", "right: latency.p95 502 ms for 500"]),
        ([W, R, N], Exit.MISSED, ["right: latency.p95 502 ms", "to nothing: the port was taken"]),
        ([W, W], Exit.MISSED, ["off: latency.p99 3.00 ms for 900 ms"]),
        ([W, N], Exit.MISSED, ["another run came to nothing: the port was taken"]),
        ([N], Exit.BROKEN, []),
        ([R], Exit.PASS, []),
    ],
)
def test_of_a_row_that_is_off_two_of_three_runs_decide_and_all_readings_are_told(
    runs: Runs,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    found: list[Literal["right", "WRONG", "not run"]],
    code: Exit,
    said: list[str],
) -> None:
    def perform(row: Row, watch: Watch, *, quick: bool) -> Result:
        runs.verdicts = {"fixed": found[len(runs.run)]}
        return runs.perform(row, watch, quick=quick)

    monkeypatch.setattr("asapbench.selfcheck.perform.perform", perform)
    file = tmp_path / "selfcheck.json"
    assert selfcheck.run(SelfcheckOptions(row=("fixed",), json_=file))[1] == code
    assert len(runs.run) == len(found)
    shown = " ".join(capsys.readouterr().out.split())
    assert [one for one in said if one not in shown] == []
    (row,) = json.loads(file.read_text())["rows"]
    verdicts = [row["verdict"], *(other["verdict"] for other in row["others"])]
    assert sorted(verdicts) == sorted(found)
    assert all(other["checks"] or other["text"] for other in row["others"])


def result(letter: str) -> Result:
    """Right, WRONG, broken or void."""
    verdict: dict[str, Literal["right", "WRONG", "not run"]]
    verdict = {"R": "right", "W": "WRONG", "B": "not run", "V": "not run"}
    return Result(row="fixed", about="", verdict=verdict[letter], void=letter == "V", text=letter)


@pytest.mark.parametrize(
    ("runs", "again"),
    [
        *(("V", True), ("VV", True), ("VVV", False), ("VR", False), ("VW", True), ("WV", True)),
        *(("B", False), ("VB", False), ("WB", False), ("VWR", False)),
    ],
)
def test_a_run_that_a_gate_voids_is_repeated_within_the_runs_of_a_row(
    runs: str, again: bool
) -> None:
    assert doubtful([result(letter) for letter in runs]) == again


@pytest.mark.parametrize(
    ("runs", "verdict"), [("VR", "right"), ("VVV", "not run"), ("VWW", "WRONG"), ("VWR", "WRONG")]
)
def test_a_void_run_decides_nothing_where_another_does(runs: str, verdict: str) -> None:
    found = settled([result(letter) for letter in runs])
    assert found.verdict == verdict
    assert len(found.others) == len(runs) - 1


def test_a_quick_check_leaves_the_long_rows_out_unless_they_are_named(runs: Runs) -> None:
    selfcheck.run(SelfcheckOptions(quick=True))
    assert runs.run == [row.name for row in ROWS if not row.long]
    selfcheck.run(SelfcheckOptions(quick=True, row=("cache",)))
    assert runs.run[-1] == "cache"
