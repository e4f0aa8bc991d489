"""Runs on disk: a folder a run, with its story as JSON and its raw numbers as series files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asapbench.errors import BrokenRun, UsageError
from asapbench.model import Environment, Plan, Run, Story

STORE = Path(".asapbench")
BASELINES = STORE / "baselines"
KEPT = 50
_NAMED = 5  # of those kept, in an error
NEVER_ENDED = (
    "this run was never ended: asapbench was killed, or still measures; requests that were open "
    "are not in it"
)
_REPORT = "report.json"  # what was made of a run when it ended; the rest is the evidence
_STORY = "story.json"


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
        self._replace(_REPORT, report)

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
        folder = _new_folder(store, f"{now:%Y%m%d-%H%M%S}-{command}")
        _prune(folder.parent)
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
    return Recording(folder, story)


def load(folder: Path) -> Run:
    """Read a run back, also one whose writer was killed. Raises BrokenRun where it cannot be."""
    from asapbench.table import read_measurement  # numpy: only once there is something to read

    try:
        story = Story.model_validate_json((folder / _STORY).read_bytes())
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


def kept(store: Path = STORE) -> list[Path]:
    """The folders of the runs in a store, the oldest first."""
    return sorted(story.parent for story in (store / "runs").glob(f"*/{_STORY}"))


def reports(store: Path = STORE) -> list[Path]:
    """What was made of the runs that were ended, the oldest first."""
    return sorted((store / "runs").glob(f"*/{_REPORT}"))


def find(name: str, store: Path = STORE) -> Path:
    """The folder of a run: `last`, its name, the beginning of that, or a path.

    Raises UsageError with the names that there are.
    """
    folders = kept(store)
    if name == "last" and folders:
        return folders[-1]
    if (Path(name) / _STORY).is_file():
        return Path(name)
    found = [folder for folder in folders if folder.name.startswith(name)]
    if name in {folder.name for folder in found}:
        return store / "runs" / name
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"there is {'no' if not found else 'more than one'} run {name!r}{_others(folders)}"
    )


def _others(folders: list[Path]) -> str:
    if not folders:
        return f": none is kept in {str(STORE)!r} below the current folder"
    newest = ", ".join(folder.name for folder in folders[: -_NAMED - 1 : -1])
    return f"; the newest are {newest}"


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return str(error.strerror)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{_STORY}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)


def _new_folder(store: Path, name: str) -> Path:
    runs = store / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    (store / ".gitignore").write_text("*\n")
    for suffix in _suffixes():
        folder = runs / (name + suffix)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def _suffixes() -> Iterator[str]:
    yield ""
    number = 2
    while True:
        yield f"-{number}"
        number += 1


def _prune(runs: Path) -> None:
    for old in sorted(runs.iterdir())[:-KEPT]:
        (old / _STORY).unlink(missing_ok=True)  # first: what is left of it is no run
        shutil.rmtree(old, ignore_errors=True)
