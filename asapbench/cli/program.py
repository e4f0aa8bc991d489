"""The commands as typer has them; each is imported only when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from asapbench import __version__
from asapbench.cli.help import Box, page, rows_of
from asapbench.commands import names, outline
from asapbench.errors import EXITS, Exit

if TYPE_CHECKING:
    from asapbench.model import Bench, Command

_HELP = "Does an ASAP agent meet its targets, and how sure are we?"
_EXAMPLES = (
    ("asapbench load", "a first verdict, on the embedded agent, in a minute"),
    ("asapbench load --host http://127.0.0.1:8000", "on an agent that runs already"),
    ("asapbench report last --html report.html", "the last run as a page with charts"),
)
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def application() -> typer.Typer:
    """The whole command line, with a command for each module beside `asapbench.commands`."""
    app = _typer(cls=Index, name="asapbench", help=_HELP)
    app.callback(invoke_without_command=True)(_root)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"asapbench {__version__}")
        raise typer.Exit


def _root(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has done it
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Without a command, what there is."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(Exit.USAGE)


class Page(TyperCommand):
    """A command whose help comes in boxes."""

    made_of: Bench | Command

    def get_help(self, ctx: Any) -> str:
        """The whole text."""
        found = self.made_of
        boxes = (
            Box("Examples", found.examples, stacked=True),
            *rows_of(self.get_params(ctx)),
            Box("Exit codes", [(str(int(code)), text) for code, text in found.exits.items()]),
        )
        return page(self.get_usage(ctx), found.doc, boxes)


class Index(TyperGroup):
    """All commands, by what they are for; each is made when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # what a typing error is compared with
        self.commands = {name: TyperCommand(name) for name in names()}

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """Imports the module of the command."""
        return _made(cmd_name) if cmd_name in self.commands else None

    def get_help(self, ctx: Any) -> str:
        """The whole text."""
        found = [outline(name) for name in self.list_commands(ctx)]
        boxes = (
            Box("Measure", [(one.name, one.summary) for one in found if one.measures]),
            Box("Look, compare, prepare", [(o.name, o.summary) for o in found if not o.measures]),
            Box("Examples", _EXAMPLES, stacked=True),
            *rows_of(self.get_params(ctx)),
            Box("Exit codes", [(str(int(code)), text) for code, text in EXITS.items()]),
        )
        return page(self.get_usage(ctx), _HELP, boxes)


def _made(name: str) -> Page:
    from asapbench.cli.running import callback_of  # pydantic: not for a list of commands
    from asapbench.commands import find

    found = find(name)
    app = _typer(add_completion=False)
    app.command(name, cls=Page, help=found.doc)(callback_of(found))
    command = cast(Page, typer.main.get_command(app))
    command.made_of = found
    return command


def _typer(**more: Any) -> typer.Typer:
    """Plain: the boxes are our own, and errors are said in one line."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        **more,
    )
