"""What the command line may cost before it knows what to do."""

import subprocess
import sys

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
