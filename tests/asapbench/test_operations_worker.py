"""The worker that times operations: every benchmark that ships, and what it tells of itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asapbench.catalogue import Agent, Entry, Job, Said
from asapbench.commands.micro import SHIPPED
from asapbench.process import Child
from asapbench.rounds import catalogue
from asapbench.system import Access, embedded

WORKER = ("-m", "asapbench.workers.operations")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    log = tmp_path_factory.mktemp("server") / "log"
    with embedded("serve", Access(), log, ()) as system:
        server = system.server
        yield Agent(url=server.url, id=server.agent, pid=server.pid)


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Entry, ...]:
    return catalogue(SHIPPED, tmp_path_factory.mktemp("list") / "log")


def said_by(folder: Path, **job: Any) -> list[Said]:
    with Child("worker", WORKER, folder / "log") as child:
        child.send(Job(suite=SHIPPED, **job).model_dump_json())
        deadline, heard = time.monotonic() + 60, []
        while time.monotonic() < deadline:
            line = child.line(1.0)
            if line is not None:
                heard.append(Said.model_validate_json(line))
                if heard[-1].what == "ended":
                    return heard
    raise AssertionError(f"the worker did not end: {heard}")


def test_every_benchmark_that_ships_works(
    agent: Agent, entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    keys = tuple(entry.key for entry in entries)
    said = said_by(tmp_path, do="calibrate", keys=keys, agent=agent)
    assert [f"{one.key}: {one.error}" for one in said if one.what == "failed"] == []
    assert {one.key for one in said if one.what == "timed"} == set(keys)
    (about,) = [one.about for one in said if one.what == "about"]
    assert about["python_implementation"] == "cpython"


# group → its benchmarks; each is promised, so that none is lost unseen
PROMISED = {
    "http_round_trip": "send",
    "client": "sends_20 send_batch_20 manifest_miss manifest_hit "
    "compression_1_kb compression_100_kb compression_1_mb",
    "manifest_endpoint": "get_manifest",
    "metrics_endpoint": "get_metrics",
    "asap_endpoint": "valid_request invalid_request batch_of_10",
    "throughput": "requests manifest_fetches_50",
    "payload_scaling": "request_100_b request_1_kb request_10_kb request_100_kb",
    "entity_creation": "agent task message conversation artifact",
    "envelope_creation": "minimal full",
    "batch_operations": "create_100 serialize_100 parse_100",
    "jsonrpc_processing": "request_creation response_creation request_serialization bytes_to_bytes",
    "json_serialization": "envelope_to_dict envelope_to_json manifest_to_json "
    "complex_payload_to_json",
    "json_deserialization": "envelope_from_dict envelope_from_json manifest_from_dict "
    "manifest_from_json task_request_from_dict task_request_from_json",
}


def test_every_benchmark_that_is_promised_is_there(entries: tuple[Entry, ...]) -> None:
    found: dict[str, str] = {}
    for entry in entries:
        found[entry.group] = f"{found.get(entry.group, '')} {entry.name}".strip()
    assert found == PROMISED


def test_a_worker_runs_what_it_is_told_as_often_as_it_is_told(tmp_path: Path) -> None:
    key = "entity_creation/agent"
    job = {"keys": (key,), "loops": {key: 7}, "batches": {key: 5}}
    (timed,) = [one for one in said_by(tmp_path, do="time", **job) if one.what == "timed"]
    assert timed.loops == 7
    # two visits of three; those that waited for a core are taken again
    assert 6 <= len(timed.batches) <= 12
    assert all(seconds > 0 and pace > 0 for seconds, _, _, pace in timed.batches)


def test_benchmarks_are_visited_in_turn_over_the_whole_life_of_a_process(tmp_path: Path) -> None:
    keys = ("entity_creation/agent", "entity_creation/task")
    counts = {"loops": dict.fromkeys(keys, 7), "batches": dict.fromkeys(keys, 9)}
    began = [one.key for one in said_by(tmp_path, do="time", keys=keys, **counts) if one.key]
    visits = [keys[0], keys[1]] * 3
    assert began[2:8] == visits  # after the set-ups and before the clean-ups


def test_an_operation_that_takes_long_has_a_visit_for_each_batch(tmp_path: Path) -> None:
    key = "entity_creation/agent"
    job = {"keys": (key,), "loops": {key: 1}, "batches": {key: 4}}
    said = said_by(tmp_path, do="time", **job)
    assert [one.what for one in said if one.key].count("began") == 1 + 4 + 1


def test_memory_is_seen_by_the_blocks_of_the_result_and_the_peak(tmp_path: Path) -> None:
    keys = ("batch_operations/parse_100", "entity_creation/agent")
    found = {one.key: one for one in said_by(tmp_path, do="memory", keys=keys) if one.blocks}
    assert found[keys[0]].blocks > 20 * found[keys[1]].blocks > 0
    assert found[keys[0]].peak > 20 * found[keys[1]].peak > 0


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ("manifest_endpoint/get_manifest", "not 'urn:asap:agent:other'"),
        ("asap_endpoint/valid_request", "answered"),
    ],
)
def test_a_wrong_reply_breaks_the_benchmark(
    agent: Agent, tmp_path: Path, replies: str, said: str
) -> None:
    """Another agent than the one that answers; a recipient that is no agent."""
    names = {"manifest_endpoint/get_manifest": "urn:asap:agent:other"}
    other = agent.model_copy(update={"id": names.get(replies, "nobody")})
    (failed,) = [
        one
        for one in said_by(tmp_path, do="calibrate", keys=(replies,), agent=other)
        if one.what == "failed"
    ]
    assert "WrongReplyError" in failed.error
    assert said in failed.error
