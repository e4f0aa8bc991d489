"""Standard output and error where they cannot be written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asapbench.live import watching
from asapbench.live.plain import lines
from asapbench.model import Story, Tick

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def test_progress_that_cannot_be_written_breaks_no_measurement(
    make_story: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        watch = lines("asapbench load")
        for phase in ("measured", "analysing"):
            watch(Tick(phase=phase, elapsed=0.0, progress=0.0), make_story())


@pytest.mark.parametrize("below", [True, False])
def test_a_terminal_that_cannot_be_written_breaks_no_measurement(
    make_story: Callable[..., Story], monkeypatch: pytest.MonkeyPatch, *, below: bool
) -> None:
    """As one of which `stty tostop` keeps what runs in the background, with no shell to say so."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delattr("asapbench.live.lines")  # the view it is, and no plain lines
    with FULL.open("w", encoding="utf-8") as full:
        monkeypatch.setattr(full, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stderr", full)
        with watching(quiet=False, title="asapbench load", below=below) as watch:
            for phase in ("measured", "analysing"):
                watch(Tick(phase=phase, elapsed=0.0, progress=0.0), make_story())
        full.write("nor does what is told later")


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_the_exit_code_is_that_of_the_error_though_it_cannot_be_told(where: str) -> None:
    command = f'"$0" -m asapbench compare no-such no-such {where}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout + done.stderr == b""
