"""The workflow that `asapbench init` writes, step by step as a runner does, in a repository.

Its commands are the real ones; only what they measure is made up.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml

from asapbench.commands.init import WORKFLOW, InitOptions, run
from asapbench.model import Report

SLOWER = {1.0: 0, 1.3: 1}  # how much slower the change is, and what the job then exits with
PROGRAM = f"""#!{sys.executable}
from pathlib import Path
from asapbench import engine
from asapbench.cli import main
from asapbench.errors import BrokenRun
from asapbench.model import Report
made = Path({{made!r}}) / ("change.json" if Path("change.txt").exists() else "base.json")

def execute(bench, plan, *_, **__):
    if not made.exists():
        raise BrokenRun("it does not start")
    with (made.parent / "measured").open("a") as file:
        print(made.stem, plan.users, plan.targets and plan.targets.read_text(), file=file)
    return Report.model_validate_json(made.read_bytes())

engine.execute = execute
main()
"""
CONFIGURED = '[load]\ntargets = "limits/own.toml"  # ours\n'
PROJECT = "[tool.asapbench.load]\nusers = {users}\n"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What actions/checkout leaves: a clone, at the pull request, that knows the base branch."""
    origin, clone = tmp_path / "origin", tmp_path / "work" / "clone"
    origin.mkdir()
    git(origin, "init")
    run(InitOptions(folder=origin))
    (origin / "pyproject.toml").write_text(PROJECT.format(users=5))
    git(origin, "add", "-A")
    git(origin, "commit", "-m", "base")
    git(origin, "checkout", "-b", "change")
    (origin / "change.txt").write_text("changed")
    (origin / "asapbench.toml").write_text(CONFIGURED)
    (origin / "pyproject.toml").write_text(PROJECT.format(users=7))
    (origin / "limits").mkdir()
    (origin / "limits" / "own.toml").write_text("# a table")
    git(origin, "add", "-A")
    git(origin, "commit", "-m", "change")
    clone.parent.mkdir()
    git(tmp_path, "clone", str(origin), str(clone))
    return clone


@pytest.fixture
def variables(checkout: Path, tmp_path: Path) -> dict[str, str]:
    """Of a step: those of the workflow; installers only write down what they were asked for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pip", "pipx"):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/installed"\n')
    (tools / "asapbench").write_text(PROGRAM.format(made=str(tmp_path)))
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        **workflow(checkout)["env"],
        "ASAPBENCH": "../a folder/asapbench",
        "GITHUB_BASE_REF": "main",
        "GITHUB_WORKSPACE": str(checkout),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }


def workflow(checkout: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((checkout / WORKFLOW).read_text())
    return content


def steps(checkout: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow(checkout)["jobs"]["benchmark"]["steps"]
    return found


def run_steps(checkout: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Each as a runner does; the exit code of the last, and all that was said."""
    said, code = "", 0
    for step in steps(checkout):
        if "run" in step:
            assert code == 0, said
            ended = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=checkout,
                env=variables,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            code, said = ended.returncode, said + ended.stdout + ended.stderr
    return code, said


@pytest.mark.parametrize("factor", SLOWER)
def test_every_step_runs_and_the_last_compares_the_pull_request_with_its_base(
    factor: float,
    checkout: Path,
    variables: dict[str, str],
    tmp_path: Path,
    make_report: Callable[..., Report],
) -> None:
    (tmp_path / "base.json").write_text(make_report().model_dump_json())
    (tmp_path / "change.json").write_text(make_report(scale=factor).model_dump_json())
    code, said = run_steps(checkout, variables)
    assert code == SLOWER[factor], said
    report = json.loads((checkout / "report.json").read_text())
    assert report["comparison"]["old"] == "base"
    assert {row["key"] for row in report["comparison"]["rows"]} >= {"throughput", "latency.p95"}
    assert len(Xml.parse(checkout / "verdicts.xml").findall(".//failure")) == SLOWER[factor]
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("### ❌" if SLOWER[factor] else "### ✅")
    assert summary.count("asapbench load:") == summary.count("Against base:") == 1
    assert (tmp_path / "installed").read_text().splitlines() == [
        "pipx install ../a folder/asapbench",
        "pip install ../base",
        "pip install .",
        "pip install --force-reinstall --no-deps .",
    ]
    # both by the options of the pull request, and by its table
    assert (tmp_path / "measured").read_text().splitlines() == [
        "base 7 # a table",
        "change 7 # a table",
    ]


def test_where_the_base_cannot_be_measured_the_pull_request_is_judged_and_that_is_said(
    checkout: Path,
    variables: dict[str, str],
    tmp_path: Path,
    make_report: Callable[..., Report],
) -> None:
    (tmp_path / "change.json").write_text(make_report().model_dump_json())
    code, said = run_steps(checkout, variables)
    assert code == 0, said
    assert "it ended with exit code 4" in said
    assert "::warning::the base branch could not be measured" in said
    assert "comparison" not in json.loads((checkout / "report.json").read_text())


def test_what_is_uploaded_is_what_the_steps_write(checkout: Path) -> None:
    (upload,) = (step["with"] for step in steps(checkout) if "upload" in step.get("uses", ""))
    script = "".join(step.get("run", "") for step in steps(checkout))
    for path in upload["path"].split():
        assert path == ".asapbench/runs" or f" {path}" in script
    assert upload["include-hidden-files"]
