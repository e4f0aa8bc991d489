"""What every bench promises, asked of each one that is found."""

import html
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module, resources
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from asapbench.commands import benches
from asapbench.commands.micro import SHIPPED, _catalogue
from asapbench.conclusion import conclude
from asapbench.ladder.evidence import STEPS
from asapbench.leak.parts import PARTS
from asapbench.model import Bench, Measurement, Plan, Report, Run, Story, Value, Window
from asapbench.offer import Flag, Outcome
from asapbench.outputs import Outputs
from asapbench.report.document import SCHEMA, render_json
from asapbench.report.page import page
from asapbench.report.tables import render_csv
from asapbench.report.text import render_text
from asapbench.targets import check_table, read_table
from asapbench.units import UNITS
from tests.asapbench.unit.scenes import Made

MakeRow = Callable[..., dict[str, float]]
MakeRun = Callable[..., Run]
MakeStory = Callable[..., Story]
MakeRounds = Callable[..., Run]
MakeTable = Callable[..., Measurement]

schema: dict[str, Any] = json.loads(
    resources.files("asapbench.report").joinpath("schema.json").read_text(encoding="utf-8")
)


@pytest.fixture(params=benches().values(), ids=lambda bench: bench.name)
def bench(request: pytest.FixtureRequest) -> Bench:
    found: Bench = request.param
    return found


@pytest.fixture
def empty_run(bench: Bench, make_story: MakeStory) -> Run:
    """What there is when a run is interrupted before anything was measured."""
    return Run(make_story(command=bench.name, plan=bench.plan().stored(), windows=()), ())


@pytest.fixture
def run(bench: Bench, make_run: MakeRun, row: MakeRow, made: Made) -> Run:
    """A run of the bench with some numbers in it, each kind of failure among them."""
    return _RUNS[bench.name](make_run, row, made)


def a_load_run(make_run: MakeRun, row: MakeRow, _: Made) -> Run:
    bench = benches()["load"]
    outcomes = (*[Outcome.OK] * 20, *Outcome)
    rows = [
        row(100 + k / 500, endpoint=k % 3, code=k % 2, outcome=outcomes[k % len(outcomes)])
        for k in range(5000)
    ]
    rows += [row(109.0, sent=float("nan"), done=111.0, flags=Flag.CENSORED | Flag.WAITED)]
    window = Window(name="measured", start=100.0, end=110.0)
    return make_run(rows, plan=bench.plan().stored(), windows=(window,))


def a_stress_run(make_run: MakeRun, row: MakeRow, _: Made) -> Run:
    """Two steps, the second of them too much: its queue grows, and it is repeated."""
    plan = benches()["stress"].plan()
    rows, steps, windows = [], [], []
    for number, (role, growth) in enumerate(((0, 0.0), (0, 0.2), (1, 0.2)), start=1):
        start, rate = 100.0 * number, 500.0 + 500 * (number > 1)
        slots = [start + k / rate for k in range(int(rate * 4))]
        rows += [
            row(at, done=at + 0.001 + growth * (at - start), flags=Flag.WAITED) for at in slots
        ]
        windows.append(Window(name=f"step-{number}", start=start, end=start + 4))
        steps.append((start, number, role, rate, rate / 10, rate, np.nan))
    columns = np.array(steps).T
    table = Measurement(STEPS.name, dict(zip(STEP_COLUMNS, columns, strict=True)), {})
    targets = read_table("stress", None)
    run = make_run(
        rows, command="stress", plan=plan.stored(), windows=tuple(windows), targets=targets
    )
    return replace(run, measurements=(*run.measurements, table))


STEP_COLUMNS = [column.name for column in STEPS.columns]


def a_micro_run(make_run: MakeRun, _: MakeRow, made: Made) -> Run:
    bench = benches()["micro"]
    selected = [entry.model_dump(mode="json") for entry in _catalogue(SHIPPED)]
    story = make_run([], command="micro", plan=bench.plan().stored()).story
    failures = ({"benchmark": "client/sends_20", "error": "ValueError: no", "round": 1},)
    facts = {"entries": selected, "numbers": {"client/compression_1_kb": {"ratio": 0.2}}}
    return made.rounds(
        story.model_copy(update={"facts": facts, "failures": failures}),
        {position: 1e-6 * (position + 1) for position in range(len(selected))},
    )


def a_memory_run(make_run: MakeRun, row: MakeRow, made: Made) -> Run:
    """A server that keeps 2,000 bytes a request, its parts that keep nothing, an explanation."""
    outcomes = (*[Outcome.OK] * 200, *Outcome)
    rows = [
        row(100 + k / 100, endpoint=k % 4, outcome=outcomes[k % len(outcomes)]) for k in range(1500)
    ]
    tables = tuple(made.cycles(name, 2000.0 * (name == "server")) for name in ("server", *PARTS))
    place = {"file": "agent.py", "line": 3, "code": "KEPT.append(x)", "whose": "agent"}
    explained = {
        "text": "",
        "sites": [place | {"via": place, "bytes": 2000.0, "objects": 1.0}],
        "types": [{"type": "agent.Thing", "whose": "agent", "objects": 1.0}],
        "chain": ["list", "agent.KEPT"],
        "keeper": {"type": "list", "of": "agent.Thing", "items": 1.0, "at": place},
    }
    window = Window(name="measured", start=100.0, end=115.0)
    plan = benches()["memory"].plan().stored()
    story = {"command": "memory", "plan": plan, "windows": (window,), "explanation": explained}
    run = make_run(rows, **story)
    live = made.cycles("live_envelopes", 2200.0, warm_up=1, kept=1)
    control = replace(run, measurements=(made.cycles("server", 0.0),), parts={})
    measured = (*run.measurements, *tables, live)
    return replace(run, measurements=measured, parts={"floor-1": control})


