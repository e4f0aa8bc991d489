"""What is seen so far as the lines of a terminal: never more of them than it has, nor wider.

From above: what runs and how far it is, the numbers of now, what came before, the verdicts as they
form, notes. Where there is no room for all, the last of these give way first, and tables show their
latest or worst rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from textwrap import wrap
from typing import Any

from rich.text import Text

from asapbench.environment import machine_notes
from asapbench.live.align import ended
from asapbench.live.curve import curve
from asapbench.live.gauge import gauges
from asapbench.live.seen import Seen
from asapbench.live.verdicts import rows_of, so_far
from asapbench.live.words import failures, phase_of
from asapbench.model import Story
from asapbench.report.drawing import clean
from asapbench.units import show_duration

_AIRY = 20  # lines from which on some are left blank
_SHORTEST_BAR, _LONGEST_BAR = 6, 60
_PHASE = 11  # characters, so that the bar stays where it is
_NOTE_LINES = 3


@dataclass(frozen=True)
class Block:
    """A part of the view that takes `rows`; where there is no room for them fewer, or none."""

    rows: int
    least: int
    draw: Callable[[int], Sequence[Text]]


def view(seen: Seen, width: int, height: int) -> list[Text]:
    """All that is shown; the last line of a terminal stays blank, for a ^C."""
    room = max(1, height - 1)
    gap = 1 if room >= _AIRY else 0
    blocks = [block for block in _blocks(seen, width) if block.rows]
    wanted = [block.rows + gap for block in blocks]
    least = [min(block.rows, block.least) + gap for block in blocks]
    given = zip(blocks, shares(wanted, least, room + gap), strict=True)
    drawn = [[*[Text()] * gap, *block.draw(rows - gap)] for block, rows in given if rows > gap]
    return [ended(line, width) for line in chain.from_iterable(drawn)][gap:]


def shares(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Who gets how many rows: the first what they want, as long as the others have the least."""
    given = []
    for index, (want, need) in enumerate(zip(wanted, least, strict=True)):
        given.append(min(want, room, max(need, room - sum(least[index + 1 :]))))
        room -= given[-1]
    return given


def _blocks(seen: Seen, width: int) -> Iterator[Block]:
    yield _lines([_what(seen, width), _progress(seen, width)], 2)
    part = _part(seen.story)
    rows = [*part.gauges(seen)] if seen.tick.numbers else []
    yield Block(len(rows), 3, lambda most: gauges(rows[:most], width))
    yield _lines([*_doing(seen)], 1)
    if seen.kept and part.COLUMNS:
        draw = partial(curve, seen.kept, head=part.HEAD, choices=part.COLUMNS, width=width)
        yield Block(len(seen.kept) + 1, 4, draw)
    if seen.verdicts:
        yield Block(rows_of(seen.verdicts), 8, partial(so_far, seen.verdicts, width=width))
    yield _lines([*_notes(seen.story, width)], 1)


def _lines(lines: Sequence[Text], least: int) -> Block:
    return Block(len(lines), least, lambda rows: lines[:rows])


def _part(story: Story | None) -> Any:
    """What a command shows of its own."""
    folder = "asapbench.live.parts"
    try:
        return importlib.import_module(f"{folder}.{story.command if story else 'other'}")
    except ModuleNotFoundError:
        return importlib.import_module(f"{folder}.other")


def _what(seen: Seen, width: int) -> Text:
    """What runs, and against which server."""
    for server in _server(seen):
        line = Text.assemble((seen.title, "bold"), "  ", clean(server))
        if line.cell_len <= width:
            break
    return line


def _server(seen: Seen) -> Iterator[str]:
    """The server, in fewer and fewer words."""
    server = seen.story.server if seen.story else None
    if server:
        yield f"{server.agent} at {server.url} ({server.how})"
        yield f"{server.url} ({server.how})"
        yield server.url
    elif seen.tick.numbers:
        yield "first a server that does nothing: what the instrument itself takes"
        yield "a server that does nothing"
    else:
        yield ""


def _progress(seen: Seen, width: int) -> Text:
    phase = f"{phase_of(seen.tick):<{_PHASE}} "
    share = min(1.0, max(0.0, seen.tick.progress))
    numbers = f" {share:>4.0%} {show_duration(int(seen.elapsed))}"
    room = min(_LONGEST_BAR, width - len(phase) - len(numbers))
    done = round(share * room) if room >= _SHORTEST_BAR else 0
    rest = room - done if room >= _SHORTEST_BAR else 0
    return Text.assemble(phase, ("━" * done, "cyan"), ("─" * rest, "dim"), numbers)


def _doing(seen: Seen) -> Iterator[Text]:
    """What is measured right now, and what is open, by name."""
    if seen.tick.doing:
        yield Text(f"now        {clean(seen.tick.doing)}")
    if seen.tick.undecided:
        names = clean(", ".join(seen.tick.undecided))
        yield Text(f"undecided  {names}")


def _notes(story: Story | None, width: int) -> Iterator[Text]:
    """What broke and what was noted, in a few lines each."""
    if story is None:
        return
    for text in failures(story):
        yield from _note("Failed", "red", text, width)
    for note in (*story.notes, *machine_notes(story.environment)):
        yield from _note("Note", "yellow", note.text, width)


def _note(label: str, style: str, text: str, width: int) -> Iterator[Text]:
    indent = len(label) + 2
    words, room = clean(text.replace("\n", " ")), max(10, width - indent)
    lines = wrap(words, room, max_lines=_NOTE_LINES, placeholder=" …")
    for index, line in enumerate(lines):
        lead = Text(f"{label}  ", style) if index == 0 else Text(" " * indent)
        yield Text.assemble(lead, line)
