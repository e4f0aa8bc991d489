"""ASAP agents whose growth is known: `objects_200`, `bytes_2000`, `native_200`, `cache_20000` …

The number is what is kept of each request, in bytes (Python objects, a growing `bytearray`,
memory of malloc through ctypes), or how many entries a cache has until it is full. `warmup_5` grows
by 5 MB and no more; `cycles_10` makes reference cycles of so many objects a request.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from asap.models import Capability, Endpoint, Manifest, Skill
from asap.transport import create_app

Keep = Callable[[], None]

_ENTRY = 500  # bytes of a cache's entry
_WARM = 5000  # bytes a request until the warm-up is over

KEPT: list[bytes] = []
CACHE: dict[int, bytes] = {}
GROWN = bytearray()


def objects(size: int) -> Keep:
    """Keep an object of a known size, the headers of Python's allocator aside."""
    content = size - len_of_header()

    def keep() -> None:
        KEPT.append(bytes(content))

    return keep


def len_of_header() -> int:
    """What an object of bytes is larger than its content, and its place in a list."""
    return b"".__sizeof__() + ctypes.sizeof(ctypes.c_void_p)


def growing(size: int) -> Keep:
    """Append to one object."""
    more = b"x" * size

    def keep() -> None:
        GROWN.extend(more)

    return keep


def native(size: int) -> Keep:
    """Memory that Python knows nothing of."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]

    def keep() -> None:
        ctypes.memset(libc.malloc(size), 1, size)

    return keep


def cache(entries: int) -> Keep:
    """Requests are of `entries` kinds, each of which gets an entry when it first comes."""
    numbers = _scattered(entries)

    def keep() -> None:
        CACHE.setdefault(next(numbers), bytes(_ENTRY))

    return keep


def _scattered(entries: int) -> Iterator[int]:
    random = Random(0)  # noqa: S311 - a load, not a secret
    while True:
        yield random.randrange(entries)


def warmup(megabytes: int) -> Keep:
    """Grow at the beginning only."""

    def keep() -> None:
        if len(KEPT) * _WARM < megabytes * 1_000_000:
            KEPT.append(b"x" * _WARM)

    return keep


class Node:
    """One of a ring."""

    def __init__(self) -> None:
        self.next: Node | None = None


def cycles(objects: int) -> Keep:
    """A ring, which only the garbage collector can free."""

    def keep() -> None:
        nodes = [Node() for _ in range(objects)]
        for node, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
            node.next = following

    return keep


_KINDS: dict[str, Callable[[int], Keep]] = {
    "objects": objects,
    "bytes": growing,
    "native": native,
    "cache": cache,
    "warmup": warmup,
    "cycles": cycles,
}


def __getattr__(name: str) -> Any:
    """The app of a name such as `objects_200`."""
    kind, _, number = name.partition("_")
    if kind not in _KINDS or not number.isdecimal():
        raise AttributeError(name)
    return _app(_KINDS[kind](int(number)))


def _app(keep: Keep) -> Any:
    manifest = Manifest(
        id="urn:asap:agent:leaking",
        name="Leaking",
        version="1.0.0",
        description="Keeps something of each request",
        capabilities=Capability(skills=[Skill(id="echo", description="Returns its input")]),
        endpoints=Endpoint(asap="http://127.0.0.1/asap"),
    )
    agent = create_app(manifest)

    def app(scope: Any, receive: Any, send: Any) -> Any:
        keep()
        return agent(scope, receive, send)

    return app
