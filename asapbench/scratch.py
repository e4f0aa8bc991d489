"""Folders that are gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asapbench.errors import UsageError


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for as long as the block lasts. Raises UsageError where none can be made."""
    try:
        made = tempfile.TemporaryDirectory(prefix="asapbench-")
    except OSError as error:
        raise UsageError(
            "no temporary folder can be written: set TMPDIR to one that can"
        ) from error
    with made as folder:
        yield Path(folder)
