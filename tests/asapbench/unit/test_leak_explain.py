"""What grew in an instrumented run, told from the series that the server gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from asapbench.leak.explain import explanation
from asapbench.leak.trace import Tracer
from asapbench.leak.whose import short, whose

SIZE = 100  # requests between snapshots


def site(series: list[tuple[int, int]], whose: str = "agent") -> dict[str, Any]:
    place = {"file": "agent.py", "line": 7, "code": "KEPT.append(x)", "whose": whose}
    return place | {"via": None, "series": series}


def told(**changes: Any) -> dict[str, Any]:
    nothing = {"sites": [], "types": [], "keeper": None, "chain": [], "replaced": [(0, 0)] * 5}
    return nothing | changes


GROWING = [(200_000 * k, 100 * k) for k in range(5)]


def test_a_site_that_grows_with_the_requests_is_told_per_request() -> None:
    (found,) = explanation(told(sites=[site(GROWING)]), SIZE)["sites"]
    assert (found["bytes"], found["objects"]) == (2000, 1)
    assert (found["file"], found["line"], found["whose"]) == ("agent.py", 7, "agent")


@pytest.mark.parametrize(
    "series",
    [
        [(0, 0), (900_000, 9), (900_000, 9), (900_000, 9), (900_000, 9)],  # once
        [(0, 0), (9_000, 9), (2_000, 2), (9_000, 9), (20_000, 20)],  # comes and goes
        [(0, 0), (80_000, 9), (120_000, 9), (130_000, 9), (131_000, 9)],  # less and less
        [(0, 0), (10, 1), (20, 2), (30, 3), (40, 4)],  # next to nothing
    ],
)
def test_what_does_not_grow_in_proportion_to_requests_is_no_site(
    series: list[tuple[int, int]],
) -> None:
    assert explanation(told(sites=[site(series)]), SIZE)["sites"] == []


def test_strings_that_take_the_place_of_others_in_a_cache_are_no_site() -> None:
    replaced = [(1_000_000 - 7_500 * k, 10_000 - 100 * k) for k in range(5)]
    strings = site([(7_600 * k, 101 * k) for k in range(5)], "asap")
    leak = site(GROWING, "asap")
    found = explanation(told(sites=[strings, leak], replaced=replaced), SIZE)["sites"]
    assert [one["bytes"] for one in found] == [2000]


def test_where_nothing_grows_native_memory_is_named() -> None:
    assert "native" in explanation(told(), SIZE)["text"]


def test_a_type_that_grows_is_told() -> None:
    thing = {"type": "agent.Thing", "whose": "agent"}
    row = thing | {"series": [0, 100, 200, 300, 400]}
    assert explanation(told(types=[row]), SIZE)["types"] == [thing | {"objects": 1}]


def test_code_is_the_agents_that_of_asap_or_of_a_dependency() -> None:
    import httpx

    import asap

    files = (str(asap.__file__), str(httpx.__file__), str(pytest.__file__), "/srv/my_agent.py")
    assert [whose(file) for file in files] == ["asap", "dependency", "dependency", "agent"]


def test_a_tracer_refuses_what_it_does_not_know() -> None:
    tracer = Tracer.__new__(Tracer)
    with pytest.raises(ValueError, match="'what' is no question"):
        tracer.answer("what")


def test_a_place_is_named_from_where_a_reader_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert short(str(tmp_path / "bots" / "my_agent.py")) == "bots/my_agent.py"
    assert short(uvicorn.__file__) == "uvicorn/__init__.py"
    assert short(json.__file__) == "json/__init__.py"
    assert short("/elsewhere/agent.py") == "/elsewhere/agent.py"
