"""The parent's side of timing: what it makes of what a worker says, and of one that is gone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

from asapbench.catalogue import Agent, Entry, Job, Said
from asapbench.errors import BrokenRun, UsageError
from asapbench.model import Story
from asapbench.rounds import Conditions, Rounds, catalogue
from asapbench.store import Recording

GOOD, BAD = Entry(group="g", name="good"), Entry(group="g", name="bad", size=100)
BATCH = (0.001, 0.001, 0.0, 5e-5)


class FakeChild:
    """A worker that says what its script has for its job, and is gone; None is a pause."""

    script: ClassVar[Any] = None
    jobs: ClassVar[list[Job]] = []
    silent = False

    def __init__(self, *_: object, **__: object) -> None:
        self._lines: Iterator[Said | None] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def send(self, line: str) -> None:
        job = Job.model_validate_json(line)
        self.jobs.append(job)
        self._lines = iter(type(self).script(job))

    def line(self, _: float) -> str | None:
        said = next(self._lines, None)
        return said.model_dump_json() if said else None

    def stop(self) -> None:
        """Nothing to end."""

    def last_words(self) -> str:
        return ""

    def check(self) -> None:
        raise BrokenRun("the worker ended with exit code 3")


@pytest.fixture
def play(
    tmp_path: Path, make_story: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Callable[[Job], list[Said]]], Rounds]]:
    monkeypatch.setattr("asapbench.rounds.Child", FakeChild)
    monkeypatch.setattr(FakeChild, "jobs", [])
    # no share of what starts take: as among very many benchmarks
    conditions = Conditions("s", Agent(url="u", id="i"), cpus=(), seed=1, measured=0.0)
    recording = Recording(tmp_path, make_story(command="micro"))
    with Rounds(conditions, [GOOD, BAD], recording) as rounds:

        def with_script(script: Callable[[Job], list[Said]]) -> Rounds:
            monkeypatch.setattr(FakeChild, "script", staticmethod(script))
            return rounds

        yield with_script


def timed(key: str, **more: Any) -> Said:
    return Said(what="timed", key=key, loops=10, **{"batches": (BATCH,), **more})


def test_a_clean_up_that_kills_the_worker_after_a_failure_is_no_second_one(play: Any) -> None:
    def script(job: Job) -> list[Said]:
        if BAD.key in job.keys:
            return [
                Said(what="began", key=BAD.key),
                Said(what="failed", key=BAD.key, error="ValueError: odd"),
            ]
        return [Said(what="began", key=GOOD.key), timed(GOOD.key), Said(what="ended")]

    rounds = play(script)
    list(rounds.round(rounds.alive))
    (failure,) = rounds.recorder.story.failures
    assert failure == {"benchmark": BAD.key, "error": "ValueError: odd", "round": 1}
    assert rounds.alive == (0,)


def test_a_worker_that_dies_after_its_last_word_on_a_benchmark_loses_nothing(play: Any) -> None:
    def script(job: Job) -> list[Said]:
        return [Said(what="began", key=job.keys[0]), timed(job.keys[0])]

    rounds = play(script)
    list(rounds.round(rounds.alive))
    assert rounds.recorder.story.failures == ()
    assert rounds.alive == (0, 1)


def test_the_size_of_a_benchmark_is_what_it_turned_out_to_work_on(play: Any) -> None:
    def script(job: Job) -> list[Said]:
        return [*(timed(key, size=391 * (key == BAD.key)) for key in job.keys), Said(what="ended")]

    rounds = play(script)
    list(rounds.calibrate())
    assert [entry.size for entry in rounds.entries] == [None, 391]
    entries = rounds.recorder.story.facts["entries"]
    assert [entry["size"] for entry in entries] == [None, 391]


# a batch of 10 µs is none that was meant: thousands of visits would be spent on it
@pytest.mark.parametrize(
    ("seconds", "least"), [(1e-5, 30), (0.001, 15), (0.004, 6), (0.07, 4), (2.0, 3)]
)
def test_each_process_has_batches_enough_for_a_lower_quartile(
    play: Any, seconds: float, least: int
) -> None:
    def script(job: Job) -> list[Said]:
        batch = (seconds, *BATCH[1:])
        return [*(timed(key, batches=(batch,)) for key in job.keys), Said(what="ended")]

    rounds = play(script)
    list(rounds.calibrate())
    list(rounds.round(rounds.alive))
    assert set(FakeChild.jobs[-1].batches.values()) == {least}


def test_what_a_worker_said_just_before_its_end_is_heard(play: Any) -> None:
    def script(job: Job) -> list[Said | None]:
        said = [timed(key) for key in job.keys]
        return [Said(what="began", key=job.keys[0]), None, *said, Said(what="ended")]

    rounds = play(script)
    list(rounds.round(rounds.alive))
    assert rounds.recorder.story.failures == ()
    assert len(FakeChild.jobs) == 1


@pytest.mark.parametrize(
    ("silent", "said"), [(True, "ended its process"), (False, "took more than 7 s")]
)
def test_an_import_that_ends_its_process_is_told_from_one_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, silent: bool, said: str
) -> None:
    monkeypatch.setattr("asapbench.rounds.Child", FakeChild)
    monkeypatch.setattr(FakeChild, "script", staticmethod(lambda _: []))
    monkeypatch.setattr(FakeChild, "silent", silent)
    with pytest.raises(UsageError, match=f"the import of 'odd' {said}"):
        catalogue("odd", tmp_path / "log", patience=7)


def test_a_round_fits_into_what_is_left_but_gives_each_benchmark_its_least(play: Any) -> None:
    rounds = play(lambda job: [*(timed(key) for key in job.keys), Said(what="ended")])
    rounds.conditions = replace(rounds.conditions, measured=100.0, slice=0.01)
    list(rounds.round(rounds.alive, 2.0))
    batches = FakeChild.jobs[-1].batches[GOOD.key]
    assert batches * BATCH[0] * len(rounds.alive) * 1.5 == pytest.approx(1.5, rel=0.1)
    list(rounds.round(rounds.alive, 0.0))
    assert FakeChild.jobs[-1].batches[GOOD.key] == round(0.01 / BATCH[0])


def test_words_in_a_row_make_one_tick(play: Any) -> None:
    rounds = play(lambda job: [*(timed(key) for key in job.keys), Said(what="ended")])
    assert len(list(rounds.round(rounds.alive))) == 1
