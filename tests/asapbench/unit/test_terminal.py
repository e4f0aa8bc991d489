"""Standard output and error where they cannot be written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_the_exit_code_is_that_of_the_error_though_it_cannot_be_told(where: str) -> None:
    command = f'"$0" -m asapbench compare no-such no-such {where}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout + done.stderr == b""
