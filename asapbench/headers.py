"""Request headers that users give, whose secrets must not be shown or stored."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from string import Template

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET = re.compile(
    r"auth|cookie|token|secret|key|pass|signature|session|credential|jwt", re.IGNORECASE
)
# how a request is framed is not for a user to say
_FRAMING = {"content-length", "transfer-encoding"}
_TELLING = 8  # characters by which the begin of a secret is known
_SHORTEST = 4  # characters of a secret: a shorter one is in every other word
# a variable alone, or behind the name of a scheme
_NO_LITERAL = re.compile(r"\s*((basic|bearer|token)\s+)?\$(\w+|\{\w+\})\s*", re.IGNORECASE)


def expand_header(line: str, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Read "Name: value", with $NAME and ${NAME} in the value taken from the environment.

    Raises ValueError, never with the value in its message.
    """
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not _NAME.fullmatch(name):
        raise ValueError("a header is written 'Name: value'")
    if name.lower() in _FRAMING:
        raise ValueError(f"{name}: asapbench sets this header itself; leave it out")
    try:
        value = Template(value.strip()).substitute(environment)
    except KeyError as error:
        raise ValueError(f"{name}: the environment has no ${error.args[0]}") from error
    except ValueError as error:
        raise ValueError(f"{name}: a $ is followed by a name, or doubled") from error
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name}: the value has characters that no header may have")
    return name, value


def expand_headers(lines: Iterable[str]) -> dict[str, str]:
    """Read several; a later line of the same name wins."""
    return dict(expand_header(line) for line in lines)


def conceal(text: str, lines: Iterable[str], environment: Mapping[str, str] = os.environ) -> str:
    """A text, such as the answer of a server, without what headers took from the environment."""
    for secret in sorted(_secrets(lines, environment), key=len, reverse=True):
        text = _without(text, secret)
    return text


def _without(text: str, secret: str) -> str:
    """A text in which a secret is masked, and what begins like it: an answer may have been cut."""
    before, *others = text.split(secret[:_TELLING])
    rest = secret[_TELLING:]
    return "***".join((before, *(other[_shared(other, rest) :] for other in others)))


def _shared(text: str, other: str) -> int:
    """By how many characters both begin."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (one, two) in pairs if one != two), min(len(text), len(other)))


def _secrets(lines: Iterable[str], environment: Mapping[str, str]) -> set[str]:
    names = {
        found["named"] or found["braced"]
        for line in lines
        for found in Template.pattern.finditer(line.partition(":")[2])
    }
    values = {environment.get(name, "") for name in names if name}
    return {value for value in values if len(value) >= _SHORTEST}


def mask_header(line: str) -> str:
    """A header as it may be stored: where its name speaks of a secret, only $NAME is kept."""
    name, _, value = line.partition(":")
    return f"{name}: ***" if _SECRET.search(name) and not _NO_LITERAL.fullmatch(value) else line
