"""Whose code a file is: the agent's, that of `asap`, or that of a dependency; and its name."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Literal

import asap

_ASAP = str(Path(asap.__file__).parent)
_OURS = str(Path(__file__).parent)
_PLACES = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")}
_LIBRARIES = tuple(sorted(_PLACES, key=len, reverse=True))  # one may lie in another


@cache
def whose(file: str) -> Literal["agent", "asap", "dependency"]:
    """Tell by where the file lies; what has no file belongs to Python."""
    if file.startswith(_ASAP + "/"):
        return "asap"
    if file.startswith((*_LIBRARIES, "<")) or "site-packages" in file or _is_serving(file):
        return "dependency"
    return "agent"


def whose_type(name: str) -> Literal["agent", "asap", "dependency"]:
    """Tell by the module in which a type such as `my_agent.Shop.Order` is."""
    words = name.split(".")
    modules = (".".join(words[:count]) for count in range(len(words), 0, -1))
    module = next((sys.modules[one] for one in modules if one in sys.modules), None)
    return whose(getattr(module, "__file__", None) or "<built in>")


def short(file: str) -> str:
    """As a reader knows it: below where packages are installed, or below the current folder."""
    for folder in (*_LIBRARIES, str(Path.cwd())):
        if file.startswith(folder + "/"):
            return file.removeprefix(folder + "/")
    return file


def _is_serving(file: str) -> bool:
    return file.endswith("asapbench/workers/serve.py")


def is_ours(file: str) -> bool:
    """Whether it is a part of the instrument."""
    return file.startswith(_OURS + "/") or file.endswith("tracemalloc.py")
