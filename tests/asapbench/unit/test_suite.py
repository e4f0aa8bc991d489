"""What `@benchmark` makes of a function."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from asapbench.suite import Agent, Benchmark, benchmark, found_in
from asapbench.suite.protocol.client import compression
from asapbench.suite.protocol.endpoints import of_size
from asapbench.workers.operations.find import find

AGENT = Agent(url="http://127.0.0.1:1", id="urn:asap:agent:default-server")


def set_up() -> Callable[[], int]:
    return lambda: 1


def test_a_function_becomes_a_benchmark_of_its_name() -> None:
    (one,) = benchmark(group="g")(set_up)
    assert one.entry.key == "g/set_up"
    assert one.set_up is set_up


def test_sizes_make_a_benchmark_each_named_by_its_size() -> None:
    def grow(size: int) -> Callable[[], int]:
        return lambda: size

    made = benchmark(group="g", sizes=(100, 10_000, 2_500_000))(grow)
    assert [one.entry.name for one in made] == ["grow_100_b", "grow_10_kb", "grow_2.5_mb"]
    assert [one.entry.size for one in made] == [100, 10_000, 2_500_000]


def test_a_benchmark_needs_the_agent_if_its_set_up_asks_for_it() -> None:
    def ask(agent: object) -> Callable[[], object]:
        return lambda: agent

    assert benchmark(group="g")(ask)[0].entry.agent
    assert not benchmark(group="g")(set_up)[0].entry.agent


def test_a_set_up_that_asks_for_anything_else_is_refused() -> None:
    def ask(database: object) -> Callable[[], object]:
        return lambda: database

    with pytest.raises(ValueError, match="agent and size, not for database"):
        benchmark(group="g")(ask)


def test_the_group_of_the_references_is_no_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its benchmarks would be left out of each comparison, without a word."""
    text = "from asapbench.suite import benchmark\n@benchmark(group='reference')\ndef mine(): ...\n"
    (tmp_path / "suite_of_references.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"reference/mine: the group 'reference' is that of"):
        find("suite_of_references")


@pytest.mark.parametrize(("asked", "size"), [(1_000, 1_000), (10_000, 10_000), (100_000, 100_000)])
def test_a_request_of_a_size_has_that_many_bytes_in_all(asked: int, size: int) -> None:
    requests = of_size(AGENT, asked)
    assert requests.size == size
    body, _ = requests.make()
    assert len(body.encode()) == size
    json.loads(body)


def test_the_smallest_request_is_as_small_as_an_envelope_allows_and_says_so() -> None:
    assert 100 < of_size(AGENT, 100).size < 450


def test_what_is_compressed_has_the_size_that_it_tells() -> None:
    for one in compression:
        operation = one.set_up(one.entry.size)
        assert operation.size == pytest.approx(one.entry.size, rel=0.03)
        assert operation.numbers["ratio"] < 0.5


def test_benchmarks_are_found_among_other_names_in_order() -> None:
    first, second = benchmark(group="g", name="a")(set_up), benchmark(group="g", name="b")(set_up)
    found = found_in({"x": 1, "first": first, "empty": (), "text": ("a",), "second": second})
    assert [one.entry.name for one in found] == ["a", "b"]
    assert all(isinstance(one, Benchmark) for one in found)


def test_benchmarks_are_found_at_any_depth_and_an_import_that_fails_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from asapbench.suite import benchmark\n@benchmark(group='g')\ndef deep(): ...\n"
    below = tmp_path / "suite_in_depth" / "parts"
    below.mkdir(parents=True)
    (below.parent / "__init__.py").touch()
    (below / "__init__.py").touch()
    (below / "one.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert list(find("suite_in_depth")) == ["g/deep"]
    odd = below.parent / "odd"
    odd.mkdir()
    (odd / "__init__.py").write_text("import no_such_module")
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match="no_such_module"):
        find("suite_in_depth")
