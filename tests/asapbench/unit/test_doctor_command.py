"""`asapbench doctor` itself, and the notes a run takes from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asapbench.commands import commands, doctor
from asapbench.commands.doctor import DoctorOptions
from asapbench.doctor.judge import examine
from asapbench.doctor.machine import Activity, Machine, Processor
from asapbench.environment import machine_notes
from asapbench.errors import Exit, UsageError
from asapbench.model import Environment
from asapbench.settings import complete

ROOT = Path(__file__).parents[3]
BUSY = Activity(duration=1.0, others=1.5, late_median=0.0, late_p99=0.0, late_worst=0.0)
BUSY_MACHINE = Machine(load_average=2.0, activity=BUSY, processor=Processor(allowed=(0, 1)))


def asapbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "asapbench", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"COLUMNS": "100"},
        cwd=ROOT,
    )


def environment(machine: Machine, generator_cpus: tuple[int, ...] = (0,)) -> Environment:
    return Environment(
        hostname="h",
        system="Linux",
        cpu="c",
        cores=2,
        memory=1,
        python="CPython",
        versions={},
        commit=None,
        load_average=0.0,
        server_cpus=(1,),
        generator_cpus=generator_cpus,
        machine=machine,
    )


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The command, on the machine that a test sets."""
    monkeypatch.setattr("asapbench.doctor.read.read_machine", lambda _: Machine())
    return monkeypatch


def test_the_doctor_is_found_as_a_command() -> None:
    assert commands()["doctor"] is doctor.COMMAND


def test_here_it_ends_with_an_answer() -> None:
    result = asapbench("doctor", "--sample", "0.2")
    assert result.returncode in {Exit.PASS, Exit.MISSED}
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert "→" not in lines[0]
    assert any(line.startswith("ok ") for line in lines)
    assert max(map(len, lines)) <= 100


def test_as_json_it_gives_facts_and_findings_with_a_remedy_for_all_that_is_ill() -> None:
    result = asapbench("doctor", "--sample", "0.2", "--json", "-")
    document = json.loads(result.stdout)
    findings = document["findings"]
    assert document["schema"] == "asapbench.doctor/1"
    assert Machine.model_validate(document["machine"]).processor.clock_cost
    assert all(bool(one["hint"]) == (one["state"] in {"warn", "bad"}) for one in findings)
    assert result.returncode == int(any(one["state"] == "bad" for one in findings))


@pytest.mark.parametrize("sample", ["0", "0.01", "2m", "soon"])
def test_a_sample_out_of_bounds_is_refused_by_name(sample: str) -> None:
    result = asapbench("doctor", "--sample", sample)
    assert result.returncode == Exit.USAGE
    assert "--sample" in result.stderr
    assert result.stdout == ""


def test_nothing_bad_is_exit_0(on: pytest.MonkeyPatch) -> None:
    assert doctor.run(DoctorOptions())[1] == Exit.PASS


def test_something_bad_is_exit_1(on: pytest.MonkeyPatch) -> None:
    on.setattr("asapbench.doctor.read.read_machine", lambda _: BUSY_MACHINE)
    assert doctor.run(DoctorOptions())[1] == Exit.MISSED


def test_a_file_gets_the_json_and_the_terminal_the_text(
    on: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "doctor.json"
    text, _ = doctor.run(DoctorOptions(json_=file))
    assert json.loads(file.read_text())["machine"] == Machine().model_dump(mode="json")
    assert text.splitlines()[-1].endswith(".")


def test_a_file_that_cannot_be_written_is_named(on: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {"json_": str(tmp_path / "nowhere/doctor.json")}
    with pytest.raises(UsageError, match=r"--json: .*nowhere"):
        complete((DoctorOptions,), "doctor", given)


def test_a_narrow_terminal_gets_narrow_lines(on: pytest.MonkeyPatch) -> None:
    on.setenv("COLUMNS", "60")
    text, _ = doctor.run(DoctorOptions())
    assert max(map(len, text.splitlines())) <= 60


def test_what_is_no_terminal_gets_no_colour(on: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in doctor.run(DoctorOptions())[0]


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colour_unless_it_is_declined(
    on: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    on.setattr("sys.stdout.isatty", lambda: True)
    on.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        on.setenv(name, value)
    assert ("\x1b" in doctor.run(DoctorOptions())[0]) is coloured


def test_a_run_on_a_busy_machine_notes_it_with_its_remedy() -> None:
    (note,) = machine_notes(environment(BUSY_MACHINE))
    assert note.code == "busy-machine"
    assert "1.50 of 2 CPUs" in note.text
    assert note.hint


def test_a_run_whose_sides_share_their_cpus_notes_that_first() -> None:
    codes = [note.code for note in machine_notes(environment(BUSY_MACHINE, generator_cpus=()))]
    assert codes == ["shared-cores", "busy-machine"]


def test_a_run_that_knows_nothing_of_its_machine_notes_nothing() -> None:
    assert machine_notes(environment(Machine())) == ()


def test_the_page_explains_every_check_and_no_other() -> None:
    page = (ROOT / "docs/howto-noisy-machine.md").read_text()
    explained = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `")]
    assert explained == [f"`{finding.code}`" for finding in examine(Machine())]
