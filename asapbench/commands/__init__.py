"""The subcommands, one module each: found by their `BENCH` or `COMMAND`, never listed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from asapbench.model import Bench, Command


def benches() -> dict[str, Bench]:
    """Every bench found beside this file, by name."""
    return {found.name: found for found in _found("BENCH")}


def commands() -> dict[str, Command]:
    """Every other command found beside this file, by name."""
    return {found.name: found for found in _found("COMMAND")}


def _found(constant: str) -> Iterator[Any]:
    for module in pkgutil.iter_modules(__path__):
        content = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(content, constant):
            yield getattr(content, constant)
