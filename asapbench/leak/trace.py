"""Runs in an instrumented server: where Python allocates, what grows, and what holds it.

Costs several times the time of a request, so it never touches a verdict.
"""

from __future__ import annotations

import gc
import json
import linecache
import sys
import tracemalloc
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import chain
from types import FrameType, GeneratorType
from typing import Any

from pydantic_core import from_json, to_json

from asapbench.leak.whose import is_ours, short, whose, whose_type

FRAMES = 8
_TOP = 40  # sites and types that are told
_LARGE = 100  # items from which on a container may be what keeps
_DEPTH = 6  # of the chain
_SLACK = 64  # bytes by which storage may be off what `sys.getsizeof` says
_STRINGS = 100_000  # several times what pydantic's cache of strings holds
_CONTAINERS = (list, dict, set, deque, bytearray)

Place = tuple[str, int]


class Tracer:
    """Takes a snapshot at each "trace"; "grown" tells the series of all that grew."""

    def __init__(self, drain: Callable[[], None]) -> None:
        self._drain = drain
        self._sites: list[dict[tuple[Place, Place], tuple[int, int]]] = []
        self._types: list[Counter[str]] = []
        self._lengths: list[dict[int, int]] = []
        tracemalloc.start(FRAMES)
        _fill_cache()

    def answer(self, question: str) -> str:
        """Raises ValueError for any other question."""
        if question == "trace":
            return json.dumps(self._trace())
        if question == "grown":
            return json.dumps(self._grown())
        raise ValueError(f"{question!r} is no question")

    def _trace(self) -> dict[str, int]:
        self._drain()
        gc.collect()
        self._types.append(Counter(map(_type_name, gc.get_objects())))
        self._lengths.append({id(one): length for one, length in containers()})
        self._sites.append(_sites())
        return {"snapshots": len(self._sites)}

    def _grown(self) -> dict[str, Any]:
        keeper = self._keeper()
        types = self._growing_types()
        start = keeper if keeper is not None else _newest(types[0]["type"] if types else "")
        return {
            "sites": self._growing_sites(),
            "replaced": self._replaced(),
            "types": types,
            "keeper": None if keeper is None else self._described(keeper),
            "chain": [] if start is None else list(_chain(start)),
        }

    def _replaced(self) -> list[tuple[int, int]]:
        """What is left of the strings that filled the cache: those of requests take their place."""
        return [sites.get((_FILLING, _FILLING), (0, 0)) for sites in self._sites]

    def _growing_sites(self) -> list[dict[str, Any]]:
        first, last = self._sites[0], self._sites[-1]
        last = {key: held for key, held in last.items() if key[0] != _FILLING}
        grown = sorted(last, key=lambda key: first.get(key, (0, 0))[0] - last[key][0])
        return [
            {
                **_described(*place),
                "via": None if via == place else _described(*via),
                "series": [sites.get((place, via), (0, 0)) for sites in self._sites],
            }
            for place, via in grown[:_TOP]
        ]

    def _growing_types(self) -> list[dict[str, Any]]:
        growth = self._types[-1] - self._types[0]
        return [
            {
                "type": name,
                "whose": whose_type(name),
                "series": [counts[name] for counts in self._types],
            }
            for name, _ in growth.most_common(_TOP)
        ]

    def _keeper(self) -> Any:
        """The container that grew from each snapshot to the next, by the most."""
        first, last = self._lengths[0], self._lengths[-1]
        always = [
            key
            for key in last
            if all(
                later.get(key, 0) > earlier.get(key, 0)
                for earlier, later in zip(self._lengths[1:], self._lengths[2:], strict=False)
            )
        ]
        if not always:
            return None
        best = max(always, key=lambda key: last[key] - first.get(key, 0))
        return next((one for one, _ in containers() if id(one) == best), None)

    def _described(self, keeper: Any) -> dict[str, Any]:
        place = storage(keeper, self._growing_places())
        series = [lengths.get(id(keeper), 0) for lengths in self._lengths]
        kept_at = None if place is None else _described(*place)
        return {
            "type": type(keeper).__name__,
            "of": latest_type(keeper),
            "series": series,
            "at": kept_at,
        }

    def _growing_places(self) -> set[Place]:
        first, last = self._sites[0], self._sites[-1]
        return {key[0] for key, held in last.items() if held > first.get(key, (0, 0))}


