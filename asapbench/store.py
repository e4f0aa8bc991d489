"""Runs on disk: a folder a run, with its story as JSON and its raw numbers as series files."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import weakref
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asapbench.errors import BrokenRun, UsageError
from asapbench.model import RUN_FORMAT, Environment, Plan, Run, Story

STORE = Path(".asapbench")
BASELINES = STORE / "baselines"
KEPT = 50
_NAMED = 5  # of those kept, in an error
NEVER_ENDED = (
    "this run was never ended: asapbench was killed, or still measures; requests that were open "
    "are not in it"
)
REPORT = "report.json"  # what was made of a run when it ended; the rest is the evidence
_STORY = "story.json"
_DROPPED = ".dropped-"  # begins the name of a run that is being removed


class Recording:
    """A run while it is written. The story on disk is whole at any moment."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.folder = folder
        self.story = story
        self._write()

    def path(self, name: str) -> Path:
        """Where a file of this run belongs."""
        return self.folder / name

    def tell(self, **changes: Any) -> None:
        """Change the story; it is on disk when this returns."""
        self.story = Story.model_validate({**dict(self.story), **changes})
        self._write()

    def part(self, name: str) -> Recording:
        """A run within this one, of the same plan: its folder lies in this one's."""
        folder = self.folder / name
        folder.mkdir()
        return Recording(folder, self.story)

    def run(self) -> Run:
        """All that was recorded so far."""
        return load(self.folder)

    def keep(self, report: str) -> None:
        """Put beside the evidence what was made of it."""
        self._replace(REPORT, report)

    def _write(self) -> None:
        self._replace(_STORY, self.story.model_dump_json(indent=1))

    def _replace(self, name: str, text: str) -> None:
        """Write a file anew; it is whole at any moment."""
        fresh = self.folder / (name + ".new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.folder / name)
        except OSError as error:
            raise BrokenRun(f"{str(fresh)!r} cannot be written: {error.strerror}") from error


def begin(command: str, plan: Plan, environment: Environment, store: Path = STORE) -> Recording:
    """Open a new run, and drop the oldest beyond those that are kept.

    Raises UsageError where the folder cannot be written.
    """
    now = datetime.now(UTC)
    try:
        folder = _new_folder(store, f"{now:%Y%m%d-%H%M%S}", command)
        lock = _lock(folder)
        _prune(folder.parent, folder)
    except OSError as error:
        raise UsageError(
            f"runs are kept in {str(store)!r} below the current folder, which cannot be written: "
            f"{error.strerror}; change to a folder of yours"
        ) from error
    story = Story(
        command=command,
        started_at=now.isoformat(timespec="seconds"),
        plan=plan.stored(),
        environment=environment,
    )
    recording = Recording(folder, story)
    weakref.finalize(recording, os.close, lock)
    return recording


def load(folder: Path) -> Run:
    """Read a run back, also one whose writer was killed. Raises BrokenRun where it cannot be."""
    from asapbench.table import read_measurement  # numpy: only once there is something to read

    try:
        story = _story(folder / _STORY)
        files = sorted(folder.glob("*.series"))
        parts = {path.parent.name: load(path.parent) for path in folder.glob(f"*/{_STORY}")}
        return Run(story, tuple(read_measurement(file) for file in files), parts)
    except (OSError, ValueError) as error:
        raise BrokenRun(f"{str(folder)!r} cannot be read as a run: {_reason(error)}") from error


def recall(folder: Path) -> Run:
    """Read a run that was kept; one that was never ended broke, whatever it holds."""
    run = load(folder)
    if run.story.ended != "running":
        return run
    return replace(run, story=run.story.model_copy(update={"ended": "broke", "why": NEVER_ENDED}))


def story_of(folder: Path) -> Story:
    """What is known of a run beside its numbers. Raises BrokenRun where it cannot be read."""
    try:
        return _story(folder / _STORY)
    except (OSError, ValueError) as error:
        raise BrokenRun(f"{str(folder)!r} cannot be read as a run: {_reason(error)}") from error


def _story(file: Path) -> Story:
    """Raises ValueError for one of a newer asapbench, whatever else it may hold."""
    text = file.read_bytes()
    content = json.loads(text)
    found = content.get("format", RUN_FORMAT) if isinstance(content, dict) else RUN_FORMAT
    if found != RUN_FORMAT:
        raise ValueError(
            f"it is of a newer asapbench ({found}; this one reads {RUN_FORMAT}): upgrade"
        )
    return Story.model_validate_json(text)


def kept(store: Path = STORE) -> list[Path]:
    """The folders of the runs in a store, the oldest first. Raises UsageError if it is closed."""
    runs = store / "runs"
    try:
        return sorted(filter(_has_begun, runs.iterdir()), key=_order)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"{str(runs)!r} cannot be read: {error.strerror}") from error


