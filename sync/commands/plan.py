"""`plan`: what a run would change, decided and not stored."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sync.commands.options import AsOfOption, ConfigOption, JsonOption, instant, open_config
from sync.exit_codes import OK, PLAN_HAS_CHANGES


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(plan)


def plan(
    context: typer.Context,
    config: ConfigOption = None,
    with_file: Annotated[
        Path | None, typer.Option("--with", help="Plan with this operators file in place of the folder operators/.")
    ] = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a review and push would change now; store nothing. Exit 2 when there is something."""
    from sync.build import build
    from sync.plan import plan_of

    service = build(open_config(context, config, with_file))
    found = plan_of(service, instant(service.config, as_of))
    if as_json:
        import orjson

        sys.stdout.write(orjson.dumps(found.to_json()).decode() + "\n")
    else:
        typer.echo("\n".join(found.sentences()))
    raise typer.Exit(PLAN_HAS_CHANGES if found.changes else OK)
