"""Runs on disk."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asapbench import store
from asapbench.errors import BrokenRun, UsageError
from asapbench.model import Environment, Note, Plan, Story, Window
from asapbench.series import Column, Layout, Writer
from asapbench.store import Recording, begin, find, load, recall

MakeStory = Callable[..., Story]


@pytest.fixture
def recording(tmp_path: Path, environment: Environment) -> Recording:
    return begin("load", Plan(), environment, tmp_path / "runs-here")


def test_a_run_begins_with_its_plan_and_environment_on_disk(
    recording: Recording, environment: Environment
) -> None:
    story = load(recording.folder).story
    assert (story.command, story.ended) == ("load", "running")
    assert story.plan == Plan().stored()
    assert story.environment == environment
    assert recording.folder.name.endswith("-load")


def test_what_is_told_is_on_disk_at_once(recording: Recording) -> None:
    window = Window(name="measured", start=1.0, end=2.0)
    recording.tell(windows=(window,), notes=(Note(code="a", text="b"),))
    recording.tell(ended="complete")
    assert load(recording.folder).story == recording.story
    assert recording.story.windows == (window,)


def test_a_window_that_is_extended_takes_its_own_place_and_no_others(recording: Recording) -> None:
    parts = Window(name="components", start=1.0, end=1.0)
    windows = [Window(name="measured", start=2.0, end=end) for end in (2.0, 3.0)]
    for window in (parts, *windows):
        recording.tell(windows=recording.story.windows_with(window))
    assert recording.story.windows == (parts, windows[1])


def test_a_run_has_the_numbers_of_all_its_series(recording: Recording) -> None:
    for name in ("b", "a"):
        with Writer(
            recording.path(f"{name}.series"), Layout(name, (Column("at", "s", "d"),))
        ) as writer:
            writer.append(1.5)
    assert [table.name for table in recording.run().measurements] == ["a", "b"]


def test_a_secret_of_the_plan_is_not_on_disk(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-of-env")
    plan = Plan(header=("Authorization: Bearer $TOKEN", "X-Api-Key: s3cret-of-line"))
    folder = begin("load", plan, environment, tmp_path).folder
    text = (folder / "story.json").read_text()
    assert "s3cret" not in text
    assert "Bearer $TOKEN" in text


def test_runs_of_one_second_have_folders_of_their_own(
    tmp_path: Path, environment: Environment
) -> None:
    folders = [begin("load", Plan(), environment, tmp_path).folder for _ in range(5)]
    assert len(set(folders)) == 5


def test_runs_begun_within_one_second_are_kept_in_the_order_in_which_they_began(
    tmp_path: Path, environment: Environment
) -> None:
    commands = ["stress", *["load"] * 10, "micro"]
    folders = [begin(command, Plan(), environment, tmp_path).folder for command in commands]
    assert store.kept(tmp_path) == folders
    assert find("last", tmp_path) == folders[-1]


def test_runs_are_ignored_by_git(tmp_path: Path, environment: Environment) -> None:
    begin("load", Plan(), environment, tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_only_the_newest_runs_are_kept(tmp_path: Path, environment: Environment) -> None:
    for number in range(store.KEPT + 3):
        (tmp_path / "runs" / f"20000101-0000{number:02}-load").mkdir(parents=True)
    begin("load", Plan(), environment, tmp_path)
    left = sorted(folder.name for folder in (tmp_path / "runs").iterdir())
    assert len(left) == store.KEPT
    assert left[0] == "20000101-000004-load"


def test_a_run_that_is_being_measured_is_not_removed_however_many_are_begun_beside_it(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 2)
    long = begin("memory", Plan(), environment, tmp_path)
    for _ in range(4):
        begin("micro", Plan(), environment, tmp_path)
    long.tell(ended="complete")
    assert load(long.folder).story.ended == "complete"
    folder = long.folder
    del long
    for _ in range(2):
        begin("micro", Plan(), environment, tmp_path)
    assert not folder.exists()


def test_a_run_that_begins_is_not_removed_though_by_its_clock_it_is_the_oldest(
    tmp_path: Path, environment: Environment
) -> None:
    for number in range(store.KEPT + 3):
        (tmp_path / "runs" / f"29990101-0000{number:02}-load").mkdir(parents=True)
    recording = begin("load", Plan(), environment, tmp_path)
    recording.tell(ended="complete")
    assert load(recording.folder).story.ended == "complete"
    assert len(list((tmp_path / "runs").iterdir())) == store.KEPT


def test_runs_are_kept_also_where_the_file_system_has_no_locks(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    monkeypatch.setattr(store, "KEPT", 2)
    for _ in range(4):
        folder = begin("load", Plan(), environment, tmp_path).folder
    assert len(store.kept(tmp_path)) == 2
    assert folder in store.kept(tmp_path)


def test_a_run_that_is_removed_while_they_are_listed_hides_no_other(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (begin("load", Plan(), environment, tmp_path).folder for _ in range(2))
    real = Path.iterdir

    def removed(path: Path) -> Iterator[Path]:
        if path == first:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real(path)

    monkeypatch.setattr(Path, "iterdir", removed)
    assert store.kept(tmp_path) == [second]


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, environment: Environment
) -> None:
    (tmp_path / "store").write_text("a file in the way")
    with pytest.raises(UsageError, match=r"store' below the current folder, which cannot be"):
        begin("load", Plan(), environment, tmp_path / "store")


def test_a_story_that_cannot_be_written_breaks_the_run_in_words(recording: Recording) -> None:
    (recording.folder / "story.json.new").mkdir()
    with pytest.raises(BrokenRun, match=r"story\.json\.new' cannot be written: Is a directory"):
        recording.tell(ended="complete")


def test_the_story_is_whole_even_if_writing_it_anew_failed(recording: Recording) -> None:
    before = recording.story
    (recording.folder / "story.json.new").mkdir()
    with pytest.raises(BrokenRun):
        recording.tell(ended="complete")
    assert load(recording.folder).story == before


def test_a_folder_without_a_run_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BrokenRun, match=r"cannot be read as a run: it has no story\.json"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"command": 5}'])
def test_a_broken_story_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "story.json").write_text(text)
    with pytest.raises(BrokenRun, match=r"cannot be read as a run: story\.json: ") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_broken_series_is_refused_by_name(recording: Recording) -> None:
    recording.path("requests.series").write_bytes(b"\0" * 100)
    with pytest.raises(BrokenRun, match=r"requests\.series' holds no series of numbers"):
        recording.run()


@pytest.fixture
def three_runs(tmp_path: Path) -> Path:
    for name in ("20261124-100000-load", "20261124-110000-load", "20261124-110000-load-2"):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "story.json").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("last", "20261124-110000-load-2"),
        ("20261124-10", "20261124-100000-load"),
        ("20261124-110000-load", "20261124-110000-load"),
    ],
)
def test_a_run_is_found_by_its_name_the_beginning_of_it_or_as_the_last(
    three_runs: Path, name: str, found: str
) -> None:
    assert find(name, three_runs) == three_runs / "runs" / found


def test_a_run_is_found_by_its_path(recording: Recording) -> None:
    assert find(str(recording.folder), recording.folder / "no store") == recording.folder


@pytest.mark.parametrize(
    ("name", "said"), [("2027", "no run '2027'"), ("2026", "more than one run '2026'")]
)
def test_a_name_of_no_run_or_of_several_is_refused_with_those_there_are(
    three_runs: Path, name: str, said: str
) -> None:
    with pytest.raises(UsageError, match=f"{said}; the newest are 20261124-110000-load-2, "):
        find(name, three_runs)


def test_where_no_run_is_kept_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none is kept"):
        find("last", tmp_path)


def test_a_folder_in_which_no_run_has_begun_yet_hides_no_other_run(three_runs: Path) -> None:
    fresh = three_runs / "runs" / "20261124-120000-load"
    fresh.mkdir()
    (fresh / "story.json.new").touch()
    assert find("last", three_runs).name == "20261124-110000-load-2"


def test_a_series_that_is_begun_but_has_no_name_yet_hides_no_other(recording: Recording) -> None:
    with Writer(recording.path("a.series"), Layout("a", (Column("at", "s", "d"),))):
        recording.path("b.series.new").write_bytes(b"{")
    assert [table.name for table in recording.run().measurements] == ["a"]


def test_a_run_that_was_never_ended_broke_and_says_so(recording: Recording) -> None:
    story = recall(recording.folder).story
    assert story.ended == "broke"
    assert "this run was never ended: asapbench was killed" in story.why
    assert load(recording.folder).story.ended == "running"


def test_a_run_that_ended_is_recalled_as_it_was(recording: Recording) -> None:
    recording.tell(ended="interrupted", why="by the user")
    assert recall(recording.folder) == load(recording.folder)


def test_what_is_left_of_a_run_whose_removal_was_cut_short_is_no_run(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "KEPT", 1)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    first = begin("load", Plan(), environment, tmp_path).folder
    second = begin("load", Plan(), environment, tmp_path).folder
    assert not first.exists()
    assert store.kept(tmp_path) == [second]
    assert len(list((tmp_path / "runs").iterdir())) == 2
