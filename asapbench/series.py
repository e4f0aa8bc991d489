"""Raw numbers on disk: a table of fixed-size rows that grows while it is measured.

A file is a page of JSON (name, columns, labels), then rows. Rows are written through a shared
memory map: no system call a row, and a process that is killed loses none of those it wrote. While
it is open the file is longer than its rows; the rest is zeros, and no written row begins with a
zero, since the first column of every layout is a time. That column is written last, so that a row
is there as a whole or not at all.
"""

from __future__ import annotations

import errno
import json
import math
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

HEADER = 1 << 16  # a whole number of pages on every machine, so that files can be read on another
_TIME = struct.Struct("<d")  # the first column
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
        self._size = layout.row.size
        self._rest = struct.Struct("<" + "".join(column.code for column in layout.columns[1:]))
        # whole pages and whole rows, so that no row straddles two windows
        unit = math.lcm(mmap.ALLOCATIONGRANULARITY, self._size)
        self._window = unit * math.ceil(_WINDOW / unit)
        self._file = _begun(path, json.dumps(asdict(layout)).encode().ljust(HEADER))
        self._start = HEADER
        self._offset = 0
        try:
            self._map = self._open_window(HEADER)
        except OSError:
            self._file.close()
            raise

    def append(self, time: float, *values: float) -> None:
        """Write one row: a value for each column, in order."""
        if self._offset == self._window:
            self._next_window()
        self._rest.pack_into(self._map, self._offset + _TIME.size, *values)
        _TIME.pack_into(self._map, self._offset, time)
        self._offset += self._size

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

    def _next_window(self) -> None:
        start = self._start + self._window
        fresh = self._open_window(start)
        self._map.close()
        self._map, self._start, self._offset = fresh, start, 0

    def _open_window(self, start: int) -> mmap.mmap:
        # space that a full disk cannot give is refused here; in the map it would be a bus error
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), start, self._window)
        else:
            self._file.truncate(start + self._window)
        return mmap.mmap(self._file.fileno(), self._window, offset=start)


def _begun(path: Path, page: bytes) -> BinaryIO:
    """A new file that has its first page whenever it has its name."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    fresh = path.with_name(path.name + ".new")
    file = fresh.open("wb+")
    file.write(page)
    file.flush()
    fresh.rename(path)
    return file


def layout_of(path: Path) -> Layout:
    """Read what the rows of a file hold. Raises ValueError for a file that is no series."""
    with path.open("rb") as file:
        page = file.read(HEADER)
    try:
        return _layout(page)
    except (ValueError, LookupError, TypeError, struct.error) as error:
        raise ValueError(f"{str(path)!r} holds no series of numbers: {error}") from error


def rows_of(path: Path) -> bytes:
    """Read the rows of a file, also of one whose writer was killed."""
    size = layout_of(path).row.size
    with path.open("rb") as file:
        file.seek(HEADER)
        rows = file.read()
    written = len(rows) // size
    while written and not any(rows[(written - 1) * size : (written - 1) * size + _TIME.size]):
        written -= 1
    return rows[: written * size]


class Follower:
    """Reads the rows that a writer in another process has appended since the last call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = HEADER

    def new_rows(self) -> Iterator[tuple[float, ...]]:
        """Yield each row once it is written; nothing where the file is not begun yet."""
        if not self._path.exists() or self._path.stat().st_size <= HEADER:
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


def _layout(page: bytes) -> Layout:
    if len(page) < HEADER:
        raise ValueError("its first page is cut off")
    header = json.loads(page)
    columns = tuple(Column(**column) for column in header["columns"])
    if columns[0].code != "d":
        raise ValueError("its first column is no time")
    layout = Layout(header["name"], columns, header["labels"])
    _ = layout.row  # an unknown code is refused here
    return layout
