"""Quantities as people write them."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asapbench.units import (
    UNITS,
    parse_duration,
    parse_quantity,
    parse_share,
    show,
    show_duration,
    show_interval,
)

dimensions = st.sampled_from(["s", "B", "B/s", "req/s", "ratio", "cores", "count"])
numbers = st.floats(1e-12, 1e12) | st.floats(-1e12, -1e-12)


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("5 ms", 0.005, "s"),
        ("5ms", 0.005, "s"),
        ("  100 µs ", 1e-4, "s"),
        ("100 us", 1e-4, "s"),
        ("100 \N{GREEK SMALL LETTER MU}s", 1e-4, "s"),
        ("2 h", 7200, "s"),
        ("0.1 %", 0.001, "ratio"),
        ("1000 req/s", 1000, "req/s"),
        ("36 MB/h", 10_000, "B/s"),
        ("1e3 B", 1000, "B"),
        (".5 cores", 0.5, "cores"),
        ("-3 MB", -3e6, "B"),
        ("1.15", 1.15, "count"),
    ],
)
def test_a_quantity_is_read_in_base_units(text: str, value: float, dimension: str) -> None:
    number, found = parse_quantity(text)
    assert number == pytest.approx(value)
    assert found == dimension


@pytest.mark.parametrize(
    "text", ["", "ms", "five ms", "5 5 ms", "nan ms", "inf s", "1e999 s", "1,5 ms"]
)
def test_what_is_no_quantity_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as '5 ms'"):
        parse_quantity(text)


def test_an_unknown_unit_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'parsecs' is not a unit; known are ns, us, µs, ms, s"):
        parse_quantity("5 parsecs")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (90, 90),
        (1.5, 1.5),
        ("90", 90),
        ("1.5", 1.5),
        (" 90s ", 90),
        ("5m", 300),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h 30m 5s", 5405),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_read_as_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        "s",
        "5 x",
        "500ms",
        "5min",
        "1m1h",
        "1s1s",
        "9 0",
        "inf",
        "nan",
        math.inf,
        True,
        None,
        [1],
    ],
)
def test_what_is_no_duration_is_refused_with_the_forms_there_are(value: object) -> None:
    with pytest.raises(ValueError, match="a duration is seconds or 90s, 5m, 1h, 1h30m"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (0.00345, "s", "3.45 ms"),
        (0.0009994, "s", "999 µs"),
        (0.0009996, "s", "1.00 ms"),
        (9.996, "s", "10.0 s"),
        (3600, "s", "3,600 s"),
        (2.5e-9, "s", "2.50 ns"),
        (0, "s", "0 ms"),
        (-0.004, "s", "-4.00 ms"),
        (0.00008, "ratio", "0.0080 %"),
        (1e-15, "ratio", "1.00e-13 %"),
        (1, "ratio", "100 %"),
        (12_345.6, "req/s", "12,346 req/s"),
        (61_800_000, "B", "61.8 MB"),
        (7, "B", "7 B"),
        (7, "count", "7"),
        (7.5, "count", "7.50"),
        (10e6 / 3600, "B/s", "10.0 MB/h"),
        (0.41, "cores", "0.41 cores"),
        (math.inf, "s", "∞ s"),
    ],
)
def test_a_value_is_shown_in_the_unit_that_fits(value: float, dimension: str, text: str) -> None:
    assert show(value, dimension) == text


@given(numbers, dimensions)
@example(0.00099951, "s")
def test_a_shown_value_reads_back_to_its_digits(value: float, dimension: str) -> None:
    number, found = parse_quantity(show(value, dimension).replace(",", ""))
    digits = 2 if dimension in {"ratio", "cores"} else 3
    assert number == pytest.approx(value, rel=5.01 / 10**digits)
    assert found == dimension


@pytest.mark.parametrize(
    ("numbers", "dimension", "text"),
    [
        ((1000, 999.8, 1000.2), "req/s", "1,000.0 req/s [999.8, 1,000.2]"),
        ((1000, 999.95, 1000.08), "req/s", "1,000.00 req/s [999.95, 1,000.08]"),
        ((0.00345, 0.00339, 0.00352), "s", "3.45 ms [3.39, 3.52]"),
        ((0.0015, 0.0002, 0.0082), "s", "1.50 ms [0.20, 8.20]"),
        ((0.00500312, 0.005001, 0.005005), "s", "5.003 ms [5.001, 5.005]"),
        ((0.001, 0.0009, 0.0011), "s", "1.00 ms [0.90, 1.10]"),
        ((0, 0, 0.00008), "ratio", "0.000 % [0.000, 0.008]"),
        ((0, 0, 0.0001), "s", "0 µs [0, 100]"),
        ((0, 0, 0), "ratio", "0 % [0, 0]"),
        ((5, 5, 5), "req/s", "5.00 req/s [5.00, 5.00]"),
        ((-20_000, -40_000, 100), "B/s", "-72.0 MB/h [-144.0, 0.4]"),
        ((1, -math.inf, math.inf), "s", "1.00 s [-∞, ∞]"),
        ((0.012, 0.003, math.inf), "s", "12.0 ms [3.0, ∞]"),
        ((2000, 2000, math.inf), "req/s", "at least 2,000 req/s"),
        ((2000, -math.inf, 2000), "req/s", "at most 2,000 req/s"),
        ((1.02, 0.9, 1.15), "count", "1.02 [0.90, 1.15]"),
        ((0.005, None, None), "s", "5.00 ms"),
    ],
)
def test_an_interval_is_shown_in_one_unit(
    numbers: tuple[float, float | None, float | None], dimension: str, text: str
) -> None:
    assert show_interval(*numbers, dimension) == text


@given(st.floats(1, 1e6), st.floats(1e-3, 0.5), st.floats(1e-3, 0.5), dimensions)
def test_the_bounds_of_an_interval_are_told_apart(
    value: float, below: float, above: float, dimension: str
) -> None:
    low, high = value * (1 - below), value * (1 + above)
    shown = show_interval(value, low, high, dimension).partition("[")[2].rstrip("]")
    first, second = (float(bound.replace(",", "")) for bound in shown.split(", "))
    factor = (high - low) / (second - first)
    known = {factor for unit, factor in UNITS.values() if unit == dimension}
    assert any(factor == pytest.approx(unit, rel=0.5) for unit in known)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (7.25, "7.2s"), (59.9999999, "1m00s"), (90, "1m30s"), (3600, "1h00m00s")],
)
def test_a_duration_is_shown_as_people_write_it(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@given(st.integers(0, 360_000))
def test_a_shown_duration_reads_back(seconds: int) -> None:
    assert parse_duration(show_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("written", "share"),
    [("5%", 0.05), ("0.05", 0.05), (0.05, 0.05), (1, 1.0), ("500%", 5.0), ("0", 0.0)],
)
def test_a_share_is_read_with_and_without_percent(written: object, share: float) -> None:
    assert parse_share(written) == pytest.approx(share)


@pytest.mark.parametrize("written", ["5", 5, "1.5", 10.0])
def test_a_share_that_was_meant_in_percent_is_refused_with_the_way_out(written: object) -> None:
    with pytest.raises(ValueError, match=r"a share above 1 is written with %: .*% or .*0%"):
        parse_share(written)


@pytest.mark.parametrize("written", ["5 ms", "much", None, True])
def test_what_is_no_share_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is"):
        parse_share(written)
