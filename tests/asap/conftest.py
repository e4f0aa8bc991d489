"""Makes `tests.asap.serving` importable: pytest puts on the path what holds tests, no more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import tests.untimed  # noqa: F401 - what it loads holds for all tests beside this
