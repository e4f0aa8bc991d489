"""Runs that were kept: shown again, listed, compared; a damaged one is named and hides no other."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asapbench import engine, store
from asapbench.baselines import read
from asapbench.cli import running
from asapbench.cli.program import application
from asapbench.commands.compare import CompareOptions
from asapbench.commands.compare import run as compare
from asapbench.commands.report import ReportOptions, run
from asapbench.commands.serve import COMMAND
from asapbench.errors import Exit, UsageError
from asapbench.model import Environment, Report, Story
from asapbench.report.document import render_json

MakeReport = Callable[..., Report]
NAMES = ("20261124-100000-load", "20261125-100000-load", "20261126-100000-load")


@pytest.fixture
def runs(make_report: MakeReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs; the last of them took half as long again."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".asapbench" / "runs"
    for name in NAMES:
        report = make_report(scale=1.5 if name == NAMES[-1] else 1.0)
        (folder / name).mkdir(parents=True)
        (folder / name / "story.json").write_text(report.story.model_dump_json())
        (folder / name / "report.json").write_text(render_json(report))
    return folder


def damage(folder: Path, how: str) -> None:
    """Make a run unreadable."""
    story = folder / "story.json"
    content: dict[str, Any] = json.loads(story.read_text())
    texts = {"cut": story.read_text()[:50], "list": "[]", "other": '{"command": 1}'}
    if how == "folder":
        story.unlink()
        story.mkdir()
        return
    if how == "no story":
        story.unlink()
        return
    newer = json.dumps({**content, "format": "asapbench.run/2", "unheard": "of"})
    story.write_text(texts.get(how, newer))


DAMAGES = {
    "cut": "is not JSON",
    "list": "story.json",
    "other": "story.json",
    "folder": "story.json: Is a directory",
    "no story": "it has no story.json",
    "newer": "it is of a newer asapbench (asapbench.run/2; this one reads asapbench.run/1)",
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_run_is_refused_by_name_with_the_reason_and_the_others(
    how: str, runs: Path
) -> None:
    damage(runs / NAMES[1], how)
    with pytest.raises(UsageError) as caught:
        run(ReportOptions(run=NAMES[1]))
    said = str(caught.value)
    assert f"{NAMES[1]}' cannot be read as a run: " in said
    assert DAMAGES[how] in said
    assert said.endswith(f"of the others the newest are {NAMES[2]}, {NAMES[0]}")
    assert "\n" not in said


def test_an_empty_folder_is_no_run_and_hides_none(runs: Path) -> None:
    for file in (runs / NAMES[2]).iterdir():
        file.unlink()
    text, code = run(ReportOptions(list_=True))
    assert code == 0
    assert isinstance(text, str)
    assert [line.split()[0] for line in text.splitlines()] == list(NAMES[:2])
    with pytest.raises(UsageError, match=f"no run '{NAMES[2]}'; the newest are {NAMES[1]}, "):
        run(ReportOptions(run=NAMES[2]))


def test_a_folder_that_may_not_be_read_is_named_and_hides_none(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made up, since root may read everything."""

    def closed(name: str) -> None:
        real = getattr(Path, name)

        def denied(path: Path) -> Any:
            if NAMES[1] in path.parts:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(Path, name, denied)

    closed("read_bytes")
    closed("iterdir")
    text, code = run(ReportOptions(list_=True))
    assert code == 2
    assert isinstance(text, str)
    lines = text.splitlines()
    assert [NAMES[at] in line for at, line in enumerate(lines)] == [True] * 3
    assert "story.json: Permission denied" in lines[1]


def test_a_run_of_a_command_that_there_is_not_is_named(runs: Path) -> None:
    story = runs / NAMES[0] / "story.json"
    story.write_text(story.read_text().replace('"command":"load"', '"command":"fly"'))
    with pytest.raises(UsageError, match=f"{NAMES[0]}' is damaged, or of another asapbench"):
        run(ReportOptions(run=NAMES[0]))


@pytest.mark.parametrize("error", [AttributeError("'NoneType'"), TypeError("x"), KeyError("x")])
def test_a_run_that_cannot_be_analysed_is_named(
    runs: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(_: Path) -> None:
        raise error

    monkeypatch.setattr(store, "recall", fails)
    with pytest.raises(UsageError, match=f"{NAMES[0]}' is damaged, or of another asapbench"):
        run(ReportOptions(run=NAMES[0]))


def test_a_series_without_its_first_page_is_named(runs: Path) -> None:
    (runs / NAMES[0] / "requests.series").write_bytes(b"\0" * 100)
    with pytest.raises(UsageError, match=r"requests\.series' holds no series of numbers"):
        run(ReportOptions(run=NAMES[0]))


@pytest.mark.parametrize("how", DAMAGES)
def test_the_list_has_every_run_and_says_which_are_damaged(how: str, runs: Path) -> None:
    text, code = run(ReportOptions(list_=True))
    assert code == 0
    assert isinstance(text, str)
    assert [line.split() for line in text.splitlines()] == [
        [name, "pass"] for name in NAMES[:2]
    ] + [[NAMES[2], "fail"]]
    damage(runs / NAMES[1], how)
    text, code = run(ReportOptions(list_=True))
    assert isinstance(text, str)
    first, second, third = text.splitlines()
    assert code == 2
    assert (first.split()[0], third.split()[0]) == (NAMES[0], NAMES[2])
    assert NAMES[1] in second
    assert DAMAGES[how] in second


def test_a_run_that_was_killed_is_listed_as_not_judged(runs: Path) -> None:
    (runs / NAMES[0] / "report.json").unlink()
    story = Story.model_validate_json((runs / NAMES[0] / "story.json").read_bytes())
    running = story.model_copy(update={"ended": "running"})
    (runs / NAMES[0] / "story.json").write_text(running.model_dump_json())
    text, _ = run(ReportOptions(list_=True))
    assert isinstance(text, str)
    assert text.splitlines()[0].split(maxsplit=1)[1] == "not judged, running"


def test_without_a_run_the_list_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="none is kept"):
        run(ReportOptions(list_=True))


