"""The fenced blocks of a page: files, commands, and what commands print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
PAGES = (ROOT / "README.md", *sorted(FOLDER.glob("*.md")))

_FENCE = re.compile(r"```(?P<kind>\w*)(?: title=\"(?P<title>[^\"]+)\")?")
_MARK = re.compile(r"<!-- shown: (.+) -->")


@dataclass(frozen=True)
class Step:
    """A command line, where it stands, and the lines that are shown to come of it."""

    line: str
    number: int
    shown: str = ""


@dataclass(frozen=True)
class Block:
    """A fenced block. `mark` says what its output is a rendering of, if of a stored run."""

    kind: str
    title: str
    heading: str
    mark: str
    number: int
    lines: tuple[str, ...] = field(repr=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Its commands: lines after `$ ` in a console, every line of a script."""
        if self.kind == "sh":
            return tuple(
                Step(line, self.number + offset)
                for offset, line in enumerate(self.lines, start=1)
                if line and not line.startswith("#")
            )
        return tuple(_console(self)) if self.kind == "console" else ()

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines) + "\n"


def blocks(page: Path) -> Iterator[Block]:
    """Every fenced block of a page. Raises ValueError for one that is not fenced."""
    heading, mark, opened = "", "", None
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if opened is not None and line != "```":
            lines.append(line)
        elif opened is not None:
            kind, title, start = opened
            yield Block(kind, title, heading, mark, start, tuple(lines))
            mark, opened, lines = "", None, []
        elif fence := _FENCE.fullmatch(line):
            opened = fence["kind"], fence["title"] or "", number
        elif line.startswith(("    ", "```")):
            raise ValueError(f"{page.name}:{number}: put it between ``` lines, of one kind: {line}")
        else:
            heading = line.lstrip("#").strip() if line.startswith("#") else heading
            mark = found[1] if (found := _MARK.fullmatch(line)) else mark


def _console(block: Block) -> Iterator[Step]:
    """Each line after `$ `, with those that follow up to the next."""
    pattern = r"^\$ (?P<line>.+)\n(?P<shown>(?:(?!\$ ).*\n)*)"
    for found in re.finditer(pattern, block.text, re.MULTILINE):
        number = block.number + 1 + block.text[: found.start()].count("\n")
        yield Step(found["line"], number, found["shown"])
