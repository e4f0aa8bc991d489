"""The subcommands, one module each: found by their `BENCH` or `COMMAND`, never listed."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import pkgutil
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asapbench.model import Bench, Command

_DOC = re.compile(r'"""(.*?)"""', re.DOTALL)
_IS_BENCH = re.compile(r"^BENCH = ", re.MULTILINE)


@dataclass(frozen=True)
class Outline:
    """What a list of subcommands says of one: whether it measures, and its first sentence."""

    name: str
    measures: bool
    summary: str


def names() -> tuple[str, ...]:
    """The names of all subcommands; none of them is imported."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Bench | Command:
    """The subcommand of this name."""
    module = importlib.import_module(f"{__name__}.{name}")
    found: Bench | Command = module.BENCH if hasattr(module, "BENCH") else module.COMMAND
    return found


def outline(name: str) -> Outline:
    """Read from its source: to import all of them takes longer than --help may."""
    spec = importlib.util.find_spec(f"{__name__}.{name}")
    source = getattr(spec and spec.loader, "get_source", lambda _: "")(f"{__name__}.{name}") or ""
    match = _DOC.match(source)
    doc: str = ast.literal_eval(match[0]) if match else ""
    return Outline(name, _IS_BENCH.search(source) is not None, doc.partition("\n")[0])


def benches() -> dict[str, Bench]:
    """Every bench found beside this file, by name."""
    from asapbench.model import Bench

    return {name: found for name in names() if isinstance(found := find(name), Bench)}


def commands() -> dict[str, Command]:
    """Every other command found beside this file, by name."""
    from asapbench.model import Command

    return {name: found for name in names() if isinstance(found := find(name), Command)}
