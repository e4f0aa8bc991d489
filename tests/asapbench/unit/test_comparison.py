"""What two sets of results say of each other."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.comparison import (
    EXCHANGE,
    REFERENCE,
    Comparison,
    Results,
    Sized,
    compare,
    holm,
    sized,
)


def results(name: str, factors: dict[str, float], seed: int, **more: float) -> Results:
    random = np.random.default_rng(seed)
    spread, n = more.get("spread", 0.01), int(more.get("n", 20))
    sizes = {
        key: sized(list(factor * np.exp(random.normal(0, spread, n))))
        for key, factor in factors.items()
    }
    return Results(name, sizes, drift=more.get("drift", 0.0))


EQUAL = {f"g/{k}": 1e-6 * (k + 1) for k in range(40)}


def changes(comparison: Comparison) -> dict[str, str]:
    return {row.key: row.change for row in comparison.rows if row.change != "~"}


def test_of_equals_hardly_a_row_is_called_different() -> None:
    wrong = [
        len(changes(compare(results("a", EQUAL, seed), results("b", EQUAL, seed + 1000))))
        for seed in range(60)
    ]
    # Holm: in one comparison in twenty there is one at all
    assert sum(map(bool, wrong)) <= 9


def test_a_benchmark_that_became_slower_is_found_and_no_other() -> None:
    slower = EQUAL | {"g/7": EQUAL["g/7"] * 1.05}
    comparison = compare(results("a", EQUAL, 1), results("b", slower, 2))
    assert changes(comparison) == {"g/7": "slower"}


def test_only_what_is_proven_to_be_beyond_is_too_slow() -> None:
    slower = EQUAL | {"g/7": EQUAL["g/7"] * 1.04, "g/8": EQUAL["g/8"] * 1.2}
    comparison = compare(results("a", EQUAL, 1), results("b", slower, 2))
    assert set(changes(comparison)) == {"g/7", "g/8"}
    assert [row.key for row in comparison.too_slow] == ["g/8"]


def test_a_slower_machine_is_no_change_of_the_code() -> None:
    equal = EQUAL | {f"{REFERENCE}a": 1e-5}
    shifted = {key: 1.1 * value for key, value in equal.items()}
    comparison = compare(results("a", equal, 1), results("b", shifted, 2))
    assert changes(comparison) == {}
    assert [note.code for note in comparison.notes] == ["machine-changed"]


REFERENCES = {f"{REFERENCE}a": 1e-5, f"{REFERENCE}b": 2e-5, f"{REFERENCE}c": 3e-5}


def test_what_is_allowed_is_judged_without_what_the_machine_became_slower() -> None:
    """All of a machine is 1.10 times slower and one row 1.12: the code lost 2 %, not 12."""
    equal = EQUAL | REFERENCES
    shifted = {key: 1.1 * value for key, value in equal.items()}
    shifted["g/7"] = 1.12 * equal["g/7"]
    old, new = results("a", equal, 1, spread=0.002), results("b", shifted, 2, spread=0.002)
    comparison = compare(old, new)
    row = comparison.rows[7]
    assert row.change == "slower"
    assert row.ratio == pytest.approx(1.12 / 1.1, abs=0.005)
    assert 1 < row.low < row.ratio < row.high < 1.03
    assert comparison.too_slow == ()


def test_the_bounds_are_those_that_decide_the_change() -> None:
    shifted = {key: 1.05 * value for key, value in (EQUAL | REFERENCES).items()}
    shifted |= {"g/1": EQUAL["g/1"] * 1.15, "g/2": EQUAL["g/2"] * 0.8, "g/3": EQUAL["g/3"] * 1.02}
    comparison = compare(results("a", EQUAL | REFERENCES, 1), results("b", shifted, 2))
    assert changes(comparison) == {"g/1": "slower", "g/2": "faster"}
    for row in comparison.rows:
        assert row.low <= row.ratio <= row.high
        assert (row.low <= 1 <= row.high) is (row.change == "~")


def test_what_would_be_seen_is_seen_against_each_reference_too() -> None:
    """A reference that is known badly hides changes that the clock alone would show."""
    bare, noisy = (
        Results("a", {"g/0": Sized(0.0, 0.002, 19, 20)} | more)
        for more in ({}, {f"{REFERENCE}a": Sized(0.0, 0.02, 4, 5)})
    )
    (alone,), (beside,) = (compare(one, one).rows for one in (bare, noisy))
    assert beside.smallest > 5 * alone.smallest


def test_a_change_has_to_outweigh_that_of_the_machine_to_be_seen() -> None:
    old, new = (
        Results(name, {"g/0": Sized(0.0, 0.002, 19, 20), f"{REFERENCE}a": Sized(at, 0.002, 19, 20)})
        for name, at in (("a", 0.0), ("b", -0.1))
    )
    (row,) = compare(old, new).rows
    assert row.smallest > math.expm1(0.1)


def test_a_faster_machine_makes_no_code_slower_by_itself() -> None:
    old = EQUAL | {f"{REFERENCE}a": 1e-5}
    new = old | {f"{REFERENCE}a": 0.8e-5}
    assert changes(compare(results("a", old, 1), results("b", new, 2))) == {}


def test_what_one_kind_of_work_has_in_common_is_the_machines() -> None:
    """A neighbour slows down one kind of work and not another."""
    equal = EQUAL | {f"{REFERENCE}a": 1e-5, f"{REFERENCE}b": 1e-5}
    shifted = {key: 1.1 * value for key, value in equal.items()} | {f"{REFERENCE}b": 1e-5}
    assert changes(compare(results("a", equal, 1), results("b", shifted, 2))) == {}


def test_what_answers_of_an_agent_have_in_common_with_another_process_is_the_machines() -> None:
    """To wake a process on another core became slow: that is in no row of this process alone."""
    equal = EQUAL | {f"{REFERENCE}a": 1e-5, EXCHANGE: 1e-4}
    shifted = {**equal, EXCHANGE: 1.1e-4, "g/1": 1.1 * EQUAL["g/1"], "g/2": 1.1 * EQUAL["g/2"]}
    old, new = results("a", equal, 1), results("b", shifted, 2)
    comparison = compare(old, replace(new, served=frozenset({"g/1"})))
    assert changes(comparison) == {"g/2": "slower"}
    assert comparison.notes == ()


def test_drift_within_a_run_makes_its_intervals_wider() -> None:
    slower = EQUAL | {"g/7": EQUAL["g/7"] * 1.05}
    steady, drifting = (
        compare(results("a", EQUAL, 1), results("b", slower, 2, drift=drift)) for drift in (0, 0.1)
    )
    assert changes(steady)
    assert not changes(drifting)
    assert drifting.rows[7].smallest > steady.rows[7].smallest


def test_one_process_alone_proves_nothing() -> None:
    comparison = compare(results("a", {"g/0": 1.0}, 1, n=1), results("b", {"g/0": 9.0}, 2, n=1))
    (row,) = comparison.rows
    assert row.change == "~"
    assert row.high == np.inf


@pytest.mark.parametrize(
    ("new", "change", "too_slow"),
    [(0.0, "~", False), (0.4, "slower", False), (2.0, "slower", True), (-2.0, "faster", False)],
)
def test_of_what_may_be_zero_the_change_is_a_share_of_its_limit(
    new: float, change: str, *, too_slow: bool
) -> None:
    """Growth of memory: MB/h around zero, a limit of 10, known to 0.1."""
    old = Results("old", {"growth_rate": Sized(0.0, 0.1, math.inf, 1, base=10.0)})
    one = Results("new", {"growth_rate": Sized(new, 0.1, math.inf, 1, base=10.0)})
    (row,) = (comparison := compare(old, one)).rows
    assert (row.of, row.change) == ("limit", change)
    assert row.ratio == pytest.approx(1 + new / 10)
    assert row.high - row.low == pytest.approx(2 * 1.96 * 0.1 * math.sqrt(2) / 10, rel=1e-3)
    assert bool(comparison.too_slow) is too_slow


def test_what_is_in_one_of_them_alone_is_named() -> None:
    comparison = compare(
        results("a", {"g/0": 1.0, "g/1": 1.0}, 1), results("b", {"g/1": 1.0, "g/2": 1.0}, 2)
    )
    assert (comparison.only_old, comparison.only_new) == (("g/0",), ("g/2",))


def test_other_conditions_are_said_not_refused() -> None:
    old = Results("a", {"g/0": sized([1.0, 1.1])}, {"machine": "m1", "Python": "3.11"})
    new = Results("b", {"g/0": sized([1.0, 1.1])}, {"machine": "m1", "Python": "3.13"})
    (note,) = compare(old, new).notes
    assert note.code == "not-alike"
    assert "Python (3.11 / 3.13)" in note.text
    assert "m1" not in note.text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_tests_the_smallest_as_bonferroni_does_and_none_tighter(chances: list[float]) -> None:
    levels = holm(chances)
    assert min(levels) == pytest.approx(0.05 / len(chances))
    assert max(levels) <= 0.05
    order = sorted(range(len(chances)), key=lambda at: chances[at])
    rejected = [chances[at] <= levels[at] for at in order]
    assert rejected == sorted(rejected, reverse=True)
