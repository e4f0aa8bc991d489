"""Where results go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from pydantic import ValidationError

from asapbench.baselines import path_of, read
from asapbench.commands import benches
from asapbench.commands.micro import MicroOutputs
from asapbench.errors import BrokenRun, Exit, UsageError
from asapbench.model import Metric, Report, Story
from asapbench.outputs import Formats, Outputs, attempt, baseline_of, compared, write
from asapbench.report.document import render_json
from asapbench.report.junit import render_junit
from asapbench.report.outcome import overall
from tests.asapbench.unit.scenes import NOT_VALID


@pytest.fixture
def report(make_story: Callable[..., Story]) -> Report:
    return Report(
        story=make_story(),
        metrics=(Metric(name="latency.p95", unit="s", value=0.0034),),
        verdicts=(),
        notes=(),
        details={"endpoints": ["asap"], "seconds": [{"second": 1, "requests": 5}]},
        outcome="invalid",
        exit_code=Exit.NO_VERDICT,
    )


def test_nothing_is_written_that_was_not_asked_for(
    report: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(report, Outputs())
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_json_goes_to_its_file(report: Report, tmp_path: Path) -> None:
    write(report, Outputs(json_=tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["command"] == "load"


def test_json_to_a_dash_has_standard_output_for_itself(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = Outputs(json_=Path("-"))
    write(report, outputs)
    assert outputs.stdout_taken
    assert json.loads(capsys.readouterr().out)["command"] == "load"


@pytest.mark.parametrize(
    ("code", "kept"),
    [(Exit.PASS, True), (Exit.MISSED, True), (Exit.BROKEN, False), (Exit.INTERRUPTED, False)],
)
def test_a_part_of_a_run_does_not_take_the_place_of_a_whole_one(
    report: Report,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: Exit,
    *,
    kept: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / ".asapbench" / "baselines" / "main.json"
    file.parent.mkdir(parents=True)
    file.write_text("a good one")
    write(report.model_copy(update={"exit_code": code}), Outputs(save="main"))
    assert (file.read_text() != "a good one") is kept
    assert ("--save: not kept under 'main'" in capsys.readouterr().err) is not kept


def test_csv_tables_are_named_by_their_prefix(report: Report, tmp_path: Path) -> None:
    write(report, Outputs(csv=tmp_path / "run.1"))
    assert {file.name for file in tmp_path.iterdir()} == {
        "run.1_metrics.csv",
        "run.1_endpoints.csv",
        "run.1_seconds.csv",
    }


def test_csv_alone_leaves_standard_output_to_the_text(tmp_path: Path) -> None:
    assert not Outputs(csv=tmp_path / "run").stdout_taken


def test_a_folder_is_no_prefix(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="must be the beginning of file names"):
        Outputs(csv=tmp_path)


@pytest.mark.parametrize("option", ["json_", "html", "csv"])
def test_a_file_in_no_folder_is_refused_before_anything_runs(option: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="must be a file in a folder that exists"):
        Outputs.model_validate({option: tmp_path / "none" / "out"})


def test_a_file_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # root may write everywhere
    with pytest.raises(ValidationError, match=r"can be written \(Permission denied\)"):
        Outputs(json_=tmp_path / "out")


@pytest.mark.parametrize("option", ["histogram", "pyperf_json"])
def test_what_is_no_report_does_not_go_to_standard_output(option: str) -> None:
    with pytest.raises(ValidationError, match="must be a file: standard output is for reports"):
        MicroOutputs.model_validate({option: "-"})


def test_csv_to_a_dash_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be the beginning of file names"):
        Outputs(csv=Path("-"))


def test_a_file_that_turns_out_unwritable_is_named(report: Report, tmp_path: Path) -> None:
    outputs = Outputs(json_=tmp_path / "out.json")
    (tmp_path / "out.json").mkdir()
    with pytest.raises(BrokenRun, match=r"out\.json' cannot be written: Is a directory"):
        write(report, outputs)


@pytest.mark.parametrize("option", ["json_", "html", "markdown", "junit"])
def test_each_format_goes_where_it_is_asked_to(
    report: Report, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(report, Outputs(**{option: tmp_path / "out"}))
    outputs = Outputs(**{option: "-"})
    write(report, outputs)
    assert outputs.stdout_taken
    assert capsys.readouterr().out == (tmp_path / "out").read_text() != ""


def test_standard_output_is_for_one_format_only() -> None:
    with pytest.raises(ValidationError, match="--json and --junit cannot both go to standard"):
        Outputs(json_="-", junit="-")


@pytest.mark.parametrize("name", ["x" * 251, "é" * 126, "taken"])
def test_a_name_that_cannot_be_saved_under_is_refused_before_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path_of("taken").mkdir(parents=True)
    with pytest.raises(ValidationError, match=r"must have at most 250 bytes|which is a folder"):
        Outputs(save=name)


def test_the_longest_name_can_be_saved_under(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(report, Outputs(save="x" * 250))
    assert path_of("x" * 250).exists()


def test_what_cannot_be_written_takes_no_other_output_with_it_and_leaves_nothing_behind(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = Outputs(save="name", json_=Path("a.json"), junit=Path("b.xml"), csv=Path("c"))
    path_of("name").mkdir(parents=True)
    Path("a.json").mkdir()
    with pytest.raises(BrokenRun, match=r"'a\.json' cannot .*; --save: .*name\.json' cannot"):
        write(report, outputs)
    assert Path("b.xml").exists()
    assert Path("c_metrics.csv").exists()
    assert [file.name for file in path_of("name").parent.iterdir()] == ["name.json"]


def test_a_reader_that_goes_away_takes_no_file_with_it() -> None:
    done: list[str] = []

    def gone() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        attempt(gone, lambda: done.append("file"))
    assert done == ["file"]


def test_in_github_actions_the_page_of_the_job_gets_the_verdicts(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    write(report, Outputs())
    assert page.read_text().startswith("before\n### ")


def test_a_kept_run_that_is_shown_again_is_not_told_twice_on_that_page(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write(report, Formats())
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_the_job_that_cannot_be_written_spoils_no_run(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    write(report, Outputs(json_=tmp_path / "out.json"))
    assert (tmp_path / "out.json").exists()


@pytest.mark.parametrize("invalid", ["starved", ""])
def test_a_measurement_that_is_not_valid_is_slower_than_nothing(
    make_report: Callable[..., Report], tmp_path: Path, invalid: str
) -> None:
    before, now = make_report(scale=0.5), make_report(invalid=invalid)
    file = tmp_path / "before.json"
    file.write_text(render_json(before))
    comparison = compared(now, read(str(file)), 0.05)
    assert comparison is not None
    assert overall(now, comparison)[1] == (Exit.NO_VERDICT if invalid else Exit.MISSED)
    assert [note.code for note in comparison.notes] == ["not-valid"] * bool(invalid)


@pytest.mark.parametrize("ended", ["complete", "server-died", "broke"])
def test_without_a_target_what_was_timed_of_a_server_that_died_is_no_pass(
    make_report: Callable[..., Report], tmp_path: Path, ended: str
) -> None:
    row = {"group": "g", "name": "n", "values": [1.0, 1.1], "split": None, "client_cpu": None}
    timed = {"command": "micro", "targets": (), "details": {"benchmarks": [row]}}
    file = tmp_path / "before.json"
    file.write_text(render_json(make_report(**timed)))
    now = make_report(ended=ended, **timed)
    comparison = compared(now, read(str(file)), 0.05)
    assert comparison is not None
    whole = ended == "complete"
    assert overall(now, comparison)[1] == (Exit.PASS if whole else Exit.NO_VERDICT)
    assert len(comparison.rows) == whole
    (suite,) = Xml.fromstring(render_junit(now, comparison))
    assert suite.attrib["errors"] == ("0" if whole else "1")


@pytest.mark.parametrize("how", NOT_VALID)
def test_a_baseline_that_is_not_valid_is_refused_before_the_run(
    make_report: Callable[..., Report], tmp_path: Path, how: dict[str, Any]
) -> None:
    file = tmp_path / "before.json"
    file.write_text(render_json(make_report(**how)))
    with pytest.raises(UsageError, match=r"before\.json' is a measurement that is not valid"):
        baseline_of(Outputs(baseline=str(file)), "load", benches()["load"].plan())


def test_a_measurement_that_is_not_valid_does_not_take_the_place_of_a_baseline(
    make_report: Callable[..., Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(make_report(invalid="starved"), Outputs(save="main"))
    write(make_report(ended="server-died", why="killed", targets=()), Outputs(save="main"))
    assert not path_of("main").exists()
    assert capsys.readouterr().err.splitlines() == [
        "--save: not kept under 'main': the measurement is not valid: starved",
        "--save: not kept under 'main': the measurement is not valid: killed",
    ]


def test_a_run_without_a_verdict_of_its_own_can_be_compared_with(
    make_report: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(make_report(targets=()), Outputs(save="untargeted"))
    write(make_report(ended="server-died", why="its end is judged"), Outputs(save="judged"))
    assert path_of("untargeted").exists()
    assert path_of("judged").exists()
