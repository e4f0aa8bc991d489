"""What an instrumented server finds of its own containers."""

from __future__ import annotations

import tracemalloc
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator
from typing import Any

import pytest

from asapbench.leak.trace import containers, latest_type, storage
from asapbench.leak.whose import whose_type

MANY = 1000


class Silent(list[int]):
    def __len__(self) -> int:
        return 0


class Holder:
    def __init__(self, kept: Any) -> None:
        self.kept = kept


@pytest.mark.parametrize(
    "kept",
    [
        list(range(MANY)),
        {number: str(number) for number in range(MANY)},  # the collector does not track it
        set(range(MANY)),
        deque(range(MANY)),
        bytearray(MANY),
        OrderedDict.fromkeys(range(MANY)),
        defaultdict(list, {number: [] for number in range(MANY)}),
        Silent(range(MANY)),
    ],
    ids=lambda kept: type(kept).__name__,
)
def test_whatever_can_keep_many_things_is_found_with_its_length(kept: Any) -> None:
    holder = Holder(kept)
    assert [length for one, length in containers() if one is holder.kept] == [MANY]


class Proxy:
    """Answers for another, as those of wrapt do, and mocks with a spec."""

    @property
    def __class__(self) -> type:
        return dict

    @__class__.setter
    def __class__(self, _: type) -> None:
        raise TypeError


class Gone:
    """Is collected while a proxy of it is kept."""


def test_what_only_says_that_it_is_a_container_is_none() -> None:
    dead = weakref.proxy(Gone())
    holder = Holder([dead, Proxy()])
    assert isinstance(holder.kept[1], dict)
    found = [one for one, _ in containers()]
    assert not any(one is each for one in found for each in holder.kept)


def test_what_was_put_in_last_is_told_where_it_can_be() -> None:
    assert latest_type(deque([1, "text"])) == "builtins.str"
    assert latest_type({1: b"a", 2: Holder(None)}) == f"{__name__}.Holder"
    nothing: tuple[Any, ...] = ([], {}, {1}, bytearray(9))
    assert [latest_type(one) for one in nothing] == [None] * 4


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start(8)
    yield
    tracemalloc.stop()


def fill(kept: list[int]) -> None:
    for number in range(MANY):
        kept.append(number)  # noqa: PERF402 - the line that is looked for


def test_the_statement_that_puts_in_is_told_from_others_that_allocate_as_much(
    traced: None,
) -> None:
    kept: list[int] = []
    fill(kept)
    decoy = [None] * (kept.__sizeof__() // 8 - 5)
    place = (__file__, fill.__code__.co_firstlineno + 2)
    assert storage(kept, {place}) == place
    assert storage(kept, set()) is None
    assert len(decoy) >= MANY


def test_types_are_marked_by_where_they_are_defined() -> None:
    names = (
        "asap.models.envelope.Envelope",
        "builtins.dict",
        "httpx.Client",
        f"{__name__}.Holder",
    )
    import httpx  # noqa: F401 - its module has to be there

    assert list(map(whose_type, names)) == ["asap", "dependency", "dependency", "agent"]
