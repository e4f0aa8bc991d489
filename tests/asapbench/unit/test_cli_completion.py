"""What a shell offers after Tab."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asapbench.cli.program import application

Offers = Callable[[str], list[str]]
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs, the newer one damaged, and a baseline."""
    monkeypatch.chdir(tmp_path)
    for name in ("20261124-100000-load", "20261125-100000-stress"):
        (tmp_path / ".asapbench" / "runs" / name).mkdir(parents=True)
        (tmp_path / ".asapbench" / "runs" / name / "story.json").write_text("")
    runs = tmp_path / ".asapbench" / "runs"
    for folder in runs.iterdir():
        (folder / "story.json").touch()
    metric = {"name": "latency.p95", "unit": "s", "value": 1.0}
    (runs / "20261124-100000-load" / "report.json").write_text(json.dumps({"metrics": [metric]}))
    (runs / "20261125-100000-stress" / "report.json").write_text("{")
    (tmp_path / ".asapbench" / "baselines").mkdir()
    (tmp_path / ".asapbench" / "baselines" / "main.json").write_text("{}")
    return tmp_path


def offered(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What our program answers when a shell asks; each asks in a way of its own."""
    monkeypatch.setenv("_ASAPBENCH_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    with pytest.raises(SystemExit) as ended:
        application()([], prog_name="asapbench", standalone_mode=False)
    assert ended.value.code in {0, None}
    return capsys.readouterr().out


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offers:
    return lambda line: offered("bash", line, monkeypatch, capsys).split()


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("asapbench co", ["compare"]),
        ("asapbench load --us", ["--users", "--user-class"]),
        ("asapbench load --user-class ", ["mixed", "sustained"]),
        ("asapbench load --processes ", ["auto"]),
        ("asapbench selfcheck --row f", ["fixed", "fast-errors"]),
        ("asapbench report ", ["last", "20261125-100000-stress", "20261124-100000-load"]),
        ("asapbench compare m", ["main"]),
        ("asapbench compare main l", ["last"]),
        ("asapbench stress --baseline 20261124", ["20261124-100000-load"]),
        ("asapbench history ", ["latency.p95"]),
        ("asapbench history x --command ", ["load", "memory", "micro", "stress"]),
        ("asapbench load --json ", []),  # files, which shells complete themselves
    ],
)
def test_commands_options_and_their_values_are_completed(
    line: str, values: list[str], offers: Offers
) -> None:
    assert offers(line) == values


def test_without_a_store_there_is_nothing_to_offer(
    offers: Offers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert [offers(f"asapbench {line} ") for line in ("report", "compare", "history")] == [[]] * 3


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_answered(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "20261124-100000-load" in offered(shell, "asapbench report 2", monkeypatch, capsys)


def test_bash_completes_with_the_script_that_is_shown() -> None:
    """The script, sourced by a real shell, which calls the real program."""
    script = f"""
        PATH={Path(sys.executable).parent}:$PATH
        source <(_ASAPBENCH_COMPLETE=source_bash asapbench)
        COMP_WORDS=(asapbench report 20261124) COMP_CWORD=2
        _asapbench_completion asapbench
        echo "${{COMPREPLY[@]}}"
    """
    shell = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert shell.stdout.strip() == "20261124-100000-load"
