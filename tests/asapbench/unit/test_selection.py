"""Which benchmarks are selected, and which metrics they give."""

import pytest

from asapbench.catalogue import Entry
from asapbench.errors import UsageError
from asapbench.selection import exponents, matches, metric_units, select

ENTRIES = (
    Entry(group="parsing", name="small"),
    Entry(group="parsing", name="large", against="small"),
    Entry(group="fetching", name="one", rate=True, agent=True),
    *(Entry(group="growth", name=f"n_{n}", size=n, exponent=True) for n in (10, 100, 1000, 10_000)),
)


def test_all_are_selected_without_a_group_or_a_pattern() -> None:
    assert select(ENTRIES, (), "") == ENTRIES


@pytest.mark.parametrize("pattern", ["small", "SMALL", "ing/sm", "*/small", "parsing/s?all"])
def test_a_pattern_is_a_part_of_the_name_or_a_glob_of_all_of_it(pattern: str) -> None:
    assert [entry.key for entry in select(ENTRIES, (), pattern)] == ["parsing/small"]


def test_a_glob_is_not_a_part() -> None:
    assert not matches("parsing/small", "sm*")


def test_an_unknown_group_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"--group: 'parsin' .*did you mean parsing"):
        select(ENTRIES, ("parsin",), "")


def test_an_empty_selection_is_refused() -> None:
    with pytest.raises(UsageError, match=r"-k: no benchmark in fetching has 'small'"):
        select(ENTRIES, ("fetching",), "small")


def test_each_benchmark_gives_its_time_or_its_rate_by_name() -> None:
    units = metric_units(ENTRIES)
    assert units['parsing{benchmark="small"}'] == "s"
    assert units['fetching{benchmark="one"}'] == "req/s"
    assert units['growth.time{benchmark="n_10"}'] == "s"


def test_a_benchmark_gives_a_speedup_only_if_the_other_is_selected_too() -> None:
    key = 'parsing.speedup{benchmark="large"}'
    assert key in metric_units(ENTRIES)
    assert key not in metric_units(ENTRIES[1:])


def test_an_exponent_needs_four_sizes() -> None:
    assert exponents(ENTRIES) == {"growth": (3, 4, 5, 6)}
    assert exponents(ENTRIES[:-1]) == {}
    assert "growth" not in metric_units(ENTRIES[:-1])