_RUNS: dict[str, Callable[[MakeRun, MakeRow, Made], Run]] = {
    "load": a_load_run,
    "micro": a_micro_run,
    "stress": a_stress_run,
    "memory": a_memory_run,
}


def report_of(bench: Bench, run: Run) -> Report:
    plan = bench.plan()
    rows = read_table(bench.name, None)
    table = check_table(rows, bench.produces(plan), bench.left_out(plan))
    return conclude(bench, replace(run, story=run.story.model_copy(update={"targets": table})))


def test_there_are_benches() -> None:
    assert "load" in benches()


def test_every_bench_has_a_run_to_be_tested_with() -> None:
    assert set(_RUNS) == set(benches())


def test_all_outputs_and_options_of_a_bench_have_different_names(bench: Bench) -> None:
    models: tuple[type[Value], ...] = (
        bench.plan,
        Outputs,
        *([bench.outputs] if bench.outputs else []),
    )
    names = [name.strip("_") for model in models for name in model.model_fields]
    assert len(names) == len(set(names))


def test_a_bench_is_named_like_its_module(bench: Bench) -> None:
    assert import_module(f"asapbench.commands.{bench.name}").BENCH is bench


def test_a_bench_has_a_help_that_begins_with_one_sentence(bench: Bench) -> None:
    first, _, _ = bench.doc.strip().partition("\n")
    assert first.endswith(".")
    assert len(first) <= 80


def test_every_option_says_what_it_is_for(bench: Bench) -> None:
    assert issubclass(bench.plan, Plan)
    silent = [name for name, field in bench.plan.model_fields.items() if not field.description]
    assert silent == []


def test_no_two_options_have_one_short_name(bench: Bench) -> None:
    extras = [field.json_schema_extra for field in bench.plan.model_fields.values()]
    shorts = [extra["short"] for extra in extras if isinstance(extra, dict) and "short" in extra]
    assert len(shorts) == len(set(shorts))


def test_the_defaults_are_a_plan_that_reads_back_from_disk(bench: Bench) -> None:
    plan = bench.plan()
    assert bench.plan.model_validate_json(json.dumps(plan.stored())) == plan


def test_every_metric_has_a_unit_that_a_table_can_write(bench: Bench) -> None:
    dimensions = {dimension for dimension, _ in UNITS.values()}
    assert set(bench.produces(bench.plan()).values()) <= dimensions


def test_every_shipped_target_is_of_a_metric_of_the_bench(bench: Bench) -> None:
    rows = read_table(bench.name, None)
    checked = check_table(rows, bench.produces(bench.plan()))
    assert {target.limit for target in checked} == {target.limit for target in rows}
    names = {target.metric.partition("{")[0] for target in checked}
    assert names == {target.metric.partition("{")[0] for target in rows}


def test_every_shipped_target_says_why(bench: Bench) -> None:
    assert all(target.why for target in read_table(bench.name, None))


def test_a_run_without_numbers_has_no_metric(bench: Bench, empty_run: Run) -> None:
    assert bench.analyse(empty_run).metrics == ()


def test_a_run_without_numbers_is_never_a_pass(bench: Bench, empty_run: Run) -> None:
    report = report_of(bench, empty_run)
    assert {verdict.outcome for verdict in report.verdicts} == {"invalid"}
    assert report.outcome == "invalid"


def test_a_run_gives_only_metrics_that_were_announced(bench: Bench, run: Run) -> None:
    produced = bench.produces(bench.plan())
    found = bench.analyse(run).metrics
    assert {metric.key: metric.unit for metric in found}.items() <= produced.items()
    assert len({metric.key for metric in found}) == len(found) > 0


def test_the_analysis_is_the_same_each_time(bench: Bench, run: Run) -> None:
    assert bench.analyse(run) == bench.analyse(run)


@pytest.mark.parametrize("which", ["empty_run", "run"])
def test_the_json_of_a_run_is_what_the_schema_describes(
    bench: Bench, which: str, request: pytest.FixtureRequest
) -> None:
    document = json.loads(render_json(report_of(bench, request.getfixturevalue(which))))
    errors = Draft202012Validator(closed(schema)).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("which", ["empty_run", "run"])
def test_every_output_can_show_a_run(
    bench: Bench, which: str, request: pytest.FixtureRequest
) -> None:
    report = report_of(bench, request.getfixturevalue(which))
    for metric in report.metrics:
        assert metric.key.partition("{")[0] in render_csv(report)["metrics"]
    text, shown = render_text(report, width=80, color=False), page(report, library="")
    for verdict in report.verdicts:
        assert verdict.metric.partition("{")[0] in text
        assert html.escape(verdict.metric, quote=True).replace("&quot;", "&#34;") in shown


def test_every_bench_has_an_object_of_its_own_in_the_schema(bench: Bench) -> None:
    assert bench.name in schema["properties"]
    condition = {"if": {"properties": {"command": {"const": bench.name}}}}
    assert condition | {"then": {"required": [bench.name]}} in schema["allOf"]


def test_the_schema_is_a_schema_and_names_itself() -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == schema["properties"]["schema"]["const"] == SCHEMA


def closed(node: Any) -> Any:
    """The schema with no field allowed that it does not describe: each field has to be in it."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    inner = {key: closed(value) if key != "if" else value for key, value in node.items()}
    return (
        {"additionalProperties": False, **inner}
        if "properties" in node and "type" in node
        else inner
    )
