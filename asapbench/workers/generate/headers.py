"""The head of a request: our header lines, and the user's in place of ours or beside them."""

from __future__ import annotations

from collections.abc import Mapping

from asapbench import __version__


def common_headers(authority: str, given: Mapping[str, str]) -> dict[str, str]:
    """What every request carries."""
    ours = {"Host": authority, "User-Agent": f"asapbench/{__version__}", "Accept": "*/*"}
    return merge(ours, given)


def merge(ours: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Put the given headers in place of ours of the same name, however it is written."""
    names = {name.lower() for name in given}
    kept = {name: value for name, value in ours.items() if name.lower() not in names}
    return kept | dict(given)


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Write the lines before the body."""
    fields = (f"{name}: {value}" for name, value in headers.items())
    return "\r\n".join((f"{method} {target} HTTP/1.1", *fields, "", "")).encode("ascii")
