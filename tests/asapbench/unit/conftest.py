"""Values that many tests need: an environment, a story, a run made of rows, golden files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asapbench.catalogue import MEMORY, OPERATIONS, ROUNDS
from asapbench.leak.cycles import COLUMNS
from asapbench.model import Environment, Measurement, Report, Run, Server, Story, Window
from asapbench.offer import REQUESTS, Flag, Outcome
from asapbench.series import Layout
from tests.asapbench.unit.scenes import Made, report_of

GOLDEN = Path(__file__).parents[1] / "golden"

Row = dict[str, float]


# Not in tests/conftest.py: that would put tests/ on the import path, and with it the folders
# tests/asap and tests/asapbench in the way of the packages of these names.
def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden files anew (pytest tests/asapbench/unit --update-golden)",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file, or write that file with --update-golden."""

    def compare(name: str, text: str) -> None:
        file = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def environment() -> Environment:
    return Environment(
        hostname="bench-1",
        system="Linux 6.8 x86_64",
        cpu="Example CPU 3.0 GHz",
        cores=4,
        memory=16_000_000_000,
        python="CPython 3.11.7",
        versions={"asapbench": "0.1.0"},
        commit=None,
        load_average=0.2,
        server_cpus=(3,),
        generator_cpus=(0,),
    )


@pytest.fixture(scope="session")
def make_story(environment: Environment) -> Callable[..., Story]:
    """A story of a load run that went well, with changes."""

    def make(**changes: Any) -> Story:
        story = {
            "command": "load",
            "started_at": "2025-11-23T10:00:00+00:00",
            "duration": 75.0,
            "plan": {"user_class": "mixed"},
            "environment": environment,
            "server": Server(
                url="http://127.0.0.1:8000",
                pid=42,
                how="embedded",
                agent="urn:asap:agent:default-server",
                version="1.0.0",
            ),
            "windows": (Window(name="measured", start=100.0, end=160.0),),
            "ended": "complete",
        }
        return Story.model_validate({**story, **changes})

    return make


@pytest.fixture(scope="session")
def row() -> Callable[..., Row]:
    """A row of REQUESTS: served 1 ms after it was planned, if nothing else is said."""

    def make(
        planned: float, sent: float | None = None, done: float | None = None, **more: Any
    ) -> Row:
        sent = planned if sent is None else sent
        done = (planned if np.isnan(sent) else sent) + 0.001 if done is None else done
        given: Row = {"outcome": Outcome.OK, "flags": Flag(0), "code": 0, "user": 0, "endpoint": 0}
        given |= {"arrived": np.nan, "departed": np.nan}
        return {"planned": planned, "sent": sent, "done": done} | given | more

    return make


@pytest.fixture(scope="session")
def make_run(make_story: Callable[..., Story]) -> Callable[..., Run]:
    """A run whose requests are these rows."""

    def make(rows: Iterable[Row], **changes: Any) -> Run:
        return Run(make_story(**changes), (_requests_table(list(rows)),))

    return make


@pytest.fixture(scope="session")
def cycles_table() -> Callable[..., Measurement]:
    """Readings of a subject that grows by so many bytes a request or operation."""

    def make(
        subject: str, growth: float, *, warm_up: int = 3, kept: int = 8, **columns: Any
    ) -> Measurement:
        number = np.arange(warm_up + kept, dtype=np.float64)
        requests = 1000.0 * (number + 1)
        held = 40e6 + growth * requests
        table = {name: np.zeros(len(number)) for name in ("heap", "blocks", "collected")}
        table |= {"at": 100 + number, "requests": requests, "rss": held + 1e6, "uss": held}
        table |= {"cost": np.full(len(number), 0.05), "kept": (number >= warm_up).astype("u1")}
        units = {column.name: column.unit for column in COLUMNS}
        return Measurement("cycles", table | columns, units, {"subject": subject})

    return make


def _requests_table(rows: list[Row]) -> Measurement:
    types = {"d": "<f8", "i": "<i4", "I": "<u4", "B": "u1"}
    columns = {
        column.name: np.array([row[column.name] for row in rows], types[column.code])
        for column in REQUESTS.columns
    }
    units = {column.name: column.unit for column in REQUESTS.columns}
    return Measurement(REQUESTS.name, columns, units)


@pytest.fixture
def make_report(make_story: Callable[..., Story]) -> Callable[..., Report]:
    """A report of a load run; tests/asapbench/unit/scenes.py has the kinds there are."""
    return partial(report_of, make_story)


@pytest.fixture(scope="session")
def make_rounds() -> Callable[..., Run]:
    """A micro run in which each benchmark, by position, takes these seconds, give or take."""
    return _rounds_run


def _rounds_run(
    story: Story, seconds: Mapping[int, float], rounds: int = 8, spread: float = 0.01, seed: int = 0
) -> Run:
    random = np.random.default_rng(seed)
    rows = [
        (number, position, number, 100, 100 * own, 90 * own, 0.0, 5e-5)
        for number in range(rounds + 1)
        for position, mean in seconds.items()
        for own in [mean * float(np.exp(random.normal(0, spread)))] * 3
    ]
    memory = [(1.0, position, 7.0, 1200.0) for position in seconds]
    times = [(float(number), number, 1.0) for number in range(1, rounds + 1)]
    tables = ((OPERATIONS, rows), (MEMORY, memory), (ROUNDS, times))
    return Run(story, tuple(_table(layout, those) for layout, those in tables))


def _table(layout: Layout, rows: Sequence[Sequence[float]]) -> Measurement:
    columns = dict(zip((c.name for c in layout.columns), zip(*rows, strict=True), strict=True))
    values = {name: np.array(column, float) for name, column in columns.items()}
    return Measurement(layout.name, values, {c.name: c.unit for c in layout.columns})


@pytest.fixture
def made(make_rounds: Callable[..., Run], cycles_table: Callable[..., Measurement]) -> Made:
    """How to make the tables that only some benches have."""
    return Made(make_rounds, cycles_table)
