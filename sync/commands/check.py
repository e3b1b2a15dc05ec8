"""`check`: validates the configuration whole, prints each segment back in English, warns of what cannot work."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sync.commands.options import ConfigOption, JsonOption, stop
from sync.exit_codes import BAD_CONFIG, OK


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    context: typer.Context,
    config: ConfigOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also connect to every destination and look at every folder.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Read no secret and no folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate everything; all problems at once, as file:line:column."""
    from config.load import find, survey
    from config.problem import ConfigError
    from sync.check import Examined, examine, live_problems

    if live and offline:
        raise stop("give either --live or --offline")
    try:
        loaded, faults = survey(find(config or context.obj["config"]))
    except ConfigError as error:
        loaded, faults = None, error.problems
    found = examine(loaded, offline=offline) if loaded is not None else Examined()
    problems = list(dict.fromkeys([*faults, *found.problems]))
    if live and loaded is not None and not problems:
        problems += live_problems(loaded)
    warnings = [*(loaded.warnings if loaded is not None else ()), *found.warnings]
    _show(found.english, problems, warnings, as_json=as_json)
    raise typer.Exit(BAD_CONFIG if problems else OK)


def _show(english: dict[str, str], problems: Sequence[object], warnings: Sequence[object], *, as_json: bool) -> None:
    if as_json:
        import orjson

        found = {"segments": english, "problems": [str(p) for p in problems], "warnings": [str(w) for w in warnings]}
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
        return
    for name, sentence in english.items():
        typer.echo(f"{name}: {sentence}")
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    for problem in problems:
        typer.echo(str(problem), err=True)
    typer.echo("The configuration is fine." if not problems else f"{len(problems)} problem(s).", err=bool(problems))