def _fill_cache() -> None:
    """Pydantic's cache of strings fills during thousands of requests, which looks like growth.

    Once it is full, strings of requests take the place of these: `_replaced` tells how many.
    """
    texts = to_json([f"{number:026d}" for number in range(_STRINGS)])
    from_json(texts)  # known by the number of this line


_FILLING: Place = (__file__, _fill_cache.__code__.co_firstlineno + 6)


def _sites() -> dict[tuple[Place, Place], tuple[int, int]]:
    """Bytes and blocks by the line that allocates, and by the line of the agent behind it."""
    found: dict[tuple[Place, Place], tuple[int, int]] = {}
    for trace in tracemalloc.take_snapshot().statistics("traceback"):
        frames = [(frame.filename, frame.lineno) for frame in reversed(trace.traceback)]
        if _FILLING in frames:
            frames = [_FILLING]
        elif any(is_ours(file) for file, _ in frames):
            continue
        via = next((frame for frame in frames if whose(frame[0]) == "agent"), frames[0])
        size, count = found.get((frames[0], via), (0, 0))
        found[frames[0], via] = size + trace.size, count + trace.count
    return found


def containers() -> Iterator[tuple[Any, int]]:
    """Each container that holds some items, and how many."""
    tracked = gc.get_objects()
    # also those that only others refer to: the collector does not follow what cannot be in a cycle,
    # such as a buffer, or a dict of strings
    found = chain(tracked, gc.get_referents(*tracked))
    # what a thing is, not what it says: a proxy answers for another, or for one that is gone
    for one in {id(one): one for one in found if issubclass(type(one), _CONTAINERS)}.values():
        length = _length(one)
        if length > _LARGE and one is not tracked:
            yield one, length


def _length(one: Any) -> int:
    """By its own type, whatever a class that is derived from it may do."""
    kind = next(kind for kind in _CONTAINERS if issubclass(type(one), kind))
    return kind.__len__(one)


def latest_type(container: Any) -> str | None:
    """What was put in last, where that can be told: the collector does not know all types."""
    if isinstance(container, list | deque) and len(container):
        return _type_name(container[-1])
    if isinstance(container, dict) and container:
        return _type_name(next(reversed(dict.values(container))))
    return None


def storage(container: Any, growing: set[Place]) -> Place | None:
    """The statement that made the storage of a container last: the one that put something in."""
    header = type(container).__basicsize__ + (16 if gc.is_tracked(container) else 0)
    wanted = sys.getsizeof(container) - header
    near = [
        (abs(trace.size - wanted), (trace.traceback[-1].filename, trace.traceback[-1].lineno))
        for trace in tracemalloc.take_snapshot().traces
        if trace.size > wanted / 2 and abs(trace.size - wanted) <= _SLACK
    ]
    return min((found for found in near if found[1] in growing), default=(0, None))[1]


def _newest(name: str) -> Any:
    found = [one for one in gc.get_objects() if _type_name(one) == name]
    return found[-1] if found else None


def _chain(start: Any) -> Iterator[str]:
    """Names from an object to the module that holds it; it may end before."""
    seen = {id(start)}
    one = start
    yield _shown(one)
    for _ in range(_DEPTH):
        holder = _holder(one, seen)
        if holder is None:
            return
        if _is_module(holder):
            yield f"{holder['__name__']}.{_name_in(holder, one)}"
            return
        yield _shown(holder)
        seen.add(id(holder))
        one = holder


def _holder(one: Any, seen: set[int]) -> Any:
    """A module that holds an object, else anything of the program that does."""
    # in a frame of its own, which is gone before the next look: its list would be a holder then
    holders = [
        held for held in gc.get_referrers(one) if id(held) not in seen and _is_of_the_program(held)
    ]
    modules = (held for held in holders if _is_module(held))
    return next(modules, holders[0] if holders else None)


def _is_of_the_program(holder: Any) -> bool:
    """Not a frame or a generator: these look at an object while they run."""
    return not issubclass(type(holder), FrameType | GeneratorType)


def _is_module(holder: Any) -> bool:
    return type(holder) is dict and "__spec__" in holder and "__name__" in holder


def _name_in(module: dict[str, Any], one: Any) -> str:
    return next((name for name, value in module.items() if value is one), "")


def _shown(one: Any) -> str:
    return type(one).__qualname__


def _type_name(one: Any) -> str:
    return f"{type(one).__module__}.{type(one).__qualname__}"


def _described(file: str, line: int) -> dict[str, Any]:
    code = linecache.getline(file, line).strip()
    return {"file": short(file), "line": line, "code": code, "whose": whose(file)}
