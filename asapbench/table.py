"""Series files as numpy arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asapbench.model import Measurement
from asapbench.series import layout_of, rows_of

_TYPES = {"d": "<f8", "i": "<i4", "I": "<u4", "B": "u1", "Q": "<u8"}


def read_measurement(path: Path) -> Measurement:
    """Read a series file as one array a column."""
    layout = layout_of(path)
    dtype = np.dtype([(column.name, _TYPES[column.code]) for column in layout.columns])
    rows = np.frombuffer(rows_of(path), dtype)
    return Measurement(
        layout.name,
        {column.name: rows[column.name] for column in layout.columns},
        {column.name: column.unit for column in layout.columns},
        layout.labels,
    )
