"""The command line: one command a bench, its options derived from the Plan; errors → exit codes."""

from __future__ import annotations

import inspect
import io
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, get_args, get_origin

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

import asap
from asapbench import __version__
from asapbench.commands import benches, commands
from asapbench.errors import BenchError, Exit, UsageError
from asapbench.model import Bench, Command, Plan, Report, Value, option_name
from asapbench.outputs import Formats, Outputs, compared, exit_code, say, write
from asapbench.settings import complete
from asapbench.store import STORE

if TYPE_CHECKING:
    from asapbench.comparison import Comparison

_EPILOG = (
    "Exit codes: 0 every target is met, 1 a target is missed, 2 bad usage, 3 no verdict, "
    "4 the run broke, 130 interrupted."
)


def main() -> NoReturn:
    """Run the command line and exit; no traceback reaches a user."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without µ still gets its verdict
    try:
        _refuse_foreign_asap()
        code = application()(standalone_mode=False)
    except typer.TyperException as error:
        say = getattr(error, "format_message", error.__str__)
        code = _complain(say(), Exit.USAGE)
    except BenchError as error:
        code = _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain("interrupted before anything was measured", Exit.INTERRUPTED)
    except BrokenPipeError:
        # the reader of a pipe went away: nothing is left to say to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.BROKEN
    except Exception:
        code = _apologise()
    _ignore_signals()  # all is said
    sys.exit(code)


def application() -> typer.Typer:
    """The whole command line, built from the benches that are found."""
    app = typer.Typer(
        name="asapbench",
        help="Does an ASAP agent meet its targets, and how sure are we?",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(_version)
    for bench in benches().values():
        app.command(bench.name, help=bench.doc, epilog=_EPILOG)(_measuring(bench))
    for command in commands().values():
        app.command(command.name, help=command.doc)(_answering(command))
    return app


def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"asapbench {__version__}")
        raise typer.Exit


def _measuring(bench: Bench) -> Callable[..., int]:
    models: tuple[type[Value], ...] = (
        bench.plan,
        Outputs,
        *([bench.outputs] if bench.outputs else []),
    )

    def run(**given: Any) -> int:
        plan, *outputs = complete(models, bench.name, _set(given), _tables())
        if (text := bench.instead(plan)) is not None:
            say(text)
            return Exit.PASS
        return _run(bench, plan, *outputs)

    return _with_options(_interruptible(run), *models)


def _answering(command: Command) -> Callable[..., int]:
    def run(**given: Any) -> int:
        (options,) = complete((command.options,), command.name, _set(given), _tables())
        return _answered(command, options)

    return _with_options(_interruptible(run), command.options)


def _interruptible(run: Callable[..., int]) -> Callable[..., int]:
    """Say so where nothing was measured yet; typer would end without a word."""

    def interrupted(**given: Any) -> int:
        try:
            return run(**given)
        except KeyboardInterrupt:
            return _complain("interrupted before anything was measured", Exit.INTERRUPTED)

    return interrupted


def _answered(command: Command, options: Any) -> int:
    answer, code = command.run(options)
    if isinstance(answer, Report):
        _put(answer, options)
    else:
        say(answer)
    return code


def _tables() -> frozenset[str]:
    """The tables that a file of options may hold: one a command."""
    return frozenset(benches()) | frozenset(commands())


def _set(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in (None, [])}


def _with_options(run: Callable[..., int], *models: type[Value]) -> Callable[..., int]:
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # typer reads it
        [
            _parameter(name, field, _panel(model, name))
            for model in models
            for name, field in _own_first(model)
        ]
    )
    return run


def _own_first(model: type[Value]) -> list[tuple[str, FieldInfo]]:
    """The fields of a model; what only this command has before what all have."""
    return sorted(model.model_fields.items(), key=lambda item: item[0] in Plan.model_fields)


def _panel(model: type[Value], name: str) -> str | None:
    """The group in which an option stands in the help of a command that measures."""
    if name in Outputs.model_fields:
        return "Results"
    if not issubclass(model, Plan):
        return None
    return "Server and verdict" if name in Plan.model_fields else "Measurement"


def _parameter(name: str, field: FieldInfo, panel: str | None) -> inspect.Parameter:
    """An option without a default, so that what is not given can be looked for elsewhere."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    flags = [_flag(name, field), *([str(extra["short"])] if "short" in extra else [])]
    say: dict[str, Any] = {
        "help": _help(field),
        "metavar": metavar(field),
        "show_default": False,
        "rich_help_panel": panel,
    }
    option = typer.Argument(**say) if "argument" in extra else typer.Option(*flags, **say)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_kind(field), option],
    )


