"""Whose code a file is: the agent's, that of `asap`, or that of a dependency."""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path
from typing import Literal

import asap

_ASAP = str(Path(asap.__file__).parent)
_OURS = str(Path(__file__).parent)
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")})


@cache
def whose(file: str) -> Literal["agent", "asap", "dependency"]:
    """Tell by where the file lies; what has no file belongs to Python."""
    if file.startswith(_ASAP + "/"):
        return "asap"
    if file.startswith((*_LIBRARIES, "<")) or "site-packages" in file or _is_serving(file):
        return "dependency"
    return "agent"


def _is_serving(file: str) -> bool:
    return file.endswith("asapbench/workers/serve.py")


def is_ours(file: str) -> bool:
    """Whether it is a part of the instrument."""
    return file.startswith(_OURS + "/") or file.endswith("tracemalloc.py")
