"""Help as boxes, an idea each: options by group, examples, exit codes.

Drawn by hand: typer's own takes rich, Markdown and pygments, longer than all that --help may take.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from asapbench.terminal import color_on_stdout, width_of_stdout

_WIDEST, _NARROWEST = 110, 24
_LEFT = 34  # columns, at most, of what stands before its description
_ROOM = 24  # columns, at least, for a description beside it
_INDENT = "    "
_GENERAL = "Options"


@dataclass(frozen=True)
class Box:
    """A title, and rows of something and what it is, beside it or, `stacked`, below it."""

    title: str
    rows: Sequence[tuple[str, str]]
    stacked: bool = False


def page(usage: str, text: str, boxes: Iterable[Box]) -> str:
    """All of the help of a command, as wide as the terminal."""
    width = max(_NARROWEST, min(width_of_stdout(80), _WIDEST))
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    wrapped = [_wrapped(part, width) for part in (" ".join(usage.split()), *paragraphs)]
    drawn = ["\n".join(_drawn(box, width)) for box in boxes if box.rows]
    return "\n\n".join(["\n".join(lines) for lines in wrapped] + ["\n".join(drawn)])


def rows_of(params: Iterable[Any]) -> list[Box]:
    """The options by group, in the order of their first; what is not of a group comes last."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        group = getattr(param, "rich_help_panel", None) or _GENERAL
        groups.setdefault(group, []).append((_written(param), param.help or ""))
    general = groups.pop(_GENERAL, [])
    return [*(Box(name, rows) for name, rows in groups.items()), Box(_GENERAL, general)]


def _written(param: Any) -> str:
    """`-u, --users N`; without a short name indented as far."""
    if param.param_type_name == "argument":
        return str(param.metavar)
    short = [name for name in param.opts if not name.startswith("--")]
    long = [name for name in (*param.opts, *param.secondary_opts) if name.startswith("--")]
    names = f"{short[0]}, " if short else "    "
    value = "" if param.is_flag else f" {param.metavar or ''}"
    return f"{names}{' / '.join(long)}{value}".rstrip()


def _drawn(box: Box, width: int) -> Iterator[str]:
    inner = width - 4
    yield _dim(f"╭─ {box.title} {'─' * (width - len(box.title) - 5)}╮")
    for line, shown in _stacked(box.rows, inner) if box.stacked else _lines(box.rows, inner):
        yield f"{_dim('│')} {shown}{' ' * (inner - len(line))} {_dim('│')}"
    yield _dim(f"╰{'─' * (width - 2)}╯")


def _lines(rows: Sequence[tuple[str, str]], width: int) -> Iterator[tuple[str, str]]:
    """Each line as it is, and as it is shown: what a row is about stands out."""
    left = max((len(name) for name, _ in rows if len(name) <= _LEFT), default=0)
    if width - left - 2 < _ROOM:
        yield from _stacked(rows, width)
        return
    for name, text in rows:
        if len(name) > left:
            yield name, _bold(name)
            name = ""
        for line in _wrapped(text, width - left - 2) or [""]:
            yield f"{name:<{left}}  {line}", f"{_bold(f'{name:<{left}}')}  {line}"
            name = ""


def _stacked(rows: Sequence[tuple[str, str]], width: int) -> Iterator[tuple[str, str]]:
    for name, text in rows:
        for line in _wrapped(name.strip(), width, indent=_INDENT * 2):
            yield line, _bold(line)
        for line in _wrapped(text, width - len(_INDENT)):
            yield _INDENT + line, _INDENT + line


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _bold(text: str) -> str:
    return typer.style(text, bold=True) if color_on_stdout() else text


def _dim(text: str) -> str:
    return typer.style(text, dim=True) if color_on_stdout() else text
