"""Which results can be compared, and what is said of those that cannot."""

from typing import Any

import pytest

from asapbench.alike import offered, refuse_unlike
from asapbench.commands import benches
from asapbench.comparison import Results
from asapbench.errors import UsageError
from asapbench.model import Plan

PLANS: dict[str, type[Plan]] = {name: bench.plan for name, bench in benches().items()}


def results(name: str, command: str = "load", **changes: Any) -> Results:
    plan = PLANS[command].model_validate(changes).stored() if command else {}
    return Results(name, {}, command=command, plan=plan)


def refusal(old: Results, new: Results) -> str:
    with pytest.raises(UsageError) as caught:
        refuse_unlike(old, new, PLANS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_results_of_two_commands_are_refused_with_both() -> None:
    assert refusal(results("a"), results("b", "stress")).startswith(
        "'a' is of load and 'b' of stress"
    )


def test_every_option_of_the_load_that_differs_is_named_with_both_values() -> None:
    said = refusal(results("a", users=100), results("b", users=50, rps=500.5))
    assert "different plans: --users 100 / 50, --rps 1000 / 500.5;" in said


def test_an_option_that_is_set_in_one_of_them_alone_is_named() -> None:
    old = results("a")
    new = Results("b", {}, command="load", plan={**old.plan, "input": "in.json"})
    assert "--input (none) / in.json" in refusal(old, new)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"duration": 10, "extend": 1, "warmup": 1, "quick": True},
        {"floor": False, "gates": False, "targets": "mine.toml"},
        {"host": "http://127.0.0.1:1", "header": ["X: 1"], "insecure": True},
    ],
)
def test_how_long_how_judged_and_which_server_may_differ(changes: dict[str, Any]) -> None:
    refuse_unlike(results("a"), results("b", **changes), PLANS)


def test_of_micro_it_is_the_suite_and_how_an_operation_is_timed() -> None:
    assert offered(PLANS["micro"]) == ("suite", "warmup", "disable_gc")
    refuse_unlike(results("a", "micro"), results("b", "micro", group=("x",)), PLANS)
    said = refusal(results("a", "micro"), results("b", "micro", disable_gc=True))
    assert "--disable-gc False / True" in said


def test_an_option_that_an_older_result_does_not_know_is_no_difference() -> None:
    old = Results("a", {}, command="load", plan={})
    refuse_unlike(old, results("b", users=5), PLANS)


def test_of_results_of_another_tool_nothing_is_known() -> None:
    refuse_unlike(results("a", ""), results("b"), PLANS)


@pytest.mark.parametrize("name", ["load", "stress", "memory"])
def test_what_is_offered_has_to_be_the_same(name: str) -> None:
    assert {"skill", "input", "timeout"} <= set(offered(PLANS[name]))
    assert not {"seed", "quick", "host", "serve", "targets"} & set(offered(PLANS[name]))
