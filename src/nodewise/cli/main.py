"""``nodewise``: the verbs, and what their exit codes mean (0 done, 2 bad input, 1 our fault)."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Annotated, Any, cast

import typer
from rich.markup import escape

from nodewise import __version__
from nodewise.cli.ablate import ablate
from nodewise.cli.atlas import atlas
from nodewise.cli.compare import compare
from nodewise.cli.evaluate import evaluate
from nodewise.cli.info import info
from nodewise.cli.measure import measure
from nodewise.cli.models import models
from nodewise.cli.phantom import phantom
from nodewise.cli.predict import predict
from nodewise.cli.prepare import prepare
from nodewise.cli.screen import errors, set_up_logging
from nodewise.cli.train import train
from nodewise.values.errors import BadInputError

_STOPPED = {128 + signal.SIGINT, 128 + signal.SIGTERM}
_UsageError = cast("type[Exception]", typer.BadParameter.__base__)  # typer has it, and does not name it

app = typer.Typer(
    name="nodewise",
    help="Lymph nodes on CT: found, measured, named and staged. Research use only, not for diagnosis.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for verb in (predict, measure, phantom, evaluate, compare, prepare, train, ablate, info):
    app.command()(verb)
app.add_typer(models, name="models")
app.add_typer(atlas, name="atlas")


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nodewise {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every step to the screen.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    set_up_logging(verbose)


def exit_code(arguments: list[str] | None = None) -> int:
    """Run one command; the code to exit with. Without a word it is the help."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _ended(app(args=words or ["--help"], prog_name="nodewise", standalone_mode=False))
    except SystemExit as end:
        return _ended(end.code)
    except _UsageError as problem:
        errors.print(f"[bold red]error:[/] {escape(_in_one_line(problem))}", soft_wrap=True)
        return 2
    except BadInputError as problem:
        errors.print(f"[bold red]error:[/] {escape(str(problem))}", soft_wrap=True)
        return 2
    except Exception as problem:
        logging.getLogger("nodewise").debug("traceback", exc_info=True)
        errors.print(f"[bold red]nodewise failed:[/] {type(problem).__name__}: {escape(str(problem))}", soft_wrap=True)
        errors.print(
            "This is a fault of nodewise. Run again with --verbose before the verb, and report what it prints."
        )
        return 1


def _ended(code: Any) -> int:
    if code in _STOPPED:
        errors.print("stopped: what was not finished has been removed")
    return int(code or 0)


def _in_one_line(problem: Any) -> str:
    """What is wrong with the words typed, and where the right ones are."""
    told = " ".join(problem.format_message().replace("Value error, ", "").split()).rstrip(".")
    return f"{told[0].lower()}{told[1:]}: see {problem.ctx.command_path if problem.ctx else 'nodewise'} --help"


def run() -> None:
    """Entry point of the console script; asked to stop, it leaves nothing half-written behind."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    sys.exit(exit_code())


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)
