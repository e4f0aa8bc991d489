"""Import a suite and find what is in it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from asapbench.catalogue import REFERENCES
from asapbench.suite import Benchmark, found_in
from asapbench.workers.folder import import_from_folder


def find(suite: str) -> dict[str, Benchmark]:
    """The benchmarks of a module, and of all modules below it, by key.

    Raises whatever the import raises; ValueError where there is none, or two are called the same.
    """
    found: dict[str, Benchmark] = {}
    for module in _modules(suite):
        for one in found_in(vars(module)):
            known = found.setdefault(one.entry.key, one)
            if known is not one:
                raise ValueError(f"two benchmarks are called {one.entry.key}: rename one of them")
    if not found:
        raise ValueError("there is no benchmark in it: mark functions with @benchmark(group=…)")
    _check_group(found)
    _check_against(found)
    return found


def reference() -> dict[str, Benchmark]:
    """The work that never changes."""
    module = importlib.import_module("asapbench.suite.reference")
    return {one.entry.key: one for one in found_in(vars(module))}


def _modules(suite: str) -> Iterator[ModuleType]:
    module = import_from_folder(suite)
    yield module
    path = getattr(module, "__path__", ())
    for below in pkgutil.walk_packages(path, f"{suite}.", onerror=_raise):
        yield importlib.import_module(below.name)


def _raise(_: str) -> None:
    """Raise again what an import raised, instead of leaving out what is below."""
    raise  # it is called where that is being handled


def _check_group(found: dict[str, Benchmark]) -> None:
    for one in found.values():
        if one.entry.group == REFERENCES[0].group:
            raise ValueError(
                f"{one.entry.key}: the group {one.entry.group!r} is that of the work by which "
                "machines are compared: give it another name"
            )


def _check_against(found: dict[str, Benchmark]) -> None:
    for one in found.values():
        other = one.entry.against
        if other is not None and f"{one.entry.group}/{other}" not in found:
            raise ValueError(f"{one.entry.key} is against {other!r}, which is not in its group")
