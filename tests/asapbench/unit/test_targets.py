"""The target table: read, refused, judged."""

import operator
from collections.abc import Callable
from math import inf, nan
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asapbench.errors import EXIT_OF, Exit, UsageError
from asapbench.model import Metric, Outcome, Target, Verdict
from asapbench.targets import check_table, judge, outcome_of, parse_limit, read_table

PRODUCED = {
    "latency.p95": "s",
    'latency.p95{endpoint="asap"}': "s",
    'latency.p95{endpoint="asap",step="3"}': "s",
    "error_rate": "ratio",
    "throughput": "req/s",
    "exponent": "count",
}
Write = Callable[[str], Path]


@pytest.fixture
def table(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "mine.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def refusal(file: Path, command: str = "load") -> str:
    with pytest.raises(UsageError) as caught:
        check_table(read_table(command, file), PRODUCED)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sign", "value", "dimension"),
    [
        ("<= 5 ms", "<=", 0.005, "s"),
        ("<5ms", "<", 0.005, "s"),
        (" >= 800 req/s ", ">=", 800, "req/s"),
        ("> 0.1 %", ">", 0.001, "ratio"),
        ("<= 1.15", "<=", 1.15, "count"),
    ],
)
def test_a_limit_is_a_comparison_with_a_quantity(
    text: str, sign: str, value: float, dimension: str
) -> None:
    limit = parse_limit(text)
    assert (limit.sign, limit.dimension) == (sign, dimension)
    assert limit.value == pytest.approx(value)


@pytest.mark.parametrize("text", ["5 ms", "= 5 ms", "=> 5 ms", "<=", ""])
def test_what_is_no_comparison_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as '(<= )?5 ms'"):
        parse_limit(text)


def test_the_rows_of_a_users_table_are_read_in_order(table: Write) -> None:
    file = table(
        '[[load]]\nmetric = "latency.p95"\nlimit = "<= 100 µs"\nwhy = "fast"\n'
        '[[load]]\nmetric = "throughput"\nlimit = "> 5 req/s"\n'
    )
    assert check_table(read_table("load", file), PRODUCED) == (
        Target(metric="latency.p95", limit="<= 100 µs", why="fast"),
        Target(metric="throughput", limit="> 5 req/s"),
    )


@pytest.mark.parametrize(
    "written",
    [
        'latency.p95{endpoint="asap",step="3"}',
        'latency.p95{step="3", endpoint="asap"}',
        ' latency.p95 { step = "3" , endpoint = "asap" , } ',
    ],
)
def test_labels_may_be_written_in_any_order_and_spacing(written: str) -> None:
    (target,) = check_table([Target(metric=written, limit="<= 1 s")], PRODUCED)
    assert target.metric == 'latency.p95{endpoint="asap",step="3"}'


def test_empty_braces_are_no_labels() -> None:
    (target,) = check_table([Target(metric="latency.p95{}", limit="<= 1 s")], PRODUCED)
    assert target.metric == "latency.p95"


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    message = refusal(file)
    assert message.startswith(f"--targets: {str(file)!r} cannot be read: ")


def test_a_file_that_is_no_toml_is_refused_with_its_place(table: Write) -> None:
    file = table("[[load\n")
    assert refusal(file).startswith(f"--targets: {str(file)!r} is not TOML: ")
    assert "line 1" in refusal(file)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes(b'# \xb5s\n[[load]]\nmetric = "throughput"\nlimit = "> 5 req/s"\n')
    assert "cannot be read" in refusal(file)


@pytest.mark.parametrize("text", ["", "[[stress]]\n", "load = []\n", '[load]\nmetric = "x"\n'])
def test_a_table_without_rows_for_the_command_is_refused(table: Write, text: str) -> None:
    file = table(text)
    assert refusal(file) == (
        f"--targets: {str(file)!r} has no [[load]] rows; add one for each limit"
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('metric = "throughput"\n', "limit: field required"),
        ('metric = "throughput"\nlimit = 5\n', "limit: input should be a valid string"),
        (
            'metric = "throughput"\nlimit = "> 5 req/s"\nunit = "s"\n',
            "unit: extra inputs are not permitted",
        ),
    ],
)
def test_a_row_of_another_form_is_refused_by_its_number(
    table: Write, row: str, complaint: str
) -> None:
    file = table(f'[[load]]\nmetric = "throughput"\nlimit = "> 5 req/s"\n[[load]]\n{row}')
    assert refusal(file) == (
        f"--targets: {str(file)!r}, [[load]] row 2: {complaint}; a row has metric, limit and why"
    )


@pytest.mark.parametrize("command", ["load", "micro", "memory"])
def test_a_row_with_marks_is_refused_where_there_are_no_steps(table: Write, command: str) -> None:
    row = f'[[{command}]]\nmetric = "latency.p95"\nlimit = "<= 5 ms"\nmarks = "broken"\n'
    said = refusal(table(row), command)
    assert f"[[{command}]] row 1: marks = 'broken' is for the steps of stress" in said
    assert "leave it out" in said


