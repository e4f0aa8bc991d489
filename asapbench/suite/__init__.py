"""Benchmarks are functions: `@benchmark` makes one of the function that sets its operation up.

    from asapbench.suite import benchmark

    @benchmark(group="parsing")
    def small_document():
        text = make_document(10)      # not timed
        return lambda: parse(text)    # timed, many times over

The name of the function is the name of the benchmark. The set-up and the operation may each be
`async`; an async operation is awaited, one after the other, on one event loop. A set-up that is a
generator yields the operation and cleans up when it is resumed. It may ask for `agent` (where the
agent under test is) and for `size` (one of the `sizes` given), by naming such a parameter.

An operation that gets a wrong result raises: the benchmark is then named, and has no time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asapbench.catalogue import Agent, Entry

__all__ = ["Agent", "Benchmark", "Operation", "benchmark"]

_WRITTEN = ((1_000_000, "mb"), (1_000, "kb"), (1, "b"))


@dataclass(frozen=True)
class Operation:
    """An operation with numbers of its own that are no times, such as a ratio.

    `size` is what it really works on, where that is not to the byte the size that was asked for.
    """

    run: Callable[[], Any]
    numbers: Mapping[str, float] = field(default_factory=dict)
    size: int | None = None


@dataclass(frozen=True)
class Benchmark:
    """What is known of it, and the function that sets it up; it takes `given`, by name."""

    entry: Entry
    set_up: Callable[..., Any]
    wants: tuple[str, ...] = ()


def benchmark(
    *,
    group: str,
    name: str | None = None,
    items: int = 1,
    rate: bool = False,
    sizes: Sequence[int] = (),
    exponent: bool = False,
    against: str | None = None,
    numbers: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], Sequence[Benchmark]]:
    """Make a benchmark of a set-up; of one that works on several `sizes`, a benchmark each.

    Raises ValueError where a set-up asks for something that there is not.
    """

    def declared(set_up: Callable[..., Any]) -> Sequence[Benchmark]:
        wants = _wants(set_up)
        common = {"group": group, "items": items, "rate": rate, "exponent": exponent}
        common |= {"against": against, "agent": "agent" in wants, "numbers": tuple(numbers)}
        own = name or str(set_up.__name__)
        entries = [
            Entry(**common, name=own if size is None else _sized(own, size), size=size)
            for size in (sizes or (None,))
        ]
        return tuple(Benchmark(entry, set_up, wants) for entry in entries)

    return declared


def found_in(contents: Mapping[str, Any]) -> list[Benchmark]:
    """The benchmarks among the names of a module, in the order in which they are written."""
    return [
        one
        for value in contents.values()
        if isinstance(value, tuple) and value and all(isinstance(one, Benchmark) for one in value)
        for one in value
    ]


def _wants(set_up: Callable[..., Any]) -> tuple[str, ...]:
    wants = tuple(inspect.signature(set_up).parameters)
    unknown = set(wants) - {"agent", "size"}
    if unknown:
        raise ValueError(f"a set-up may ask for agent and size, not for {', '.join(unknown)}")
    return wants


def _sized(name: str, size: int) -> str:
    unit, suffix = next(pair for pair in _WRITTEN if size >= pair[0])
    return f"{name}_{size / unit:g}_{suffix}"
