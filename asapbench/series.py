"""Raw numbers on disk: a table of fixed-size rows that grows while it is measured.

A file is one page of JSON (name, columns, labels), then rows. Rows are written through a shared
memory map: no system call a row, and a process that is killed loses none of those it wrote. While
it is open the file is longer than its rows; the rest is zeros, and no written row begins with a
zero, since the first column of every layout is a time.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

HEADER = mmap.ALLOCATIONGRANULARITY
_WINDOW = 1 << 20


@dataclass(frozen=True)
class Column:
    """One number of a row; `code` is its `struct` character."""

    name: str
    unit: str
    code: str


@dataclass(frozen=True)
class Layout:
    """What a row holds. The first column is a time in seconds, never zero."""

    name: str
    columns: tuple[Column, ...]
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def row(self) -> struct.Struct:
        """Little-endian, unaligned."""
        return struct.Struct("<" + "".join(column.code for column in self.columns))


class Writer:
    """Appends rows to a new file; a row once written survives the death of this process."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self._row = layout.row
        # whole pages and whole rows, so that no row straddles two windows
        unit = math.lcm(HEADER, self._row.size)
        self._window = unit * math.ceil(_WINDOW / unit)
        self._file = path.open("xb+")
        self._file.write(json.dumps(asdict(layout)).encode().ljust(HEADER))
        self._file.flush()
        self._start = HEADER
        self._map = self._open_window()
        self._offset = 0

    def append(self, *values: float) -> None:
        """Write one row: a value for each column, in order."""
        if self._offset == self._window:
            self._map.close()
            self._start += self._window
            self._map = self._open_window()
            self._offset = 0
        self._row.pack_into(self._map, self._offset, *values)
        self._offset += self._row.size

    def close(self) -> None:
        """Cut the file to the rows written; a second call does nothing."""
        if self._file.closed:
            return
        self._map.close()
        self._file.truncate(self._start + self._offset)
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_window(self) -> mmap.mmap:
        self._file.truncate(self._start + self._window)
        return mmap.mmap(self._file.fileno(), self._window, offset=self._start)


def layout_of(path: Path) -> Layout:
    """Read what the rows of a file hold."""
    with path.open("rb") as file:
        header = json.loads(file.read(HEADER))
    return Layout(
        header["name"], tuple(Column(**column) for column in header["columns"]), header["labels"]
    )


def rows_of(path: Path) -> bytes:
    """Read the rows of a file, also of one whose writer was killed."""
    size = layout_of(path).row.size
    rows = path.read_bytes()[HEADER:]
    written = len(rows) // size
    while written and not any(rows[(written - 1) * size : (written - 1) * size + 8]):
        written -= 1
    return rows[: written * size]


class Follower:
    """Reads the rows that a writer in another process has appended since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = HEADER

    def new_rows(self) -> Iterator[tuple[float, ...]]:
        """Yield each row once it is written; nothing where the file does not exist yet."""
        if not self._path.exists():
            return
        row = layout_of(self._path).row
        with self._path.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        for values in row.iter_unpack(data[: len(data) // row.size * row.size]):
            if not values[0]:
                return
            self._position += row.size
            yield values
