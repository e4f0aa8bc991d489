"""A terminal, as far as the live view makes use of one: it wraps, scrolls, and can be resized."""

import re
from dataclasses import dataclass, field

_CODE = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])")


@dataclass
class Screen:
    """`lines` are those that a newline ends; a long one takes several rows."""

    width: int
    height: int
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0  # of all rows, those that scrolled away too
    column: int = 0
    cursor_shown: bool = True
    scrolled: int = 0
    before: "tuple[list[str], int, int, int] | None" = None  # while another screen is shown

    def write(self, text: str) -> None:
        for private, number, letter, back, new, plain in _CODE.findall(text):
            if letter:
                self._obey(private + letter, int(number or 0) if number.isdigit() else 0)
            elif back:
                self.column = 0
            elif new:
                self._down()
            else:
                assert plain
                self._put(plain)

    def resize(self, width: int, height: int) -> None:
        """Long lines are wrapped anew, and the cursor stays at its character.

        Another screen is cut instead, as terminals do.
        """
        if self.before is not None:
            self.lines = [line[:width] for line in self.lines[:height]]
            self.width, self.height = width, height
            self.row, self.column = min(self.row, height - 1), min(self.column, width)
            return
        index, offset = self._place()
        character = offset * self.width + self.column
        self.width, self.height = width, height
        row = sum(self._rows(line) for line in self.lines[:index])
        extra, self.column = divmod(min(character, max(0, len(self.lines[index]))), width)
        self.row = row + extra
        self._scroll()

    def shown(self) -> list[str]:
        """What can be seen, without blanks at the ends."""
        rows = [
            line[start : start + self.width].rstrip()
            for line in self.lines
            for start in range(0, max(1, len(line)), self.width)
        ]
        rows = rows[self.scrolled :]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _obey(self, code: str, number: int) -> None:
        if code == "A":
            self.row, self.column = max(self.scrolled, self.row - (number or 1)), self.column
        elif code == "K":
            index, offset = self._place()
            line = self.lines[index]
            start = offset * self.width
            rest = line[start + self.width :]
            # a row that is wiped is one of its own from then on
            parts = [*([line[:start]] if start else []), "", *([rest] if rest else [])]
            self.lines[index : index + 1] = parts
        elif code == "H":
            self.row, self.column = self.scrolled, 0
        elif code in {"?h", "?l"} and number == 1049:
            self._swap(other=code == "?h")
        elif code in {"?h", "?l"}:
            assert number == 25
            self.cursor_shown = code == "?h"
        else:
            assert code == "m", f"the view uses no {code!r}"

    def _swap(self, *, other: bool) -> None:
        if other:
            self.before = (self.lines, self.row, self.column, self.scrolled)
            self.lines, self.row, self.column, self.scrolled = [""], 0, 0, 0
        elif self.before is not None:
            self.lines, self.row, self.column, self.scrolled = self.before
            self.before = None

    def _put(self, character: str) -> None:
        index, offset = self._place()
        at = offset * self.width + self.column
        line = self.lines[index].ljust(at)
        self.lines[index] = line[:at] + character + line[at + 1 :]
        self.column += 1
        if self.column > self.width:
            self.row, self.column = self.row + 1, 1
            self._scroll()

    def _down(self) -> None:
        index, _ = self._place()
        self.row = sum(self._rows(line) for line in self.lines[: index + 1])
        self.column = 0
        if index + 1 == len(self.lines):
            self.lines.append("")
        self._scroll()

    def _scroll(self) -> None:
        self.scrolled = max(self.scrolled, self.row - self.height + 1)

    def _rows(self, line: str) -> int:
        return max(1, -(-len(line) // self.width))

    def _place(self) -> tuple[int, int]:
        """The line of the cursor, and which of its rows that is."""
        row = self.row
        for index, line in enumerate(self.lines):
            if row < self._rows(line):
                return index, row
            row -= self._rows(line)
        return len(self.lines) - 1, row
