"""Files of the kernel, any of which may be missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tree:
    """Where the kernel shows itself."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


def read_text(file: Path) -> str | None:
    """The content without the white space around it, or None."""
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return None


def read_number(file: Path) -> int | None:
    """The content as a whole number, or None."""
    try:
        return int(read_text(file) or "")
    except ValueError:
        return None


def read_table(file: Path) -> dict[str, int]:
    """Lines of a name and a number, as {name: number}; {} where there are none."""
    rows = (line.split() for line in (read_text(file) or "").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
