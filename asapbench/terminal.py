"""What standard output can show: how wide it is, and whether in colour."""

from __future__ import annotations

import os
import shutil
import sys


def width_of_stdout(default: int = 120) -> int:
    """Columns of the terminal, or of $COLUMNS; the default where there is neither."""
    return shutil.get_terminal_size((default, 24)).columns


def color_on_stdout() -> bool:
    """Whether it is a terminal that shows colours, and nobody asked for none (no-color.org)."""
    asked = os.environ.get("NO_COLOR", "") == "" and os.environ.get("TERM") != "dumb"
    return asked and sys.stdout.isatty()
