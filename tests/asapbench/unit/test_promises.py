"""What `make bench` says of a limit."""

from benchmarks.limits import against, missed


def test_a_limit_that_is_missed_is_said_beside_it_and_found_again() -> None:
    seen: dict[str, float | str] = {
        "help": against("0.312 s", 0.312, 0.25, "s"),
        "report": against("1.5 s", 1.5, 1.5, "s"),
        "rate": 900.0,
    }
    assert seen["help"] == "0.312 s (limit 0.25 s, MISSED)"
    assert seen["report"] == "1.5 s (limit 1.5 s)"
    assert missed(seen) == ["help"]