def test_rows_that_are_no_tables_are_refused(table: Write) -> None:
    assert "[[load]] row 1: row: " in refusal(table("load = [5]\n"))


@pytest.mark.parametrize(
    ("metric", "limit", "complaint"),
    [
        ("latency.p59", "<= 5 ms", "'latency.p59' is not measured by this plan; did you mean"),
        ("colour", "<= 5 ms", "there are latency.p95, error_rate, throughput, exponent"),
        ('latency.p95{endpoint="x"}', "<= 5 ms", 'did you mean latency.p95{endpoint="asap"}'),
        ("latency.p95{endpoint=asap}", "<= 5 ms", 'is written name or name{label="value"}'),
        ('latency.p95{a="1" b="2"}', "<= 5 ms", 'is written name or name{label="value"}'),
        ("latency p95", "<= 5 ms", 'is written name or name{label="value"}'),
        ("latency.p95", "5 ms", "latency.p95: '5 ms' is not <=, >=, < or > and a quantity"),
        ("latency.p95", "<= 5 parsecs", "latency.p95: 'parsecs' is not a unit; known are"),
        ("latency.p95", "<= 5", "limit '<= 5' is not in the unit of the metric, which is like '1."),
        ("error_rate", "<= 5 ms", "is not in the unit of the metric, which is like '100 %'"),
    ],
)
def test_a_row_that_cannot_be_judged_is_refused_with_what_can(
    metric: str, limit: str, complaint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_table([Target(metric=metric, limit=limit)], PRODUCED)
    assert str(caught.value).startswith("--targets: ")
    assert metric in str(caught.value)
    assert complaint in str(caught.value)
    assert caught.value.exit_code == 2


def one(limit: str, metric: Metric | None, invalid: str = "") -> Verdict:
    name = metric.key if metric else "latency.p95"
    (verdict,) = judge(
        [Target(metric=name, limit=limit, why="fast")], [metric] if metric else [], invalid
    )
    return verdict


def latency(value: float, low: float | None = None, high: float | None = None) -> Metric:
    return Metric(name="latency.p95", unit="s", value=value, low=low, high=high)


@pytest.mark.parametrize(
    ("limit", "low", "high", "outcome"),
    [
        ("<= 5 ms", 0.003, 0.004, "pass"),
        ("<= 5 ms", 0.003, 0.005, "pass"),
        ("< 5 ms", 0.003, 0.005, "inconclusive"),
        ("<= 5 ms", 0.004, 0.006, "inconclusive"),
        ("<= 5 ms", 0.005, 0.006, "inconclusive"),
        ("< 5 ms", 0.005, 0.006, "fail"),
        ("<= 5 ms", 0.0051, 0.006, "fail"),
        (">= 5 ms", 0.005, 0.006, "pass"),
        ("> 5 ms", 0.005, 0.006, "inconclusive"),
        (">= 5 ms", 0.003, 0.005, "inconclusive"),
        ("> 5 ms", 0.003, 0.005, "fail"),
        (">= 5 ms", 0.003, 0.004, "fail"),
        ("<= 5 ms", -inf, inf, "inconclusive"),
    ],
)
def test_a_verdict_is_given_only_where_both_bounds_lie_on_one_side(
    limit: str, low: float, high: float, outcome: Outcome
) -> None:
    assert one(limit, latency(0.0049, low, high)).outcome == outcome


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [("<= 5 ms", "pass"), ("< 5 ms", "fail"), (">= 5 ms", "pass"), ("> 5 ms", "fail")],
)
def test_a_metric_without_bounds_is_judged_by_its_value(limit: str, outcome: Outcome) -> None:
    assert one(limit, latency(0.005)).outcome == outcome


@given(
    st.sampled_from(["<=", ">=", "<", ">"]),
    st.integers(0, 6),
    st.tuples(*[st.integers(0, 6)] * 3).map(sorted),
)
def test_pass_is_given_if_and_only_if_the_limit_allows_both_bounds(
    sign: str, limit: int, bounds: list[int]
) -> None:
    low, value, high = bounds
    compare = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}[sign]
    verdict = one(f"{sign} {limit} s", latency(value, low, high))
    allowed = [compare(low, limit), compare(high, limit)]
    assert (verdict.outcome == "pass") == all(allowed)
    assert (verdict.outcome == "fail") == (not any(allowed))


@pytest.mark.parametrize("limit", ["<= 5 ms", ">= 5 ms", "< 5 ms", "> 5 ms"])
def test_no_data_is_invalid_and_never_a_pass(limit: str) -> None:
    verdict = one(limit, None)
    assert verdict.outcome == "invalid"
    assert verdict.reason == "too few samples to give this metric"
    assert verdict.value is None


@pytest.mark.parametrize("limit", ["<= 5 ms", ">= 5 ms"])
@pytest.mark.parametrize("metric", [latency(nan), latency(1, nan, 2), latency(1, 0.5, nan)])
def test_what_is_not_a_number_is_invalid(limit: str, metric: Metric) -> None:
    assert one(limit, metric).outcome == "invalid"


