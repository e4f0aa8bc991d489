"""The benches, one module each; a module with a `BENCH` is a subcommand."""

from __future__ import annotations

import importlib
import pkgutil

from asapbench.model import Bench


def benches() -> dict[str, Bench]:
    """Every bench found beside this file, by name."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    found: list[Bench] = [module.BENCH for module in modules if hasattr(module, "BENCH")]
    return {bench.name: bench for bench in found}
