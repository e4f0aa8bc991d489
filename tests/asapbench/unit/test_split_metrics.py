"""Where the time of a request goes, of rows that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from asapbench import samples
from asapbench.model import Run, Window
from asapbench.offer import Flag, Outcome

Row = dict[str, float]
MakeRow = Callable[..., Row]
MakeRun = Callable[..., Run]
WINDOW = Window(name="measured", start=100.0, end=110.0)


@pytest.fixture
def values(make_run: MakeRun) -> Callable[[Iterable[Row]], dict[str, float]]:
    def of(rows: Iterable[Row]) -> dict[str, float]:
        requests = samples.requests_in(make_run(rows), WINDOW)
        return {m.key: m.value for m in samples.split_metrics(requests, ("asap", "manifest"))}

    return of


Values = Callable[[Iterable[Row]], dict[str, float]]


def told(row: MakeRow, at: float, wait: float = 0.0, **more: Any) -> Row:
    """1 ms of network, 2 ms of server, 3 ms of reading, after a wait."""
    sent = at + wait
    times = {"arrived": sent + 0.001, "departed": sent + 0.003, "done": sent + 0.006}
    return row(at, sent=sent, **times, **more)


def many(row: MakeRow, number: int = 1000, **more: Any) -> list[Row]:
    return [told(row, 100.0 + index / 1000, **more) for index in range(number)]


def test_the_parts_of_requests_that_are_alike_add_up_to_their_latency(
    values: Values, row: MakeRow, make_run: MakeRun
) -> None:
    rows = many(row, wait=0.01, flags=Flag.WAITED)
    found = values(rows)
    parts = {name: found[f"split.{name}.p50"] for name in samples.SPLIT}
    assert parts == pytest.approx(
        {"waiting": 0.01, "network": 0.001, "server": 0.002, "reading": 0.003}
    )
    requests = samples.requests_in(make_run(rows), WINDOW)
    latency = {m.key: m.value for m in samples.request_metrics(requests, (), paced=True)}
    assert sum(parts.values()) == pytest.approx(latency["latency.p50"])


def test_the_generator_s_lag_is_no_part_of_the_waiting(values: Values, row: MakeRow) -> None:
    assert values(many(row, wait=0.01))["split.waiting.p95"] == 0.0


def test_each_endpoint_has_its_own_and_all_together_have_one(values: Values, row: MakeRow) -> None:
    slow = [entry | {"endpoint": 1, "done": entry["done"] + 1} for entry in many(row)]
    found = values([*many(row), *slow])
    assert found['split.reading.p95{endpoint="asap"}'] == pytest.approx(0.003)
    assert found['split.reading.p95{endpoint="manifest"}'] == pytest.approx(1.003)
    assert found["split.reading.p95"] == pytest.approx(1.003)
    assert set(found) == set(samples.split_units(("asap", "manifest")))


def test_failed_open_and_untold_requests_are_in_no_part(values: Values, row: MakeRow) -> None:
    others = [
        *(row(105.0 + index / 1000, done=109.0) for index in range(1000)),
        *(entry | {"outcome": Outcome.RPC_ERROR, "done": 109.0} for entry in many(row)),
        *(entry | {"flags": Flag.CENSORED, "done": 109.0} for entry in many(row)),
    ]
    assert values([*many(row), *others])["split.reading.p95"] == pytest.approx(0.003)


def test_a_server_that_tells_nothing_has_no_split(values: Values, row: MakeRow) -> None:
    assert values(row(100.0 + index / 1000) for index in range(1000)) == {}
