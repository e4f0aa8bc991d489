"""What happens when a command is called: its options put together, run, and shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asapbench.cli.options import given, signature_of
from asapbench.commands import names
from asapbench.errors import Exit, Interrupted
from asapbench.model import Bench, Command, Exploring, Plan, Report, Value
from asapbench.outputs import (
    Formats,
    Outputs,
    attempt,
    baseline_of,
    compared,
    options_of,
    refuse_same,
    say,
    write,
)
from asapbench.report.outcome import overall
from asapbench.scratch import scratch_folder
from asapbench.settings import complete
from asapbench.store import STORE
from asapbench.terminal import color_on_stdout, mute, width_of_stdout
from asapbench.webui import WebPlan, refuse_beside_page

if TYPE_CHECKING:
    from asapbench.comparison import Comparison, Results

# Variables of these names are about a measurement: of what, and where its report goes.
_OF_A_RUN = frozenset({"host", *Formats.model_fields}) - {"quiet"}


def callback_of(found: Bench | Command) -> Callable[..., int]:
    """The function that typer calls; its arguments are the options."""
    return _measuring(found) if isinstance(found, Bench) else _answering(found)


def _measuring(bench: Bench) -> Callable[..., int]:
    models = options_of(bench)

    def run(**options: Any) -> int:
        plan, *outputs = complete(models, bench.name, given(options), frozenset(names()))
        if isinstance(plan, WebPlan):
            refuse_beside_page(plan, bench.explored, given(options))
        if (text := bench.instead(plan)) is not None:
            say(text)
            return Exit.PASS
        refuse_same(plan, *outputs)
        baseline = baseline_of(outputs[0], bench.name, plan)
        return measured(bench, plan, baseline, *outputs)

    return _called(run, *models)


def _answering(command: Command) -> Callable[..., int]:
    def run(**options: Any) -> int:
        models, known = (command.options,), frozenset(names())
        chosen = complete(models, command.name, given(options), known, unheard=_OF_A_RUN)
        refuse_same(*chosen)
        return answered(command, chosen[0])

    return _called(run, command.options)


def _called(run: Callable[..., int], *models: type[Value]) -> Callable[..., int]:
    """With the options of these models, and an end of our own where it is cut short.

    Typer would end without a word when interrupted, and with 1, as for a target that is missed,
    where the reader of a pipe went away: nothing is left to say to it.
    """

    def called(**options: Any) -> int:
        try:
            return run(**options)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            mute(sys.stdout)
            return Exit.BROKEN

    called.__signature__ = signature_of(*models)  # type: ignore[attr-defined]  # typer reads it
    return called


def answered(command: Command, options: Any) -> int:
    """Show the answer of a command; the exit code."""
    answer, code = command.run(options)
    if isinstance(answer, Report):
        _put(answer, options)
    else:
        say(answer)
    return code


def measured(
    bench: Bench,
    plan: Plan,
    baseline: Results | None,
    outputs: Outputs,
    own: Value | None = None,
) -> int:
    """Run a bench and show its report; the exit code."""
    from asapbench.engine import execute  # psutil and more: not for --help
    from asapbench.live import watching

    if (exploring := bench.explore(plan)) is not None:
        return _explored(plan, exploring)
    with _place(keep=not outputs.no_save) as place:
        with watching(quiet=outputs.quiet, title=f"asapbench {bench.name}") as watch:
            report = execute(bench, plan, watch, place=place)
        with _reporting(kept=not outputs.no_save):
            comparison = compared(report, baseline, outputs.max_slowdown)
            also = () if own is None else (partial(bench.write, report, own),)
            _put(report, outputs, comparison, *also)
    _, code = overall(report, comparison)
    return code


def _explored(plan: Plan, exploring: Exploring) -> int:
    from asapbench.exploring import explore

    explore(plan, exploring)
    return Exit.PASS


@contextmanager
def _place(*, keep: bool) -> Iterator[Path]:
    """Where runs are kept; with --no-save a place that is gone afterwards."""
    if keep:
        with _noting(f"what was measured is kept in {STORE / 'runs'}"):
            yield STORE
        return
    with scratch_folder() as folder:
        yield folder


@contextmanager
def _reporting(*, kept: bool) -> Iterator[None]:
    """What has to be said where the block is interrupted: all is measured."""
    try:
        yield
    except KeyboardInterrupt:
        shown = "; the run is kept: `asapbench report last` shows it" if kept else ""
        raise Interrupted(f"interrupted while the report was written{shown}") from None


@contextmanager
def _noting(text: str) -> Iterator[None]:
    """What has to be said where the block fails by a mistake of ours."""
    try:
        yield
    except Exception as error:
        error.add_note(text)
        raise


def _put(
    report: Report,
    outputs: Formats,
    comparison: Comparison | None = None,
    *also: Callable[[], None],
) -> None:
    """On standard output, unless that has been taken, and in files; what fails spoils no other."""
    show = partial(_show, report, comparison, brief=outputs.quiet)
    shown = () if outputs.stdout_taken else (show,)
    attempt(*shown, partial(write, report, outputs, comparison), *also)


def _show(report: Report, comparison: Comparison | None, *, brief: bool) -> None:
    from asapbench.report.comparison import render_comparison  # rich: not for --help
    from asapbench.report.text import render_text

    width, color = width_of_stdout(), color_on_stdout()
    say(render_text(report, comparison, width=width, color=color, brief=brief))
    if comparison is not None:
        say("\n" + render_comparison(comparison, width=width, color=color))
