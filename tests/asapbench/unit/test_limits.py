"""Whether there are sockets for all users, asked of a machine that is made up."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from asapbench import limits
from asapbench.errors import UsageError


class Machine:
    """The limit on open files, as it is told and set."""

    def __init__(self, soft: int, hard: int) -> None:
        self.soft, self.hard = soft, hard

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.soft, self.hard

    def setrlimit(self, _: int, both: tuple[int, int]) -> None:
        self.soft, self.hard = both


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    made_up = Machine(1024, 4096)
    monkeypatch.setattr(resource, "getrlimit", made_up.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", made_up.setrlimit)
    (tmp_path / "range").write_text("32768\t60999\n")
    monkeypatch.setattr(limits, "_PORTS", tmp_path / "range")
    return made_up


def test_a_limit_that_is_high_enough_stays(machine: Machine) -> None:
    limits.allow_sockets("--max-users", 500, 500, local=True)
    assert machine.soft == 1024


def test_one_that_is_too_low_is_raised_as_far_as_needed(machine: Machine) -> None:
    limits.allow_sockets("--max-users", 2000, 2000, local=True)
    assert (machine.soft, machine.hard) == (2128, 4096)


def test_a_wish_beyond_the_hard_limit_is_met_as_far_as_it_goes(machine: Machine) -> None:
    limits.allow_sockets("--max-users", 20_000, 500, local=True)
    assert machine.soft == 4096


def test_what_the_hard_limit_does_not_allow_is_refused_with_the_number(machine: Machine) -> None:
    with pytest.raises(UsageError, match=r"--max-users 5000: .* 5128 .* hard limit is 4096"):
        limits.allow_sockets("--max-users", 5000, 5000, local=True)
    assert machine.soft == 1024


def test_too_few_ports_are_refused_with_their_number(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "range").write_text("60000 60999\n")
    with pytest.raises(UsageError, match=r"--max-users 1500: .* there are 1000"):
        limits.allow_sockets("--max-users", 1500, 1500, local=False)


def test_a_system_that_tells_no_ports_is_believed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "_PORTS", tmp_path / "none")
    limits.allow_sockets("--max-users", 500, 500, local=False)
