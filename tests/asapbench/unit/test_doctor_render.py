"""What the doctor's findings look like on a terminal."""

from __future__ import annotations

import re

import pytest

from asapbench.doctor.finding import Finding
from asapbench.doctor.machine import Machine, Memory, Processor
from asapbench.doctor.render import render_findings

MACHINE = Machine(
    system="Linux 6.1 x86_64",
    processor=Processor(allowed=(0, 1), cores=2),
    memory=Memory(total=8_000_000_000),
)
OK = Finding(code="priority", state="ok", text="nice 0")
UNKNOWN = Finding(code="turbo", state="unknown", text="cannot be seen here")
WARN = Finding(
    code="huge-pages",
    state="warn",
    text="always: memory grows in steps of 2 MB, and pauses while it is moved from here to there",
    hint="echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
)
BAD = Finding(code="cpu-throttling", state="bad", text="stopped", hint="lift the limit")
ALL = (OK, UNKNOWN, WARN, BAD)


def render(*findings: Finding, width: int = 100, color: bool = False) -> str:
    return render_findings(MACHINE, findings, width=width, color=color)


def test_the_machine_is_named_first() -> None:
    assert render(OK).splitlines()[0] == "Linux 6.1 x86_64, 2 CPUs, 8.00 GB"


def test_of_an_unknown_machine_the_heading_says_nothing() -> None:
    assert render_findings(Machine(), (OK,), width=80, color=False).splitlines()[0] == ""


def test_the_worst_comes_first() -> None:
    states = re.findall(r"^(BAD|warn|ok|\?) ", render(*ALL), re.MULTILINE)
    assert states == ["BAD", "warn", "ok", "?"]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    assert max(map(len, render(*ALL, width=width).splitlines())) <= width


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_of_a_finding_is_lost(width: int) -> None:
    words = render(*ALL, width=width).split()
    for finding in ALL:
        assert all(word in words for word in f"{finding.text} {finding.hint}".split())


@pytest.mark.parametrize("width", [80, 120])
def test_texts_stand_in_one_column(width: int) -> None:
    lines = render(*ALL, width=width).splitlines()
    starts = {line.index(text) for line in lines for text in ("nice 0", "stopped") if text in line}
    assert len(starts) == 1


def test_on_a_narrow_terminal_the_text_follows_its_name() -> None:
    assert "ok    priority: nice 0\n" in render(*ALL, width=60)


@pytest.mark.parametrize("width", [60, 100])
def test_a_remedy_stands_below_what_it_helps_against(width: int) -> None:
    lines = render(BAD, width=width).splitlines()
    ill = next(place for place, line in enumerate(lines) if "stopped" in line)
    assert lines[ill + 1].strip() == "→ lift the limit"


def test_an_option_in_a_remedy_is_never_broken() -> None:
    hint = "numactl --cpunodebind=0 --membind=0 and then whatever else there is to be started"
    finding = Finding(code="numa-nodes", state="warn", text="two", hint=hint)
    for width in range(60, 121):
        assert {"--cpunodebind=0", "--membind=0"} <= set(render(finding, width=width).split())


def test_only_the_states_are_coloured() -> None:
    plain, coloured = render(*ALL), render(*ALL, color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mBAD" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == plain


@pytest.mark.parametrize(
    ("findings", "summary"),
    [
        (ALL, "1 bad, 1 warn, 1 ok, 1 not to be seen: what is bad spoils"),
        ((OK, WARN), "0 bad, 1 warn, 1 ok: nothing spoils"),
        ((OK,), "0 bad, 0 warn, 1 ok: a good place to measure."),
    ],
)
def test_the_last_line_counts_and_concludes(findings: tuple[Finding, ...], summary: str) -> None:
    assert render(*findings, width=120).splitlines()[-1].startswith(summary)
