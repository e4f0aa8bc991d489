"""What the command line may cost before it knows what to do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("gevent", "locust", "pyperf", "uvicorn", "numpy", "scipy", "jinja2", "plotly")


@pytest.mark.parametrize(
    "start", ["import asapbench.cli", "import asapbench.commands as c; c.benches(), c.commands()"]
)
def test_the_command_line_starts_without_what_only_a_run_needs(start: str) -> None:
    code = f"import sys\n{start}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.split() == []


def test_a_verdict_needs_no_part_of_scipy_that_takes_seconds_to_import() -> None:
    code = """
import sys
import asapbench.samples, asapbench.health, asapbench.usage, asapbench.grown, asapbench.timings
import asapbench.comparison, asapbench.ladder.conclude
print(*(name for name in ("scipy.stats", "scipy.optimize") if name in sys.modules))
"""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert child.stdout.split() == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_it_still_reads_itself_in_is_one_line(
    tmp_path: Path, sent: signal.Signals
) -> None:
    (tmp_path / "typer.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    slow = {**os.environ, "PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-m", "asapbench", "load"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, env=slow, text=True, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(sent)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert error == "asapbench: interrupted before anything was measured\n"
