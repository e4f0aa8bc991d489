"""A leak so large that it would take the machine down."""

from __future__ import annotations

from asapbench.leak.room import affordable, goes_on, is_used_up

GB = 1e9


def test_cycles_of_a_small_leak_keep_their_size() -> None:
    assert affordable(3000, 6e6, 3 * GB) == 3000
    assert affordable(3000, -1e6, 3 * GB) == 3000


def test_cycles_of_a_large_leak_get_smaller_so_that_all_of_them_fit() -> None:
    size = affordable(3000, 3 * GB, 3 * GB)  # a megabyte a request
    assert 10 <= size < 3000
    assert size * 1e6 * 100 <= 3 * GB / 2


def test_a_cycle_has_some_requests_however_large_the_leak_is() -> None:
    assert affordable(3000, 1e12, GB) == 10


def test_the_more_cycles_there_are_the_smaller_they_have_to_be() -> None:
    assert affordable(1000, 30e6, 3 * GB, 50) == affordable(1000, 30e6, 3 * GB, 100)
    assert affordable(1000, 30e6, 3 * GB, 1000) == 50


def test_the_last_of_memory_is_left_to_others() -> None:
    assert is_used_up(0.04 * GB, GB)
    assert not is_used_up(0.06 * GB, GB)


def test_a_run_ends_before_memory_does() -> None:
    assert goes_on(6e6, GB)
    assert not goes_on(0.3 * GB, GB)
    assert goes_on(-1.0, 0.0)
