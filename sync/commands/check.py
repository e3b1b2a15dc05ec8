"""`check`: validates the configuration whole, prints each segment back in English, warns of what cannot work."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from sync.commands.options import ConfigOption, JsonOption, stop
from sync.exit_codes import BAD_CONFIG

if TYPE_CHECKING:
    from sync.trial import Step


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    context: typer.Context,
    config: ConfigOption = None,
    live: Annotated[
        bool, typer.Option("--live", help="Also try every database, folder, source and destination; run as the daemon.")
    ] = False,
    create_fields: Annotated[
        bool, typer.Option("--create-fields", help="With --live: make the fields that destinations lack.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Read no secret and no folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate everything; all problems at once, as file:line:column."""
    from config.load import find, in_order, survey
    from config.problem import ConfigError
    from sync.check import Examined, examine
    from sync.trial import create_fields as make_fields
    from sync.trial import exit_code, trial

    if live and offline:
        raise stop("give either --live or --offline")
    if create_fields and not live:
        raise stop("--create-fields goes with --live")
    try:
        loaded, faults = survey(find(config or context.obj["config"]))
    except ConfigError as error:
        loaded, faults = None, error.problems
    now = datetime.now(UTC)
    found = examine(loaded, now, offline=offline, live=live) if loaded is not None else Examined()
    problems = in_order([*faults, *found.problems], loaded.files if loaded is not None else ())
    steps = []
    tried = chain(make_fields(loaded) if create_fields else (), trial(loaded, now)) if loaded is not None else ()
    for step in tried if live and not problems else ():
        steps.append(step)
        if not as_json:
            _show_step(step)
    warnings = [*(loaded.warnings if loaded is not None else ()), *found.warnings]
    if as_json:
        told: dict[str, object] = {"segments": found.english, "problems": list(map(str, problems))}
        told["warnings"] = list(map(str, warnings))
        _write_json(told | ({"live": [step.to_json() for step in steps]} if live else {}))
    else:
        _show(found.english, problems, warnings)
    raise typer.Exit(BAD_CONFIG if problems else exit_code(steps))


def _write_json(found: Mapping[str, object]) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(found).decode() + "\n")


def _show_step(step: "Step") -> None:
    who = " ".join(word for word in (step.kind, step.name) if word)
    typer.echo(f"{'ok    ' if step.ok else 'FAILED'} {who}, {step.step}: {step.hint}", err=not step.ok)


def _show(english: Mapping[str, str], problems: Sequence[object], warnings: Sequence[object]) -> None:
    for name, sentence in english.items():
        typer.echo(f"{name}: {sentence}")
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    for problem in problems:
        typer.echo(str(problem), err=True)
    typer.echo("The configuration is fine." if not problems else f"{len(problems)} problem(s).", err=bool(problems))