def test_runs_are_compared_by_name_by_its_beginning_and_as_the_last(runs: Path) -> None:
    (runs.parent / "baselines").mkdir()
    (runs.parent / "baselines" / "main.json").write_text(
        (runs / NAMES[0] / "report.json").read_text()
    )
    for old in (NAMES[0], "20261124", str(runs / NAMES[0]), "main"):
        text, code = compare(CompareOptions(old=old, new="last"))
        assert code == 1
        assert "SLOWER BY MORE THAN 5%: latency.p95" in text


def test_what_is_no_result_is_refused_with_all_there_are(runs: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read("nothing")
    assert str(caught.value) == (
        "there is no file and no baseline 'nothing', and no run of that name; none was saved yet "
        f"(--save NAME); the newest are {', '.join(reversed(NAMES))}"
    )


def test_a_run_that_never_ended_is_refused_with_the_way_to_compare_it(runs: Path) -> None:
    (runs / NAMES[0] / "report.json").unlink()
    with pytest.raises(UsageError, match=f"asapbench report {NAMES[0]} --json FILE"):
        read(NAMES[0])


def test_a_report_of_a_newer_asapbench_is_named(runs: Path) -> None:
    file = runs / NAMES[0] / "report.json"
    file.write_text(file.read_text().replace("asapbench.report/1", "asapbench.report/7"))
    with pytest.raises(
        UsageError, match=r"newer asapbench \(asapbench\.report/7; this one reads 1"
    ):
        read(NAMES[0])


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", ".", "/"])
def test_no_name_is_too_strange_to_be_refused(name: str, runs: Path) -> None:
    with pytest.raises(UsageError):
        store.find(name)
    with pytest.raises(UsageError):
        read(name)


def test_a_baseline_of_another_load_is_refused_before_the_run(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        file = runs / name / "report.json"
        file.write_text(file.read_text().replace('"user_class": "mixed"', '"users": 7'))
    with pytest.raises(UsageError, match=r"'last' and 'this run' .* --users 7 / 100"):
        application()(["load", "--baseline", "last"], standalone_mode=False)


@pytest.mark.parametrize("meanwhile", ["kept as any run", "the baseline is pruned"])
def test_a_baseline_is_what_was_named_before_the_run_whatever_happens_meanwhile(
    runs: Path,
    make_report: MakeReport,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    meanwhile: str,
) -> None:
    def measure(*_: object, **__: object) -> Report:
        report = make_report(scale=1.5 * 1.3)
        (runs / "20261127-100000-load").mkdir()
        (runs / "20261127-100000-load" / "report.json").write_text(render_json(report))
        if meanwhile == "the baseline is pruned":
            shutil.rmtree(runs / NAMES[-1])
        return report

    monkeypatch.setattr(engine, "execute", measure)
    name = "last" if meanwhile == "kept as any run" else NAMES[-1]
    code = application()(["load", "-q", "--baseline", name], standalone_mode=False)
    assert code == 1
    said = capsys.readouterr().out
    assert "SLOWER BY MORE THAN 5%: latency.p95" in said


def test_the_story_says_which_asapbench_can_read_it(
    tmp_path: Path, environment: Environment, make_story: Callable[..., Story]
) -> None:
    assert json.loads(make_story().model_dump_json())["format"] == "asapbench.run/1"


def test_variables_that_are_about_a_measurement_change_no_other_command(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("JSON", "HTML", "MARKDOWN", "JUNIT", "CSV"):
        monkeypatch.setenv(f"ASAPBENCH_{name}", "out")
    monkeypatch.setenv("ASAPBENCH_HOST", "http://127.0.0.1:8000")
    for line in (["compare", NAMES[0], NAMES[1]], ["report", NAMES[0], "--list"]):
        assert application()(line, standalone_mode=False) == 0
        assert capsys.readouterr().out
    assert not (runs.parents[1] / "out").exists()
    served: list[str] = []
    serve = replace(COMMAND, run=lambda options: served.append(options.host) or ("", Exit.PASS))  # type: ignore[func-returns-value]  # a list is all that is wanted
    assert running.callback_of(serve)() == 0
    assert served == ["127.0.0.1"]