def _has_begun(folder: Path) -> bool:
    """Whether there is anything of a run: one may have been killed as it made its folder."""
    if not folder.is_dir() or folder.name.startswith(_DROPPED):
        return False
    try:
        return any(file.suffix != ".new" for file in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False  # removed meanwhile
    except PermissionError:
        return True  # whoever reads it is told; the others are not lost for it


class NoSuchRun(UsageError):
    """A name of no run, or of several; `others` are those that there are."""

    def __init__(self, name: str, number: str, others: str) -> None:
        super().__init__(f"there is {number} run {name!r}; {others}")
        self.number, self.others = number, others


def others(folders: list[Path]) -> str:
    """The newest of some runs, for an error."""
    if not folders:
        return f"none is kept in {str(STORE)!r} below the current folder"
    newest = ", ".join(folder.name for folder in folders[: -_NAMED - 1 : -1])
    return f"the newest are {newest}"


def find(name: str, store: Path = STORE) -> Path:
    """The folder of a run: `last`, its name, the beginning of that, or a path.

    Raises UsageError with the names that there are.
    """
    folders = kept(store)
    if name == "last" and folders:
        return folders[-1]
    if os.path.isfile(f"{name}/{_STORY}"):  # noqa: PTH113 - Path raises for a name too long
        return Path(name)
    found = [folder for folder in folders if folder.name.startswith(name)]
    if name in {folder.name for folder in found}:
        return store / "runs" / name
    if len(found) == 1:
        return found[0]
    raise NoSuchRun(name, "more than one" if found else "no", others(folders))


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"it has no {_STORY}"
    if isinstance(error, OSError):
        return f"{Path(error.filename or '').name}: {error.strerror}"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{_STORY}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return f"{_STORY}: is not JSON: {error}"
    return str(error)


def _new_folder(store: Path, second: str, command: str) -> Path:
    """Of runs begun within a second, of whatever commands, each later one has a higher number."""
    runs = store / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    (store / ".gitignore").write_text("*\n")
    begun = max((_order(folder)[1] for folder in runs.glob(f"{second}-*")), default=0)
    for number in count(begun + 1):
        folder = runs / (f"{second}-{command}" + (f"-{number}" if number > 1 else ""))
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _order(folder: Path) -> tuple[str, int, str]:
    """When a run was begun, by its name: the second, and which of those within it."""
    parts = folder.name.split("-")
    number = parts[3] if len(parts) == 4 and parts[3].isdecimal() else "1"
    return "-".join(parts[:2]), int(number), folder.name


def _lock(folder: Path) -> int:
    """Hold a run, until this is closed or the process has ended: no other process removes it.

    Raises BlockingIOError where it is held already. Some file systems have no locks.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:
        pass
    return handle


def _prune(runs: Path, new: Path) -> None:
    """Of two clocks, or after one was set, the new run need not be the last by its name."""
    older = sorted(set(runs.glob("[!.]*")) - {new}, key=_order, reverse=True)
    for old in older[KEPT - 1 :]:
        with suppress(OSError):
            lock = _lock(old)  # one that is held is being measured
            try:
                old.rename(runs / (_DROPPED + old.name))  # at once: half of a run is none
            finally:
                os.close(lock)
    for old in runs.glob(f"{_DROPPED}*"):
        shutil.rmtree(old, ignore_errors=True)
