"""Series files: what was written is read, whatever became of the writer."""

import json
import mmap
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench import series
from asapbench.series import HEADER, Column, Follower, Layout, Writer, layout_of, rows_of
from asapbench.table import read_measurement

LAYOUT = Layout(
    "readings",
    (Column("at", "s", "d"), Column("value", "B", "d"), Column("kind", "1", "B")),
    {"process": "server"},
)
Row = tuple[float, float, int]
times = st.floats(1e-3, 1e9)
rows_strategy = st.lists(st.tuples(times, st.floats(allow_nan=False), st.integers(0, 255)))


def rows_in(path: Path) -> list[tuple[float, ...]]:
    return list(LAYOUT.row.iter_unpack(rows_of(path)))


def some_rows(count: int) -> list[Row]:
    return [(float(number), -0.5 * number, number % 256) for number in range(1, count + 1)]


def write(path: Path, rows: list[Row]) -> None:
    with Writer(path, LAYOUT) as writer:
        for row in rows:
            writer.append(*row)


@given(rows_strategy)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row]
) -> None:
    path = tmp_path_factory.mktemp("series") / "a.series"
    write(path, rows)
    assert rows_in(path) == rows


def test_a_file_says_what_its_rows_hold(tmp_path: Path) -> None:
    write(tmp_path / "a.series", [])
    assert layout_of(tmp_path / "a.series") == LAYOUT


def test_a_measurement_has_an_array_a_column(tmp_path: Path) -> None:
    write(tmp_path / "a.series", some_rows(3))
    table = read_measurement(tmp_path / "a.series")
    assert (table.name, table.labels) == ("readings", {"process": "server"})
    assert table.units == {"at": "s", "value": "B", "kind": "1"}
    np.testing.assert_array_equal(table.columns["value"], [-0.5, -1.0, -1.5])
    np.testing.assert_array_equal(table.columns["kind"], [1, 2, 3])


def test_a_closed_file_is_as_long_as_its_rows(tmp_path: Path) -> None:
    write(tmp_path / "a.series", some_rows(7))
    assert (tmp_path / "a.series").stat().st_size == HEADER + 7 * LAYOUT.row.size


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.series", LAYOUT)
    writer.append(1.0, 2.0, 3)
    writer.close()
    writer.close()
    assert len(rows_in(tmp_path / "a.series")) == 1


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    write(tmp_path / "a.series", some_rows(1))
    with pytest.raises(FileExistsError):
        Writer(tmp_path / "a.series", LAYOUT)


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("windows", [1, 2, 3])
def test_rows_run_over_the_borders_of_the_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: int, more: int
) -> None:
    monkeypatch.setattr(series, "_WINDOW", 1)
    # the smallest window of whole pages and whole rows (of 17 bytes) has a page's worth of rows
    rows = some_rows(windows * mmap.ALLOCATIONGRANULARITY + more)
    write(tmp_path / "a.series", rows)
    assert rows_in(tmp_path / "a.series") == rows


KILLED = """
import os, sys
from pathlib import Path
from asapbench import series
series._WINDOW = 1
layout = series.Layout("readings", tuple(series.Column(n, "1", "d") for n in "ab"))
writer = series.Writer(Path(sys.argv[1]), layout)
for number in range(1, int(sys.argv[2]) + 1):
    writer.append(float(number), 0.0)
os._exit(9)
"""


@pytest.mark.parametrize("count", [0, 5, 256, 300])
def test_a_writer_that_is_killed_loses_none_of_its_rows(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.series"
    child = subprocess.run([sys.executable, "-c", KILLED, path, str(count)], check=False)
    assert child.returncode == 9
    assert path.stat().st_size >= HEADER + 16 * count
    table = read_measurement(path)
    np.testing.assert_array_equal(table.columns["a"], np.arange(1, count + 1))


def test_a_row_that_was_begun_but_not_finished_is_not_there(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.series", LAYOUT)
    writer.append(1.0, 2.0, 3)
    with pytest.raises(struct.error):
        writer.append(2.0, 3.0, 1000)
    assert rows_in(tmp_path / "a.series") == [(1.0, 2.0, 3)]
    assert list(Follower(tmp_path / "a.series").new_rows()) == [(1.0, 2.0, 3)]
    writer.close()


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)


def test_on_a_full_disk_a_file_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_the_disk(monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        Writer(tmp_path / "a.series", LAYOUT)


def test_when_the_disk_fills_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "_WINDOW", 1)
    rows = some_rows(mmap.ALLOCATIONGRANULARITY)
    with Writer(tmp_path / "a.series", LAYOUT) as writer:
        for row in rows:
            writer.append(*row)
        fill_the_disk(monkeypatch)
        with pytest.raises(OSError, match="No space left"):
            writer.append(*rows[0])
    assert rows_in(tmp_path / "a.series") == rows
    assert (tmp_path / "a.series").stat().st_size == HEADER + len(rows) * LAYOUT.row.size


def test_a_follower_sees_each_row_once(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "a.series")
    assert list(follower.new_rows()) == []
    with Writer(tmp_path / "a.series", LAYOUT) as writer:
        assert list(follower.new_rows()) == []
        writer.append(1.0, 0.0, 1)
        writer.append(2.0, 0.0, 2)
        assert [row[0] for row in follower.new_rows()] == [1.0, 2.0]
        assert list(follower.new_rows()) == []
        writer.append(3.0, 0.0, 3)
        assert [row[0] for row in follower.new_rows()] == [3.0]
    assert list(follower.new_rows()) == []


def test_a_follower_goes_on_in_the_next_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "_WINDOW", 1)
    rows = some_rows(2 * mmap.ALLOCATIONGRANULARITY + 10)
    follower = Follower(tmp_path / "a.series")
    seen: list[tuple[float, ...]] = []
    with Writer(tmp_path / "a.series", LAYOUT) as writer:
        for number, row in enumerate(rows):
            writer.append(*row)
            if number % 1000 == 0:
                seen += follower.new_rows()
        seen += follower.new_rows()
    assert seen == rows


def test_a_follower_waits_for_a_file_that_is_only_begun(tmp_path: Path) -> None:
    (tmp_path / "a.series").write_bytes(b"{")
    assert list(Follower(tmp_path / "a.series").new_rows()) == []


def page(**changes: object) -> bytes:
    good = {"name": "a", "columns": [{"name": "at", "unit": "s", "code": "d"}], "labels": {}}
    return json.dumps(good | changes).encode().ljust(HEADER)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        page()[:-1],
        b"\0" * HEADER,
        b"\xff" * HEADER,
        b"[]".ljust(HEADER),
        b"{}".ljust(HEADER),
        page(columns=[]),
        page(columns=[{"name": "at"}]),
        page(columns=[{"name": "at", "unit": "s", "code": "i"}]),
        page(
            columns=[
                {"name": "at", "unit": "s", "code": "d"},
                {"name": "b", "unit": "", "code": "?!"},
            ]
        ),
        page(columns=5),
    ],
)
def test_what_is_no_series_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.series").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.series' holds no series of numbers: "):
        layout_of(tmp_path / "a.series")