def _flag(name: str, field: FieldInfo) -> str:
    positive = option_name(name)
    return positive if field.default is not True else f"{positive}/--no-{positive[2:]}"


def _help(field: FieldInfo) -> str:
    shown = field.default not in (None, False, True, ())
    return f"{field.description}" + (f" [{written(field.default)}]" if shown else "")


def written(default: Any) -> str:
    """A default as help shows it."""
    return f"{default:g}" if isinstance(default, float) else str(default)


def _kind(field: FieldInfo) -> Any:
    """Typer sees flags, lists and text; all checks are the Plan's."""
    if field.annotation is bool:
        return bool | None
    return list[str] | None if get_origin(field.annotation) is tuple else str | None


def metavar(field: FieldInfo) -> str:
    """What stands for the value; nothing for a flag."""
    if field.annotation is bool:
        return ""
    if isinstance(field.json_schema_extra, dict) and "metavar" in field.json_schema_extra:
        return str(field.json_schema_extra["metavar"])
    if any(isinstance(rule, BeforeValidator) for rule in field.metadata):
        return "TIME"
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    kinds: dict[Any, str] = {int: "N", float: "X", Path | None: "FILE"}
    return kinds.get(field.annotation, "TEXT")


def _run(bench: Bench, plan: Plan, outputs: Outputs, own: Value | None = None) -> int:
    from asapbench.engine import execute  # psutil and more: not for --help
    from asapbench.live import watching

    with _place(keep=not outputs.no_save) as place, watching(quiet=outputs.quiet) as watch:
        report = execute(bench, plan, watch, place=place)
    comparison = compared(report, outputs)
    _put(report, outputs, comparison)
    if own is not None:
        bench.write(report, own)
    return exit_code(report, comparison)


@contextmanager
def _place(*, keep: bool) -> Iterator[Path]:
    """Where runs are kept; with --no-save a place that is gone afterwards."""
    if keep:
        yield STORE
        return
    with tempfile.TemporaryDirectory(prefix="asapbench-") as folder:
        yield Path(folder)


def _put(report: Report, outputs: Formats, comparison: Comparison | None = None) -> None:
    if not outputs.stdout_taken:
        _show(report, comparison, brief=outputs.quiet)
    write(report, outputs, comparison)


def _show(report: Report, comparison: Comparison | None, *, brief: bool) -> None:
    from asapbench.report.comparison import render_comparison  # rich: not for --help
    from asapbench.report.text import render_text

    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size((120, 24)).columns
    say(render_text(report, width=width, color=color, brief=brief))
    if comparison is not None:
        say("\n" + render_comparison(comparison, width=width, color=color))


def _refuse_foreign_asap() -> None:
    if getattr(asap, "__implementation__", None) != "asapbench":
        raise UsageError(
            "the Python package 'asap' that is installed here is not the one of asapbench "
            "(asap-protocol has the same import name); install asapbench as a tool of its own: "
            "pipx install asapbench, or uv tool install asapbench"
        )


def _complain(message: str, code: int) -> int:
    print(f"asapbench: {message}", file=sys.stderr)  # noqa: T201 - the one line of an error
    return code


def _apologise() -> int:
    """Our own mistake: where it happened goes to a file, and a user reads one line."""
    crash = Path(tempfile.mkstemp(prefix="asapbench-", suffix=".txt")[1])
    crash.write_text(traceback.format_exc())
    name = sys.exc_info()[0]
    return _complain(
        f"a mistake of asapbench itself ({name.__name__ if name else ''}); please report it with "
        f"{crash}; what was measured is kept in .asapbench/runs",
        Exit.BROKEN,
    )


def _interrupt(*_: object) -> NoReturn:
    # once is enough: what follows ends in seconds, and must not be cut short by an impatient hand
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
