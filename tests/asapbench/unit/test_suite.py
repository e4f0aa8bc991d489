"""What `@benchmark` makes of a function."""

from collections.abc import Callable

import pytest

from asapbench.suite import Benchmark, benchmark, found_in


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


def test_benchmarks_are_found_among_other_names_in_order() -> None:
    first, second = benchmark(group="g", name="a")(set_up), benchmark(group="g", name="b")(set_up)
    found = found_in({"x": 1, "first": first, "empty": (), "text": ("a",), "second": second})
    assert [one.entry.name for one in found] == ["a", "b"]
    assert all(isinstance(one, Benchmark) for one in found)
