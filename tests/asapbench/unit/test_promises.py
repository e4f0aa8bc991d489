"""What `make bench` says of a limit."""

from asapbench.resources import MACHINE, PROCESS
from benchmarks import hour
from benchmarks.limits import against, missed
from benchmarks.micro_truth import different, found_in


def test_a_limit_that_is_missed_is_said_beside_it_and_found_again() -> None:
    seen: dict[str, float | str] = {
        "help": against("0.312 s", 0.312, 0.25, "s"),
        "report": against("1.5 s", 1.5, 1.5, "s"),
        "rate": 900.0,
    }
    assert seen["help"] == "0.312 s (limit 0.25 s, MISSED)"
    assert seen["report"] == "1.5 s (limit 1.5 s)"
    assert missed(seen) == ["help"]


def test_of_micro_more_than_chance_makes_of_what_is_promised_is_a_miss() -> None:
    same, other = {"g/a": "~", "g/b": "~"}, {"g/a": "slower", "g/b": "faster"}
    assert missed({"equals": different([same] * 99 + [other] * 2)}) == []
    assert missed({"equals": different([same] * 94 + [other] * 6)}) == ["equals"]  # rows
    mostly = {f"g/{number}": "~" for number in range(60)} | {"g/a": "slower"}
    assert missed({"equals": different([same] * 30 + [mostly] * 10)}) == ["equals"]  # pairs
    assert missed({"equals": different([same] * 20 + [other] * 20)}) == ["equals"]
    assert missed({"planted": found_in([True] * 18 + [False] * 2, 0.05)}) == []
    assert missed({"planted": found_in([True] * 14 + [False] * 6, 0.05)}) == ["planted"]
    assert missed({"beyond": found_in([True] * 4 + [False], 0.0)}) == ["beyond"]
    assert found_in([True] * 5, 0.0) == "5 of 5 (limit 0 not found by chance)"
    assert different([]) == "0 of 0, in 0 of 0 pairs (limit 0 pairs by chance)"


def test_the_hour_that_is_made_up_has_the_columns_of_a_run() -> None:
    assert len(next(hour._stolen())) == len(MACHINE)
    assert len(next(hour._readings("server", 0.5, 50e6))) == len(PROCESS)
