"""Modules of the user, which lie in the folder where a worker was started."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType


def import_from_folder(name: str) -> ModuleType:
    """Import a module that may lie there, where workers do not look by themselves."""
    sys.path.insert(0, str(Path.cwd()))
    return importlib.import_module(name)
