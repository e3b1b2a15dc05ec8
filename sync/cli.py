"""The command line: one place that makes commands, and one that turns errors into advice and exit codes."""

import sys

import typer
from typer._click.exceptions import ClickException

from sync.commands import COMMANDS
from sync.commands.options import ConfigOption, VersionOption
from sync.exit_codes import BAD_CONFIG, ERROR, INTERRUPTED, REFUSED_CREDENTIALS, UNAVAILABLE, USAGE

app = typer.Typer(
    name="prm-sync",
    help="Keeps a therapy practice's patient-relationship list true to its EMR.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def prm_sync(context: typer.Context, config: ConfigOption = None, _version: VersionOption = False) -> None:
    """Keeps a therapy practice's patient-relationship list true to its EMR."""
    context.obj = {"config": config}


for command in COMMANDS:
    command(app)


def main() -> None:
    """Runs a command and exits with its code."""
    sys.exit(_run())


def _run() -> int:
    try:
        result = app(prog_name=app.info.name, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except ClickException as error:
        return _usage(error)
    except Exception as error:
        return _advise(error)


def _usage(error: ClickException) -> int:
    from typer.rich_utils import rich_format_error

    rich_format_error(error)
    return USAGE


def _advise(error: Exception) -> int:
    """Prints what to do and finds the exit code; the libraries behind these errors are loaded by now, or not needed."""
    from config.problem import ConfigError
    from connectors.base import Misconfigured, Unavailable
    from sync.codes import CodeTaken
    from sync.holds import UnknownHold
    from sync.owner import Busy
    from sync.store.schema import SchemaMismatch

    match error:
        case ConfigError():
            return _fail("\n".join(str(problem) for problem in error.problems), BAD_CONFIG)
        case Misconfigured():
            return _fail(str(error), REFUSED_CREDENTIALS if error.credentials else BAD_CONFIG)
        case SchemaMismatch() | CodeTaken():
            return _fail(str(error), BAD_CONFIG)
        case Busy() | Unavailable():
            return _fail(str(error), UNAVAILABLE)
        case UnknownHold():
            return _fail(str(error), USAGE)
        case _:
            return _unexpected(error)


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(sentence + "\n")
    return code


def _unexpected(error: Exception) -> int:
    """Says where it happened, never with which values: messages of libraries repeat what they were given."""
    from sync.log import place_of, say
    from sync.store.faults import fault_of

    fault = fault_of(error)
    if fault is not None:
        if fault.kind == "damage":
            say("database.corrupt", "error")
        return _fail(fault.sentence, UNAVAILABLE if fault.kind == "passing" else ERROR)
    say("command.failed", "error", error=type(error).__name__, place=place_of(error))
    return ERROR
