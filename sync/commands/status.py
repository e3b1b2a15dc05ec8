"""`status`: freshness, wishes, holds, quarantine, parked, next runs; what to do about each trouble."""

from typing import Annotated

import typer

from sync.commands.options import ConfigOption, JsonOption, open_service
from sync.exit_codes import ERROR, OK


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(status)


def status(
    context: typer.Context,
    config: ConfigOption = None,
    fail: Annotated[
        bool,
        typer.Option(
            "--fail",
            help="Exit 1 when a source is late, stale, failed or was never pulled, an export is not whole, a destination failed, a file was refused,"
            " a hold is open, something is parked, or a wish is older than an hour.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how fresh everything is, what waits, and what needs a person."""
    from sync.status import status_of
    from sync.troubles import troubles

    found = status_of(open_service(context, config))
    if as_json:
        from sync.commands.json_lines import write_json

        write_json(found)
    else:
        from sync.commands.status_view import show_status

        show_status(found)
    raise typer.Exit(ERROR if fail and any(trouble.fails for trouble in troubles(found)) else OK)
