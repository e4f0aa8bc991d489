"""What a project starts with."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from asapbench import baselines
from asapbench.cli import running
from asapbench.cli.program import application
from asapbench.commands import benches
from asapbench.commands.init import OPTIONS, WORKFLOW, InitOptions, run
from asapbench.comparison import Results
from asapbench.errors import UsageError
from asapbench.model import option_name
from asapbench.outputs import options_of
from asapbench.settings import complete

AGAINST = "--baseline base --max-slowdown 10%"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_files_are_written_and_named(project: Path) -> None:
    text, code = run(InitOptions())
    assert code == 0
    assert str(OPTIONS) in text
    assert str(WORKFLOW) in text
    assert (project / OPTIONS).exists()
    assert (project / WORKFLOW).exists()


@pytest.mark.parametrize("file", [OPTIONS, WORKFLOW])
def test_what_exists_is_not_written_over_and_the_other_not_written(
    project: Path, file: Path
) -> None:
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        run(InitOptions())
    assert (project / file).read_text() == "mine"
    (other,) = {OPTIONS, WORKFLOW} - {file}
    assert not (project / other).exists()


def test_a_folder_that_cannot_be_written_is_named(project: Path) -> None:
    (project / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        run(InitOptions(folder=project / "file"))


def test_as_it_is_written_it_changes_nothing() -> None:
    run(InitOptions())
    assert set(tomllib.loads(OPTIONS.read_text())) == set(benches())
    for bench in benches().values():
        models = options_of(bench)
        found = complete(models, bench.name, {}, frozenset(benches()))
        assert found == [model() for model in models]


def test_every_option_of_the_command_line_is_in_it() -> None:
    run(InitOptions())
    for table in OPTIONS.read_text().split("\n[")[1:]:
        name, _, options = table.partition("]\n")
        written = re.findall(r"^# ([\w-]+) = ", options, flags=re.MULTILINE)
        models = options_of(benches()[name])
        assert written == [option_name(f)[2:] for m in models for f in m.model_fields]


def test_every_option_that_has_a_default_is_accepted_without_its_comment_sign() -> None:
    run(InitOptions())
    text = re.sub(r"^# (?=[\w-]+ = )", "", OPTIONS.read_text(), flags=re.MULTILINE)
    OPTIONS.write_text(re.sub(r'^[\w-]+ = "".*$', "", text, flags=re.MULTILINE))
    for bench in benches().values():
        models = options_of(bench)
        found = complete(models, bench.name, {}, frozenset(benches()))
        assert found == [model() for model in models]


def workflow() -> dict[str, Any]:
    run(InitOptions())
    content: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return content


def test_the_workflow_runs_command_lines_that_are_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = workflow()
    steps = content["jobs"]["benchmark"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    called = [line for line in lines if line.startswith("asapbench ")]
    ran: list[object] = []
    monkeypatch.setattr(running, "measured", lambda *given: ran.append(given) or 0)  # type: ignore[func-returns-value]  # a list is all that is wanted
    monkeypatch.setattr(running, "answered", lambda *given: ran.append(given) or 0)  # type: ignore[func-returns-value]  # the same
    monkeypatch.setattr(baselines, "read", lambda name: Results(name, {}))
    for line in called:
        line = line.replace("$AGENT", content["env"]["AGENT"]).replace("$against", AGAINST)
        words = shlex.split(line.partition(" || ")[0])
        assert application()(words[1:], standalone_mode=False) == 0
    assert len(ran) == len(called) == 3


def test_the_workflow_compares_with_what_it_saved_of_the_base_branch() -> None:
    steps = workflow()["jobs"]["benchmark"]["steps"]
    scripts = {step["name"]: step["run"] for step in steps if "name" in step}
    assert "--save base" in scripts["The base branch"]
    assert f'against="{AGAINST}"' in scripts["The pull request"]