def test_a_failed_measurement_is_invalid_but_its_numbers_are_kept() -> None:
    verdict = one("<= 5 ms", latency(0.003, 0.002, 0.004), invalid="the server died")
    assert (verdict.outcome, verdict.reason) == ("invalid", "the server died")
    assert (verdict.value, verdict.low, verdict.high) == (0.003, 0.002, 0.004)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (latency(0.003, 0.0028, 0.0032), "3.00 ms [2.80, 3.20] meets <= 5 ms"),
        (latency(0.007, 0.0068, 0.0072), "7.00 ms [6.80, 7.20] misses <= 5 ms"),
        (
            latency(0.005, 0.0048, 0.0052),
            "5.00 ms [4.80, 5.20] straddles <= 5 ms: a longer run may narrow it",
        ),
        (latency(0.003), "3.00 ms meets <= 5 ms"),
    ],
)
def test_a_reason_has_the_numbers_and_the_words_of_the_table(metric: Metric, reason: str) -> None:
    assert one("<= 5 ms", metric).reason == reason


def test_a_verdict_keeps_what_its_row_says() -> None:
    verdict = one("<=5ms", latency(0.003))
    assert (verdict.metric, verdict.limit, verdict.why) == ("latency.p95", "<=5ms", "fast")
    assert verdict.unit == "s"


def test_a_row_of_one_endpoint_is_judged_by_that_endpoint() -> None:
    total = latency(0.003)
    slow = latency(0.009).model_copy(update={"labels": {"endpoint": "asap"}})
    verdicts = judge([Target(metric=m.key, limit="<= 5 ms") for m in (total, slow)], [total, slow])
    assert [verdict.outcome for verdict in verdicts] == ["pass", "fail"]


@pytest.mark.parametrize(
    ("outcomes", "outcome", "code"),
    [
        (["pass", "pass"], "pass", Exit.PASS),
        (["pass", "fail", "invalid", "inconclusive"], "fail", Exit.MISSED),
        (["pass", "invalid", "inconclusive"], "invalid", Exit.NO_VERDICT),
        (["pass", "inconclusive"], "inconclusive", Exit.NO_VERDICT),
        ([], "invalid", Exit.NO_VERDICT),
    ],
)
def test_fail_wins_over_no_verdict_and_no_verdict_over_pass(
    outcomes: list[Outcome], outcome: Outcome, code: Exit
) -> None:
    verdicts = [Verdict(metric="m", limit="< 1", outcome=each, reason="") for each in outcomes]
    assert outcome_of(verdicts) == outcome
    assert EXIT_OF[outcome] == code


EACH = {'parsing{benchmark="a"}': "s", 'parsing{benchmark="b"}': "s", "other": "s"}


def test_a_row_without_labels_is_about_each_labelled_metric_of_its_name() -> None:
    rows = check_table([Target(metric="parsing", limit="< 1 ms", why="w")], EACH)
    assert [row.metric for row in rows] == ['parsing{benchmark="a"}', 'parsing{benchmark="b"}']
    assert {(row.limit, row.why) for row in rows} == {("< 1 ms", "w")}


def test_a_row_without_labels_is_about_the_metric_without_where_there_is_one() -> None:
    produced = EACH | {"parsing": "s"}
    rows = check_table([Target(metric="parsing", limit="< 1 ms")], produced)
    assert [row.metric for row in rows] == ["parsing"]


def test_rows_on_what_was_left_out_on_purpose_are_dropped_and_others_refused() -> None:
    rows = [Target(metric="gone", limit="< 1 ms"), Target(metric="other", limit="< 1 ms")]
    assert [row.metric for row in check_table(rows, EACH, {"gone"})] == ["other"]
    with pytest.raises(UsageError, match="'gone' is not measured"):
        check_table(rows, EACH)


def test_a_remark_is_put_behind_the_reason_and_explains_what_is_missing() -> None:
    targets = [Target(metric="a", limit="< 1 s"), Target(metric="b", limit="< 1 s")]
    metric = Metric(name="a", unit="s", value=0.5)
    there, missing = judge(targets, [metric], remarks={"a": "noisy", "b": "it broke"})
    assert there.reason == "500 ms meets < 1 s; noisy"
    assert (missing.outcome, missing.reason) == ("invalid", "it broke")


@pytest.mark.parametrize(
    ("metric", "limit", "what"),
    [
        ("latency.p95", "<= -5 ms", "a time"),
        ("throughput", ">= -1 req/s", "a rate"),
        ("error_rate", "< -0.1 %", "a share"),
    ],
)
def test_a_limit_below_zero_is_refused_where_its_metric_never_is(
    metric: str, limit: str, what: str
) -> None:
    with pytest.raises(UsageError, match=f"{metric}: limit '{limit}' is below zero, which {what}"):
        check_table([Target(metric=metric, limit=limit)], PRODUCED)


def test_memory_may_shrink_and_an_exponent_be_below_zero() -> None:
    rows = [Target(metric="exponent", limit="> -1"), Target(metric="growth", limit="<= -5 MB/h")]
    assert check_table(rows, {**PRODUCED, "growth": "B/s"}) == tuple(rows)
