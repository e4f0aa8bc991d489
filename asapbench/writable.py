"""Whether outputs can be written, asked before a run that takes a minute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STDOUT = Path("-")
_LONGEST = 255  # bytes of a file's name, on any file system that there is


def writable(file: Path | None) -> Path | None:
    """The file, if there is none, if it is standard output, or if it can be written.

    Raises ValueError saying why not.
    """
    if file is not None and file != STDOUT and (why := _why_not(file)):
        raise ValueError(f"must be a file in a folder that exists and can be written ({why})")
    return file


def folder_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which may have to be made itself."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK)


def why_not_made(file: Path) -> str:
    """Why a file cannot be put in a folder that may have to be made; empty where it can."""
    if not folder_writable(file.parent):
        return f"is kept in {str(file.parent)!r} here, which cannot be written"
    if len(os.fsencode(file.name)) > _LONGEST:
        return f"must have at most {_LONGEST - len(file.suffix)} bytes"
    if file.is_dir():
        return f"is kept as {str(file)!r}, which is a folder"
    return ""


def same_files(files: Mapping[str, Path]) -> list[str]:
    """The names of those that are one file, also by a link; none but regular files count."""
    by_place: dict[Path, list[str]] = {}
    for name, file in files.items():
        if file != STDOUT and (not file.exists() or file.is_file()):
            by_place.setdefault(file.resolve(), []).append(name)
    return next((names for names in by_place.values() if len(names) > 1), [])


def _why_not(file: Path) -> str:
    """Asked by opening it, since only that knows of all reasons; what is new is taken away again.

    A pipe or a device is asked about only: its reader would take the opening for all there is.
    """
    try:
        if file.exists() and not file.is_file() and not file.is_dir():
            return "" if os.access(file, os.W_OK) else "Permission denied"
        existed = file.exists()
        with file.open("ab"):
            pass
        if not existed:
            file.unlink()
    except OSError as error:
        return str(error.strerror)
    except ValueError as error:
        return str(error)
    return ""
