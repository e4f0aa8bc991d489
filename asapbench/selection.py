"""Which benchmarks of a suite are measured, and which metrics they give."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from asapbench.catalogue import REFERENCES, Entry
from asapbench.errors import UsageError
from asapbench.model import metric_key

SIZES = 4  # that an exponent is fitted to, at least


def select(entries: Sequence[Entry], groups: Sequence[str], pattern: str) -> tuple[Entry, ...]:
    """The benchmarks of these groups (of all without any) whose key fits the pattern.

    Raises UsageError for a group that there is not, and where nothing is left.
    """
    known = tuple(dict.fromkeys(entry.group for entry in entries))
    for group in groups:
        if group not in known:
            raise UsageError(f"--group: {group!r} is no group of this suite; {_near(group, known)}")
    chosen = tuple(
        entry
        for entry in entries
        if (not groups or entry.group in groups) and matches(entry.key, pattern)
    )
    if not chosen:
        within = f" in {', '.join(groups)}" if groups else ""
        raise UsageError(
            f"-k: no benchmark{within} has {pattern!r} in its name; --list shows what there is"
        )
    return chosen


def matches(key: str, pattern: str) -> bool:
    """Whether a part of the key, or with `*` or `?` all of it, fits; case is ignored."""
    key, pattern = key.lower(), pattern.lower()
    return fnmatchcase(key, pattern) if set(pattern) & set("*?[") else pattern in key


def metric_units(entries: Sequence[Entry]) -> dict[str, str]:
    """Every metric key that these benchmarks can give, with its unit."""
    entries = (*entries, *REFERENCES)
    units = dict(pair for entry in entries for pair in _of_one(entry, entries))
    units |= dict.fromkeys(exponents(entries), "count")
    return units | dict.fromkeys(("noise", "overhead", "disturbed"), "ratio")


def exponents(entries: Iterable[Entry]) -> dict[str, tuple[int, ...]]:
    """The groups whose growth with size can be fitted: by group, the positions of its entries."""
    found: dict[str, list[int]] = {}
    for position, entry in enumerate(entries):
        if entry.exponent and entry.size is not None:
            found.setdefault(entry.group, []).append(position)
    return {group: tuple(those) for group, those in found.items() if len(those) >= SIZES}


def judged_key(entry: Entry) -> str:
    """The key of the metric that says how fast a benchmark is."""
    return key_of(entry, ".time" if entry.exponent else "")


def key_of(entry: Entry, kind: str) -> str:
    """The key of a metric of a benchmark, such as its `.peak_memory`."""
    return metric_key(entry.group + kind, {"benchmark": entry.name})


def _of_one(entry: Entry, entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    yield judged_key(entry), "req/s" if entry.rate else "s"
    yield key_of(entry, ".blocks"), "count"
    yield key_of(entry, ".peak_memory"), "B"
    if entry.agent:
        yield key_of(entry, ".client_cpu"), "s"
    if entry.size is not None:
        yield key_of(entry, ".speed"), "B/s"
    if against(entry, entries) is not None:
        yield key_of(entry, ".speedup"), "count"
    for number in entry.numbers:
        yield key_of(entry, f".{number}"), "ratio"


def against(entry: Entry, entries: Sequence[Entry]) -> int | None:
    """The position of the benchmark that an entry is compared with, if it is among these."""
    wanted = (entry.group, entry.against)
    return next((at for at, e in enumerate(entries) if (e.group, e.name) == wanted), None)


def _near(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "there are " + ", ".join(known)
