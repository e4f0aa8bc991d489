"""What makes Python slower than it is, and is inherited by every process of a run."""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping

_SLOWING = (
    "PYTHONDEVMODE",
    "PYTHONASYNCIODEBUG",
    "PYTHONMALLOC",
    "PYTHONTRACEMALLOC",
    "PYTHONPROFILEIMPORTTIME",
    "COVERAGE_PROCESS_START",
    "COVERAGE_PROCESS_CONFIG",
)
_PRELOADING = ("LD_PRELOAD", "DYLD_INSERT_LIBRARIES")


def read_slowed_by(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The environment variables set that slow Python down, and a debug build."""
    build = ("a debug build",) if sysconfig.get_config_var("Py_DEBUG") else ()
    return build + tuple(name for name in _SLOWING if variables.get(name))


def read_preloaded(variables: Mapping[str, str]) -> str | None:
    """The environment variable that puts a library into every process, if there is one."""
    return next((name for name in _PRELOADING if variables.get(name)), None)
